"""Each action in each of its rule sets acts as haproxy's does, and rules for a server's bytes find what haproxy's find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.origin import OriginConnection, by_request, reply
from support.poll import poll
from support.programs import both_programs
from support.rule_cases import ANSWERS, CASES, LOOKS, RuleCase

from .lab import HEAD, Case, Lab

SITE = HEAD + """    timeout tunnel 8s
frontend fe
    bind fd@fe
    default_backend be
backend be
    server s1 {origin}
"""
REQUEST = b"GET /a HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"


def proxy_of(number: int, case: RuleCase, files: Path) -> str:
    map_file, acl_file = files / f"{number}.map", files / f"{number}.acl"
    lines = [f"listen r{number}", f"    bind fd@r{number}", f"    stick-table type ip size 100 expire 1m store {case.store}"]
    if "track" not in case.id:
        lines.append("    tcp-request connection track-sc0 src")
    if case.letter == "r":
        # haproxy: without a delay it may decide before the answer has come.
        lines.append("    tcp-response inspect-delay 2s")
    lines += [f"    {case.keyword} {line}" for line in case.lines]
    if case.seen:
        lines.append(f"    http-after-response set-header X-Seen {case.seen}")
    text = "\n".join([*lines, "    server s1 <origin>\n"]).replace("{map}", str(map_file)).replace("{acl}", str(acl_file))
    return text.replace("{", "{{").replace("}", "}}").replace("<origin>", "{origin}")


def config(files: Path) -> str:
    looks = [f"tcp-response content set-var(sess.v{n}) {look} if {{{{ res.len gt 0 }}}}" for n, look in enumerate(LOOKS)]
    shown = " ".join(f"%[var(sess.v{n})]" for n in range(len(LOOKS)))
    close = (
        "tcp-response content close if {{ res.payload(0,3) -m str abc }}",
        "tcp-response content accept if {{ res.len gt 0 }}",
        "option tcplog",
    )
    tcp = ""
    for name, lines in (("looks", [*looks, f"log-format '{shown} %B %ts'"]), ("close", close)):
        tcp += f"listen {name}\n    bind fd@{name}\n    mode tcp\n    server s1 {{origin}}\n"
        tcp += "    tcp-response inspect-delay 300ms\n"
        tcp += "".join(f"    {line}\n" for line in lines)
    return SITE + "".join(proxy_of(number, case, files) for number, case in enumerate(CASES)) + tcp


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Lab]]:
    files = tmp_path_factory.mktemp("rules")
    for number in range(len(CASES)):
        (files / f"{number}.map").touch()
        (files / f"{number}.acl").touch()
    with both_programs(lambda program: Lab(program, config(files))) as made:
        yield made


ECHO = by_request(lambda request: reply(b"ok", headers=("X-V: 1",)))


def is_silent(case: RuleCase) -> bool:
    return case.lines[-1].startswith("silent-drop")


HEARD = [number for number, case in enumerate(CASES) if not is_silent(case)]
SILENT = [number for number, case in enumerate(CASES) if is_silent(case)]


@pytest.mark.parametrize("number", HEARD, ids=[CASES[number].id for number in HEARD])
def test_action_acts_in_its_rule_set_as_haproxys(pair, number):
    case = Case("", REQUEST, ECHO, to=f"r{number}", end="wait")
    expected, seen = (lab.run(case) for lab in pair)
    assert (seen.origin, seen.client, seen.log) == (expected.origin, expected.client, expected.log)


@pytest.mark.parametrize("number", SILENT, ids=[CASES[number].id for number in SILENT])
def test_dropped_client_hears_as_little_as_from_haproxy(pair, number):
    found = []
    for lab in pair:
        lab.case = Case("", REQUEST, ECHO)
        before = len(lab.syslog.datagrams)
        client = lab.proxy.client(f"r{number}")
        if CASES[number].letter not in "cs":
            # Those of the connection have run already, and whatever is sent to one that is gone the kernel answers.
            client.send(REQUEST)
        # Rules have run, and what they led to was done, once a later request has been answered and logged.
        poll(lambda lab=lab: lab.proxy.stat()[f"r{number}", "FRONTEND"]["scur"] == "0", "the end of the connection")
        lines = lab.log_lines(before, True)
        client.sock.setblocking(False)
        try:
            heard = client.sock.recv(1)
        except BlockingIOError:
            heard = None
        client.close()
        found.append((lines, heard))
    assert found[1] == found[0]


def first_word(answer: bytes):
    """Says `answer` when the client has spoken, and no more until it has gone."""

    def script(conn: OriginConnection) -> None:
        conn.has_more()
        conn.send(answer)
        conn.read_to_end()

    return script


@pytest.mark.parametrize("to", ["looks", "close"])
@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_rules_for_the_servers_bytes_do_as_haproxys(pair, to, answer):
    end = "wait" if to == "close" and answer.startswith(b"abc") else "half greeted"
    expected, seen = (lab.run(Case("", b"hello", first_word(answer), to=to, end=end)) for lab in pair)
    assert (seen.origin, seen.client, seen.log) == (expected.origin, expected.client, expected.log)
