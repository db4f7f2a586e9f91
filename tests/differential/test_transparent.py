"""`option transparent`: who persistence sends to no server reaches the address that the client wanted, as with haproxy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support.client import Client, fetch
from support.logline import normal
from support.origin import Origin, by_request, reply
from support.proxy import Proxy
from support.sockets import HeldPort
from support.syslog import Syslog
from support.wire import Message

from . import lab

CONFIG = (
    lab.HEAD
    + """
    option transparent
frontend fe
    bind fd@fe
    no option transparent
    http-request set-dst ipv4(127.0.0.5)
    http-request set-dst-port int({wanted}) if !{{ hdr(dead) -m found }}
    http-request set-dst-port int({dead}) if {{ hdr(dead) -m found }}
    use_backend %[path,field(2,/)]
listen tcp
    bind fd@tcp
    mode tcp
    option tcplog
    tcp-request content set-dst ipv4(127.0.0.5)
    tcp-request content set-dst-port int({wanted})
backend plain
backend servers
    server s1 {other}
backend cookie
    cookie C insert
    server s1 {other} cookie a
backend named
    http-send-name-header X-Server
    server s1 {other}
backend chosen
    use-server s1 if {{ hdr(use) -m found }}
    server s1 {other}
backend again
    retries 2
    option redispatch 1
    server s1 {other}
backend table
    stick-table type string size 10
    stick on path
    server s1 {other}
backend balanced
    no option transparent
    balance roundrobin
    server s1 {other}
"""
)
CASES = {
    "plain": ("plain", ""),
    "no balancing": ("servers", ""),
    "without cookie": ("cookie", ""),
    "with cookie": ("cookie", "Cookie: C=a\r\n"),
    "unknown cookie": ("cookie", "Cookie: C=zz\r\n"),
    "name header": ("named", "X-Server: x\r\n"),
    "rule that holds": ("chosen", "Use: y\r\n"),
    "rule that does not": ("chosen", ""),
    "nobody there": ("plain", "Dead: y\r\n"),
    "retries": ("again", "Dead: y\r\n"),
    "stick table": ("table", ""),
    "switched off": ("balanced", ""),
}
_COLUMNS = ("stot", "econ", "eresp", "wretr", "wredis", "lbtot", "hrsp_2xx", "hrsp_5xx")


def seen(name: str) -> Origin:
    def answer(request: Message) -> bytes:
        return reply(f"{name} {request.get('x-server')} {request.get('cookie')}".encode())

    return Origin(by_request(answer), host="127.0.0.5" if name == "wanted" else "127.0.0.1")


class Run:
    """A program between a client and two origins: the one that the client wants, and the one of the `server` lines."""

    def __init__(self, program: str) -> None:
        self.origins = seen("wanted"), seen("other")
        self.dead, self.log = HeldPort(), Syslog()
        text = CONFIG.format(log=self.log, wanted=self.origins[0].port, other=self.origins[1], dead=self.dead.port)
        self.proxy = Proxy(program, text)

    def ask(self, backend: str, headers: str) -> tuple[object, ...]:
        path = f"/{backend}/{len(headers)}"
        answer = self.proxy.fetch(path, headers=headers)
        line = normal(self.log.line(path))
        row = self.proxy.stat()[backend, "BACKEND"]
        return answer.status, answer.body, answer.get("set-cookie"), line, [row[column] for column in _COLUMNS]

    def close(self) -> None:
        self.proxy.finish()
        for origin in self.origins:
            origin.close()
        self.dead.close()
        self.log.close()


@pytest.fixture(scope="module")
def runs() -> Iterator[tuple[Run, Run]]:
    both = Run("haproxy"), Run(os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))
    yield both
    for one in both:
        one.close()


@pytest.mark.parametrize("case", CASES)
def test_the_same_server_is_reached(runs, case):
    theirs, ours = (run.ask(*CASES[case]) for run in runs)
    assert ours == theirs


def test_a_tcp_session_goes_where_the_client_wanted(runs):
    theirs, ours = ((fetch(run.proxy.addresses["tcp"]).body, run.proxy.stat()["tcp", "BACKEND"]["stot"]) for run in runs)
    assert ours == theirs == (b"wanted None None", "1")


def test_requests_of_one_client_may_go_to_both(runs):
    answers = []
    for run in runs:
        client = Client(run.proxy.addresses["fe"])
        answers.append([client.request("/cookie/", headers=headers).body for headers in ("", "Cookie: C=a\r\n", "")])
        client.close()
    assert answers[0] == answers[1] == [b"wanted None None", b"other None C=a", b"wanted None None"]
