"""`do-resolve`: the variable that a rule gets out of the DNS is the one that it gets in haproxy, and so are the questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.dns_server import NameServer
from support.origin import Origin, by_request, reply
from support.programs import both_programs
from support.proxy import HTTP, Proxy
from support.syslog import Syslog

ZONE = {
    ("four.test", "A"): ["192.0.2.4"],
    ("six.test", "AAAA"): ["2001:db8::6"],
    ("both.test", "A"): ["192.0.2.9"],
    ("both.test", "AAAA"): ["2001:db8::9"],
    ("alias.test", "CNAME"): ["four.test."],
    ("Upper.test", "A"): ["192.0.2.5"],
    ("text.test", "TXT"): ['"x"'],
    ("under_score.test", "A"): ["192.0.2.6"],
}
SECTION = """
resolvers r
    nameserver ns1 {ns}
    timeout resolve 100ms
    timeout retry 200ms
    resolve_retries 2
    hold valid 30s
    hold nx 0
    hold other 0
    hold refused 0
    hold timeout 0
"""
SITE = """
    log {log} len 20000 local0
frontend fe
    bind fd@fe
    http-request set-var(txn.any) str(before) if { path /set }
    http-request do-resolve(txn.any,r) req.hdr(x-name),host_only
    http-request do-resolve(txn.four,r,ipv4) req.hdr(x-name)
    http-request do-resolve(txn.six,r,ipv6) req.hdr(x-name)
    http-request deny if { path /deny } { var(txn.four) -m ip 192.0.2.0/24 }
    http-request return status 200 content-type text/plain lf-string "<%[var(txn.any)]> <%[var(txn.four)]> <%[var(txn.six)]>"
listen tcp
    bind fd@tcp
    mode tcp
    tcp-request inspect-delay 3s
    tcp-request content do-resolve(sess.at,r,ipv4) req.payload(0,0) if { req.len ge 8 }
    tcp-request content accept if { var(sess.at) -m found }
    tcp-request content reject if { req.len ge 8 }
    log-format "at %[var(sess.at)] %b %ts"
    server s {origin}
listen dialled
    bind fd@dialled
    http-request do-resolve(txn.to,r,ipv4) req.hdr(x-name)
    http-request set-dst var(txn.to)
    http-request set-dst-port int({port})
    server s 0.0.0.0:0
"""


class Run:
    """One program with a name server of its own."""

    def __init__(self, program: str) -> None:
        self.ns = NameServer(dict(ZONE))
        self.log = Syslog()
        self.origin = Origin(by_request(lambda request: reply(b"here")))
        self.ns.zone["here.test", "A"] = ["127.0.0.1"]
        text = SECTION + HTTP + SITE
        for name, value in {"ns": self.ns, "log": self.log, "origin": self.origin, "port": self.origin.port}.items():
            text = text.replace(f"{{{name}}}", str(value))
        self.proxy = Proxy(program, text)

    def close(self) -> None:
        self.proxy.finish()
        self.ns.close()
        self.origin.close()
        self.log.close()


@dataclass(frozen=True)
class NameCase:
    """name: asked for. fails: what the name server does."""

    name: str
    path: str = "/"
    fails: str = ""


CASES = [
    *(NameCase(name) for name in ("four.test", "six.test", "both.test", "none.test", "text.test", "Upper.test")),
    NameCase("under_score.test"),
    *(NameCase(name) for name in ("", "a b", "-", "192.0.2.1", "x" * 64 + ".test", "..", "four.test:80", "é.test", "a" * 300)),
    *(NameCase("four.test", path) for path in ("/set", "/deny")),
    NameCase("none.test", "/set"),
    NameCase("new1.test", fails="SERVFAIL"),
    NameCase("new2.test", fails="REFUSED"),
    NameCase("new3.test", "/set", fails="silent"),
]


@pytest.fixture(scope="module")
def runs() -> Iterator[tuple[Run, Run]]:
    with both_programs(Run) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name[:20]} {case.path} {case.fails}")
def test_variable_has_the_address_that_haproxys_has(runs, case):
    found = []
    for run in runs:
        run.ns.fails = case.fails
        answer = run.proxy.fetch(case.path, headers=f"X-Name: {case.name}\r\n" if case.name else "")
        found.append((answer.status, answer.body))
        run.ns.fails = ""
    assert found[1] == found[0]


@pytest.mark.parametrize("name", ["four.test", "none.test"])
def test_rule_of_a_tcp_stream_waits_for_the_address(runs, name):
    lines = []
    for run in runs:
        client = run.proxy.client("tcp")
        client.send(name.encode())
        client.half_close()
        client.read_to_end()
        client.close()
        lines.append(run.log.line("at ").rpartition("at ")[2])
        run.log.datagrams.clear()
    assert lines[1] == lines[0]


def test_address_becomes_the_servers(runs):
    for run in runs:
        answer = run.proxy.fetch("/", name="dialled", headers="X-Name: here.test\r\n")
        assert (answer.status, answer.body) == (200, b"here")

