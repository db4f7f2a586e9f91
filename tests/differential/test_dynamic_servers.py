"""`add server` and `del server` in both programs: the same commands in the same order are answered alike, and leave the same
states.

haproxy 2.6 wants no `experimental-mode` any more, and nothing is said against it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from support.proxy import Proxy

CONFIG = """
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend fe
    bind fd@fe
    default_backend be
backend be
    balance roundrobin
    cookie SRV insert
    default-server weight 7 maxconn 5 backup
    use-server s2 if { path /s2 }
    server s1 127.0.0.1:18302 cookie one
    server s2 127.0.0.1:18302
    server s3 127.0.0.1:18302 check inter 1h
    server s4 127.0.0.1:18302 track s3
    server s5 127.0.0.1:18302
    http-request deny if { srv_is_up(be/s5) false }
backend least
    balance leastconn
backend first
    balance first
    server s1 127.0.0.1:18302
backend random
    balance random
    server s1 127.0.0.1:18302
backend ring
    balance source
    hash-type consistent
    server s1 127.0.0.1:18302
backend source
    balance source
    server s1 127.0.0.1:18302
backend turns
    balance static-rr
    server s1 127.0.0.1:18302
backend tcp
    mode tcp
    server s1 127.0.0.1:18302
"""

COMMANDS = """
add server
add server be
add server be/
add server /s9
add server nope/s9 127.0.0.1:80
add server fe/s9 127.0.0.1:80
add server be/s9
add server be/s9$ 127.0.0.1:80
add server be/a/b 127.0.0.1:80
add server be/s9 127.0.0.1:80-90
add server be/s9 127.0.0.1:99999
add server be/s9 127.0.0.1:80 foo
add server be/s9 127.0.0.1:80 chekc
add server be/s9 127.0.0.1:80 foo=bar
add server be/s1 127.0.0.1:80
add server be/s1 127.0.0.1:80 foo
add server be/s1
add server source/s9 127.0.0.1:80
add server turns/s9 127.0.0.1:80
add server be/a1 127.0.0.1:80
add server be/a1 127.0.0.1:80
add server be/a2 127.0.0.1:80 id 1
add server be/a2 127.0.0.1:80 id 0
add server be/a2 127.0.0.1:80 id x
add server be/a2 127.0.0.1:80 id
add server be/a2 127.0.0.1:80 id 100 weight 12 maxconn 9 maxqueue 4 minconn 2 backup slowstart 10s
experimental-mode on; add server be/a3 127.0.0.1:80
add server be/a4 127.0.0.1:80 weight 257
add server be/a4 127.0.0.1:80 inter 0
add server be/a4 127.0.0.1:80 fall 0
add server be/a4 127.0.0.1:80 no-check
add server be/a4 127.0.0.1:80 resolvers x
add server be/a4 127.0.0.1:80 init-addr none
add server be/a4 127.0.0.1:80 redir http://a
add server be/a4 127.0.0.1:80 non-stick
add server be/a4 127.0.0.1:80 no-ssl
add server be/a4 127.0.0.1:80 socks4 127.0.0.1:1
add server be/a4 127.0.0.1:80 track nope/s1
add server be/a4 127.0.0.1:80 track nope
add server be/a4 127.0.0.1:80 track be/s1
add server be/a4 127.0.0.1:80 track be/a1
add server be/a4 127.0.0.1:80 check track be/s3
add server be/a4 127.0.0.1 check
add server be/a4 127.0.0.1:80 agent-check
add server be/a4 127.0.0.1:80 ssl
add server be/a4 127.0.0.1:80 ssl verify nope
add server be/a4 127.0.0.1:80 ssl ca-file nope.crt
add server be/a4 127.0.0.1:80 ssl verify none sni
add server be/a4 127.0.0.1:80 ssl verify none sni foo
add server be/a4 127.0.0.1:80 source
add server be/a4 127.0.0.1:80 usesrc client
add server be/a4 127.0.0.1:80 observe nope
add server be/a4 127.0.0.1:80 on-marked-down nope
add server be/a4 127.0.0.1:80 proto nope
add server tcp/a4 127.0.0.1:80 proto fcgi
add server be/a4 127.0.0.1:80 check inter 1h rise 3 fall 4
add server be/a5 127.0.0.1:80 check inter 1h agent-check agent-port 9 agent-inter 1h observe layer7
add server be/a6 127.0.0.1:80 track be/s3
add server be/a7 127.0.0.1:80 disabled
add server be/a8 127.0.0.1:80 enabled
add server be/a9 127.0.0.1:80 disabled enabled
add server be/b1 [::1]:80
add server be/b3 unix@/nowhere
add server be/b4 127.0.0.1
add server be/b5 127.0.0.1:80 send-proxy source 127.0.0.2 no-backup
add server be/b6 127.0.0.1:80 ssl verify none sni str(a.test) alpn http/1.1 no-tlsv10
add server be/b7 127.0.0.1:80 addr 127.0.0.3 port 8 check inter 1h check-send-proxy
add server least/a1 127.0.0.1:80
add server least/a2 127.0.0.1:80 enabled
add server first/a1 127.0.0.1:80 enabled
add server random/a1 127.0.0.1:80 enabled
add server ring/a1 127.0.0.1:80 enabled
add server tcp/a1 127.0.0.1:80
add server be/a7 127.0.0.1:80
add server be/c9 127.0.0.1:80 id 100 foo
enable health be/a1
enable agent be/a1
enable health be/a4
enable agent be/a5
disable agent be/a5
enable server be/a1
enable server be/a6
enable server be/a7
set server be/a1 weight 50
set weight be/a1 50%
get weight be/a1
set server be/a1 addr 127.0.0.9 port 99
set server be/a1 state drain
set server be/a1 state ready
set maxconn server be/a1 7
del server
del server be
del server nope/s1
del server be/nope
del server be/a1
disable server be/a1
del server be/a1
del server be/a1
add server be/c1 127.0.0.1:81
del server be/#6
del server be/s2
disable server be/s2
del server be/s2
disable server be/s3
del server be/s3
disable server be/s5
del server be/s5
disable server be/a6
del server be/a6
disable server be/s4
del server be/s4
del server be/s3
disable server be/s1
del server be/s1 more words
add server be/s1 127.0.0.1:82
enable server be/s1
disable server be/a4
del server be/a4
del server be/a5
add server be/a5 127.0.0.1:80 check inter 1h
del server be/a2
add server be/c2 127.0.0.1:80 id 100
disable server source/s1
del server source/s1
disable server turns/s1
del server turns/s1
disable server ring/s1
del server ring/s1
disable server random/s1
del server random/s1
del server least/a1
add server least/a1 127.0.0.1:83 enabled
set severity-output number; add server be/zz 127.0.0.1:80; del server be/zz; del server be/zz
user; add server be/c3 127.0.0.1:80
operator; del server be/c1
show backend
""".strip().splitlines()
# Of `show stat`, what does not depend on when it is asked. haproxy: the weight in use is 1 until a server was enabled once.
COLUMNS = (
    *("status", "act", "bck", "chkdown", "qlimit", "iid", "sid", "tracked", "slim", "cookie", "addr", "check_rise"),
    *("check_fall", "check_health", "agent_rise", "agent_fall", "hanafail", "mode", "uweight", "stot", "type"),
)


class Site:
    """What one program answered, and the state it was in after each command."""

    def __init__(self, program: str) -> None:
        self.answers: list[str] = []
        self.states: list[list[str]] = []
        proxy = Proxy(program, CONFIG)
        try:
            for command in COMMANDS:
                self.answers.append(masked(proxy.command(command)))
                self.states.append(state(proxy))
        finally:
            proxy.finish()


def masked(answer: str) -> str:
    # haproxy: a fault of an option's value ends in two full stops, and more words are thought to be meant.
    answer = re.sub(r"(\.+|; did you mean 'tfo' maybe \?)\n", ".\n", answer)
    return re.sub(r"used at \S+", "used at PLACE", answer)


def state(proxy: Proxy) -> list[str]:
    """All servers' lines of `show servers state`, without the time, and their columns of `show stat`."""
    lines = []
    for line in proxy.command("show servers state").splitlines()[2:]:
        words = line.split()
        # The checks of the configuration's servers have begun or not; of those that track haproxy shows some health.
        if words and words[3] != "s4":
            lines.append(" ".join(word for place, word in enumerate(words) if place not in (9, 10, 11)))
    for (backend, name), row in proxy.stat().items():
        if row["type"] == "2":
            lines.append(f"{backend}/{name} {[row[column] for column in COLUMNS]}")
    return lines


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Site, Site]]:
    yield Site("haproxy"), Site(os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=[f"{i}-{text[:50]}" for i, text in enumerate(COMMANDS)])
def test_command_is_answered_as_by_haproxy_and_does_the_same(sites, place):
    reference, tested = sites
    assert tested.answers[place] == reference.answers[place], COMMANDS[place]
    assert tested.states[place] == reference.states[place], COMMANDS[place]
