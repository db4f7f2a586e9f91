"""Commands on servers, frontends, streams and the connection itself: the same ones are answered as haproxy answers them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from support.proxy import Proxy

CONFIG = """
global
    maxconn 100
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend fe
    bind fd@fe
    default_backend be
backend be
    server s1 127.0.0.1:18302
    server s2 127.0.0.1:18303 check inter 1h
    server s3 127.0.0.1:18304 check inter 1h port 18305
frontend gone
    bind fd@gone
backend ag
    server s1 127.0.0.1:18302 agent-check agent-port 18306 agent-inter 1h
    server s2 127.0.0.1:18302
backend sta
    balance static-rr
    server s1 127.0.0.1:18302
backend direct
    option transparent
    server s1 127.0.0.1:18302
"""

COMMANDS = r"""
set server be/s2 check-addr 127.0.0.8
set server be/s2 check-addr 127.0.0.7 port 8
set server be/s2 check-addr 127.0.0.7 port x
set server be/s2 check-addr bad
set server be/s2 check-addr
set server be/s2 check-addr 127.0.0.7 foo
set server be/s2 check-port 99
set server be/s2 check-port x
set server be/s2 check-port 99999
set server be/s2 check-port
set server be/s1 check-port 99
set server be/s1 check-addr 127.0.0.1
enable health be/s1
disable health be/s1
disable health be/s2
set server be/s2 check-port 4
enable health be/s2
enable health be/zz
set severity-output
set severity-output x
set severity-output number; set server be/s1 weight 500; set severity-output none; set server be/s1 weight 500
set severity-output string; set server be/s1 weight 5; set weight be/s1 6; get weight be/s1; get weight nope
set severity-output string; set map nope a b; show map nope; get var x; set server be/s1 state x; disable frontend nope
set severity-output string; disable server be/zz; clear table zz; show env NOPE; set server be/s1 addr 127.0.0.3
set severity-output number; set timeout cli x; user; set weight be/s1 1
set severity-output string; set var proc.x int(1)
set server be/s1 addr 127.0.0.9
set server be/s1 addr 127.0.0.9 port 99
set server be/s1 addr 127.0.0.9 port 99
set server be/s1 addr bad
set server be/s1 addr 127.0.0.9 port x
set server be/s1 weight x
set server be/s1 weight 50%
set server be/s1 fqdn a.b
set weight sta/s1 5
set weight direct/s1 5
set weight direct/s1 0%
add server direct/s2 127.0.0.1:1
set weight sta/s1 0%
set maxconn frontend fe 10
set maxconn frontend fe
set maxconn frontend
set maxconn server be/s1 5
set maxconn server be/s1 x
set maxconn global 5
set maxconn global
set rate-limit
set rate-limit connections
set rate-limit connections local 5
set rate-limit errors global 5
set rate-limit connections global
set rate-limit connections global 5x 6; show info
set rate-limit connections global -1
set rate-limit connections global 2147483648
set rate-limit connections global x; show info
set rate-limit sessions global
set rate-limit sessions global 2147483647; show info
set rate-limit sessions global 0; show info
set rate-limit ssl-sessions global
set rate-limit ssl-sessions global 3; show info
set rate-limit ssl-sessions global -3
set rate-limit http-compression global
set rate-limit http-compression global 12; show info
set rate-limit http-compression global -12
set rate-limit http-compression global 0; show info
set timeout
set timeout cli
set timeout cli 10
set timeout cli 0; set timeout cli 1us; set timeout cli 5sec; set timeout cli 25d; set timeout cli 5 s; set timeout cli -1
show sess 0x99
shutdown session
shutdown session zz
shutdown session 0x1
shutdown sessions server
shutdown sessions server be/s1
shutdown sessions server be/nope
shutdown sessions server nope/s1
disable frontend fe;disable frontend fe; enable frontend fe; enable frontend fe
expert-mode
expert-mode on; expert-mode; expert-mode off; expert-mode
experimental-mode
user; show cli level; operator; show cli level
operator; show cli level; user; show cli level
prompt\nshow cli level; show cli level\nquit
clear counters
clear counters all
disable agent ag/s1
set server ag/s1 agent up
enable agent ag/s1
enable agent ag/s2
disable agent ag/s2
enable agent
disable agent ag/x
set server ag/s1 agent up
set server ag/s1 agent down
set server ag/s1 agent foo
set server ag/s1 agent
set server ag/s2 agent up
set server ag/s1 agent-addr 127.0.0.2
set server ag/s1 agent-addr 127.0.0.2 port 9
set server ag/s1 agent-addr 127.0.0.2 port x
set server ag/s1 agent-addr bad
set server ag/s1 agent-addr
set server ag/s2 agent-addr 127.0.0.2
set server ag/s1 agent-port 99
set server ag/s1 agent-port x
set server ag/s1 agent-port 99999
set server ag/s1 agent-port
set server ag/s2 agent-port 9
set server ag/s1 agent-send foo
set server ag/s1 agent-send
set server ag/s2 agent-send foo
shutdown frontend
shutdown frontend nope
shutdown frontend gone
shutdown frontend gone
enable frontend gone
disable frontend gone
experimental-mode on; operator; experimental-mode
show ssl providers
""".strip().splitlines()
# haproxy: a user may change maps there; fastlb wants an operator.
CHANGES = ("add map x y z", "del map x y", "clear map x", "prepare map x", "commit map x", "set map a b c")
BY_LEVEL = """
show map
get map x y
add map x y z
del map x y
clear map x
prepare map x
commit map x
set map a b c
get acl a b
show sess 0x1
shutdown session 0x1
shutdown sessions server be/s1
get var proc.x
set var proc.x
experimental-mode on
expert-mode on
set severity-output none
set weight be/s1 1
enable health be/s2
disable server be/s1
clear counters
clear counters all
set server be/s1 check-port 4
set maxconn global 3
set rate-limit connections global 3
set rate-limit
disable frontend fe
shutdown frontend fe
disable agent ag/s1
show libs
show startup-logs
set timeout cli 10
""".strip().splitlines()


def commands() -> list[str]:
    by_level = [(level, command) for level in ("operator", "user") for command in BY_LEVEL]
    return [*COMMANDS, *(f"{level}; {command}" for level, command in by_level if not (level == "user" and command in CHANGES))]


def masked(answer: str) -> str:
    answer = re.sub(r"^\[NOTICE\].*\n", "", answer, flags=re.M)
    answer = re.sub(r"(0x[0-9a-f]+-0x[0-9a-f]+ \(0x[0-9a-f]+\) \S+\n)+", "LIBRARIES\n", answer)
    # Of `show info` the limits only.
    answer = re.sub(r"^(?!(Conn|Sess|Ssl)RateLimit|CompressBpsRateLim)[A-Z][\w .-]+: .*\n", "", answer, flags=re.M)
    return re.sub(r"0x[0-9a-f]+", "REF", answer)


@pytest.fixture(scope="module")
def answers() -> Iterator[tuple[list[str], list[str]]]:
    """Every command's answer by haproxy, and by the program under test."""
    yield run("haproxy"), run(os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))


def run(program: str) -> list[str]:
    proxy = Proxy(program, CONFIG)
    try:
        return [masked(proxy.command(command.replace("\\n", "\n"))) for command in commands()]
    finally:
        proxy.finish()


@pytest.mark.parametrize("place", range(len(commands())), ids=[f"{i}-{text[:40]}" for i, text in enumerate(commands())])
def test_command_is_answered_as_by_haproxy(answers, place):
    reference, tested = answers
    assert tested[place] == reference[place], commands()[place]
