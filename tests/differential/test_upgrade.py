"""TCP frontends whose streams become HTTP: once their backend is known, or by a rule; and HTTP that is only looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from support.origin import OriginConnection

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
frontend switch
    bind fd@switch
    mode tcp
    log-format "%ci %b/%s %B %ts %hr %[capture.req.method] %[capture.req.uri]"
    option forwardfor
    unique-id-header X-U
    unique-id-format u-%ci
    capture request header Host len 10
    compression algo gzip
    tcp-request content set-var(txn.n) int(1)
    tcp-request content switch-mode http
    tcp-request content set-var(txn.n) int(2)
    http-request set-header X-Fe %[path]-%[var(txn.n)]-%[unique-id]
    http-request deny if {{ path /deny-here }}
    http-request return status 200 content-type text/plain string hello if {{ path /return }}
    http-response set-header X-Fe 1
    http-after-response set-header X-After 1
    redirect location /r if {{ path /redirect }}
    use_backend raw if {{ path /raw }}
    default_backend web
frontend switch_http
    bind fd@switch_http
    mode tcp
    tcp-request inspect-delay 2s
    tcp-request content switch-mode http proto h1 if HTTP
    http-request set-header X-Fe %[path]
    use_backend other if {{ path -m found }}
    default_backend alone
backend alone
    mode tcp
    server s1 {origin}
listen switch_own
    bind fd@switch_own
    mode tcp
    log-format "%b/%s %B %ts"
    tcp-request content switch-mode http
    server s1 {origin}
frontend switch_always
    bind fd@switch_always
    option httplog
    tcp-request content set-var(txn.n) int(1)
    tcp-request content switch-mode http
    tcp-request content set-var(txn.n) int(2)
    http-request set-header X-Fe %[path]-%[var(txn.n)]
    default_backend web
frontend look
    bind fd@look
    mode tcp
    log-format "%b/%s %ts %hr %[var(txn.host)] %[var(txn.url)] %[var(txn.method)] %[var(txn.seen)]"
    tcp-request inspect-delay 2s
    tcp-request content set-var(txn.len) req.len if HTTP || !HTTP
    tcp-request content set-var(txn.host) req.hdr(host)
    tcp-request content set-var(txn.url) url
    tcp-request content set-var(txn.method) method
    tcp-request content set-var(txn.body) req.body_len
    tcp-request content set-var(txn.http) req.proto_http
    tcp-request content set-var-fmt(txn.seen) "%[var(txn.len)] %[var(txn.body)] %[var(txn.http)]"
    tcp-request content capture req.hdr(host) len 10
    tcp-request content reject if {{ path /reject }}
    use_backend raw2 if {{ path_beg /b }} METH_POST
    default_backend raw
backend raw2
    mode tcp
    tcp-request content reject if {{ req.hdr(host) -m str b.test }}
    server s2 {origin}
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



def greet(conn: OriginConnection) -> None:
    conn.has_more()
    conn.send(b"hello")
    conn.read_to_end()


TARGETS = ("/deny-here", "/deny", "/return", "/redirect", "/raw")
HOST = b"Host: a.test\r\n" + CLOSE
CASES += [Case(target, b"GET %b HTTP/1.1\r\n" % target.encode() + HOST, end="wait", to="switch") for target in TARGETS]
for to in ("switch", "switch_http", "switch_always"):
    CASES += [Case(f"{to}: one", GET[:-2] + CLOSE, end="wait", to=to)]
    CASES += [Case(f"{to}: two", GET + POST, methods=("GET", "POST"), to=to)]
    CASES += [Case(f"{to}: large body", BIG, methods=("POST",), to=to)]
CASES += [
    Case("switched and junk", b"junk\r\n\r\n", end="wait", to="switch"),
    Case("not switched", b"JUNK 1\r\n\r\n", answer=greet, end="half greeted", to="switch_http"),
    Case("switched without a backend of HTTP", GET[:-2] + CLOSE, end="wait", to="switch_own"),
    Case("seen: GET", GET[:-2] + CLOSE, end="wait", to="look", close=True),
    Case("seen: POST", POST, end="half", to="look", close=True),
    Case("seen: rejected", b"GET /reject HTTP/1.1\r\nHost: a.test\r\n\r\n", end="wait", to="look"),
    Case("seen: rejected by the backend", POST.replace(b"a.test", b"b.test"), end="wait", to="look"),
    Case("seen: none", b"\x00\x01\x02\x03", answer=greet, end="half greeted", to="look"),
    Case("seen: no header", b"GET / HTTP/1.1\r\nno header\r\n\r\n", answer=greet, end="half greeted", to="look"),
]
# Names stay as they are written: what is looked at does not change.
CASES += [Case("seen: bytes unchanged", b"POST /b HTTP/1.1\r\nHOST: a.test\r\nX-Y: Z\r\n\r\n", end="half", to="look", close=True)]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Lab, Lab]]:
    labs = [Lab(program, CONFIG) for program in ("haproxy", os.environ.get("FASTLB_TEST_PROGRAM", "fastlb"))]
    yield labs[0], labs[1]
    for lab in labs:
        lab.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_upgraded_stream_does_the_same(compare, case):
    compare(case)
