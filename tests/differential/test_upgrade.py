"""A TCP frontend with an HTTP backend: the stream becomes HTTP once its backend is known, as in HAProxy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .lab import Case, Lab, Outcome

CONFIG = """
global
    log {log} len 20000 local0
defaults
    mode http
    log global
    option tcplog
    timeout connect 2s
    timeout client 2s
    timeout server 900ms
    timeout http-request 400ms
    retries 0
    http-reuse never
frontend fe
    bind fd@fe
    option httplog
    default_backend web
frontend up
    bind fd@up
    mode tcp
    default_backend web
frontend fe_rules
    bind fd@fe_rules
    mode tcp
    tcp-request inspect-delay 2s
    tcp-request content reject if {{ req.payload(0,3) -m str BAD }}
    tcp-request content accept if {{ req.len gt 0 }}
    use_backend other if {{ req.payload(0,5) -m str "GET /" }}
    default_backend raw
frontend fe_plain_log
    bind fd@fe_plain_log
    mode tcp
    no log
    log {log} len 20000 local0
    default_backend web
backend web
    http-request set-header X-Backend %[be_name]
    http-request deny if {{ path /deny }}
    http-response set-header X-Seen 1
    server s1 {origin}
backend other
    http-request set-header X-Backend other
    server s1 {origin}
backend raw
    mode tcp
    server s1 {origin}
"""
GET = b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc"
CLOSE = b"Connection: close\r\n\r\n"
BIG = b"POST /big HTTP/1.1\r\nHost: a.test\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000


def code_of_the_log(seen: Outcome) -> None:
    assert seen.statuses == [408]
    assert " termination=cR" in seen.log[0]


CASES = [
    Case("one", GET[:-2] + CLOSE, end="wait", to="up"),
    Case("two in one connection", GET + POST, methods=("GET", "POST"), to="up"),
    Case("large body", BIG, methods=("POST",), to="up"),
    Case("refused by the backend", b"GET /deny HTTP/1.1\r\nHost: a.test\r\n" + CLOSE, end="wait", to="up"),
    Case("no request", b"junk\r\n\r\n", end="wait", to="up"),
    Case("incomplete", b"GE", end="wait", fastlb=code_of_the_log, why="HAProxy logs PR for a request that never came", to="up"),
    Case("rules choose an HTTP backend", GET[:-2] + CLOSE, to="fe_rules", end="wait"),
    Case("rules choose a TCP backend", POST[:-7] + b"\r\n" + CLOSE + b"abc", to="fe_rules", end="wait", close=True),
    Case("rules reject", b"BAD /a HTTP/1.1\r\n\r\n", to="fe_rules", end="wait"),
    Case("without a log format", GET[:-2] + CLOSE, to="fe_plain_log", end="wait"),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Lab, Lab]]:
    labs = [Lab(program, CONFIG) for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))]
    yield labs[0], labs[1]
    for lab in labs:
        lab.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_upgraded_stream_does_the_same(compare, case):
    compare(case)
