"""HTTP/1 requests with one valid reading: forwarded alike, answered alike, logged alike."""

from __future__ import annotations

import pytest

from support.origin import by_request, reply

from .lab import Case, Outcome

H = b"Host: a.test\r\n"
ECHO = by_request(lambda request: reply(b"next" if request.target == "/next" else request.target.encode() + b" " + request.body))


def whole(seen: Outcome) -> None:
    assert seen.statuses == [200, 200], seen
    assert any(text.startswith(f"GET /{'x' * 8000} HTTP/1.1") for text in seen.origin), seen


def unavailable(seen: Outcome) -> None:
    assert seen.statuses in ([503], [503, 503]), seen


def get(head: bytes = b"", target: bytes = b"/", version: bytes = b"1.1") -> bytes:
    return b"GET %b HTTP/%b\r\n%b%b\r\n" % (target, version, H if version == b"1.1" else b"", head)


def post(head: bytes, body: bytes, target: bytes = b"/") -> bytes:
    return b"POST %b HTTP/1.1\r\n%b%b\r\n%b" % (target, H, head, body)


def chunked(body: bytes, head: bytes = b"") -> bytes:
    return post(b"Transfer-Encoding: chunked\r\n" + head, body)


CASES = [
    Case("plain", get()),
    Case("header case", get(b"ACCEPT: x\r\naccept-Language: y\r\n")),
    Case("header spacing", get(b"A:b\r\nC:   d\r\nE: \t f \t \r\nG:\r\nI:  \r\n")),
    Case("header order and repeats", get(b"B: 1\r\nA: 2\r\nB: 3\r\nB: \r\nA: 4\r\n")),
    Case("inner blanks in a value", get(b"A: b  c\td\r\n")),
    Case("host last", b"GET / HTTP/1.1\r\nA: b\r\nHost: a.test\r\n\r\n"),
    Case("host with port", b"GET / HTTP/1.1\r\nHost: a.test:8080\r\n\r\n"),
    Case("host of IPv6", b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
    Case("token characters in a name", get(b"!#$%&'*+-.^_`|~09az: x\r\n")),
    Case("obs-text in a value", get(b"A: caf\xe9\r\n")),
    Case("empty line before the request", b"\r\n" + get()),
    Case("two empty lines before", b"\r\n\r\n" + get()),
    Case("many headers", get(b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(80)))),
    Case("long value", get(b"A: " + b"x" * 8000 + b"\r\n")),
    Case("long target", get(target=b"/" + b"x" * 900)),
    Case("very long target", get(target=b"/" + b"x" * 8000), fastlb=whole, why="haproxy cuts the request in the log elsewhere"),
    Case("cookies", get(b"Cookie: a=1; b=2\r\nCookie: c=3\r\n")),
    Case("query and escapes", get(target=b"/a%20b/../c?x=1&y=%2f//?z")),
    Case("sub-delims in target", get(target=b"/;a=1,b!$'()*+:@[]{}|\\^`~\"<>")),
    Case("asterisk", b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", methods=("OPTIONS",)),
    Case("absolute form", get(target=b"http://a.test/x")),
    Case("absolute form without path", get(target=b"http://a.test")),
    Case("absolute form with port", b"GET http://a.test:81/x HTTP/1.1\r\nHost: a.test:81\r\n\r\n"),
    *(
        Case(f"method {m}", b"%b / HTTP/1.1\r\n%b\r\n" % (m.encode(), H), methods=(m,))
        for m in ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "M-SEARCH", "X")
    ),
    Case("GET with body", b"GET / HTTP/1.1\r\n%bContent-Length: 5\r\n\r\nhello" % H),
    Case("HEAD with body", b"HEAD / HTTP/1.1\r\n%bContent-Length: 5\r\n\r\nhello" % H, methods=("HEAD",)),
    Case("DELETE with body", b"DELETE / HTTP/1.1\r\n%bContent-Length: 5\r\n\r\nhello" % H, methods=("DELETE",)),
    Case("length", post(b"Content-Length: 5\r\n", b"hello")),
    Case("length zero", post(b"Content-Length: 0\r\n", b"")),
    Case("length twice the same", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello")),
    Case("length list the same", post(b"Content-Length: 5, 5\r\n", b"hello")),
    Case("post without length", b"POST / HTTP/1.1\r\n%b\r\n" % H, methods=("POST",)),
    Case("chunked", chunked(b"5\r\nhello\r\n0\r\n\r\n")),
    Case("chunked empty", chunked(b"0\r\n\r\n")),
    Case("chunked upper and lower hex", chunked(b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n")),
    Case("chunked with zeros before the size", chunked(b"0005\r\nhello\r\n000\r\n\r\n")),
    Case("chunked with extensions", chunked(b"5;a=b\r\nhello\r\n0;last\r\n\r\n")),
    Case("chunked with quoted extension", chunked(b'5;a="b c"\r\nhello\r\n0\r\n\r\n')),
    Case("chunked in many chunks", chunked(b"1\r\nx\r\n" * 500 + b"0\r\n\r\n")),
    Case("chunked large", chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (100_000, b"y" * 100_000))),
    Case("trailers", chunked(b"5\r\nhello\r\n0\r\nX-T: v\r\nX-U: w\r\n\r\n", b"Trailer: X-T\r\n")),
    Case("te in odd case", post(b"tRANSFER-eNCODING: ChUnKeD\r\n", b"5\r\nhello\r\n0\r\n\r\n")),
    Case(
        "two posts pipelined",
        post(b"Content-Length: 3\r\n", b"abc", b"/1") + post(b"Content-Length: 3\r\n", b"def", b"/2"),
        ECHO,
        ("POST",) * 2,
    ),
    Case("three gets pipelined", get(target=b"/1") + get(target=b"/2") + get(target=b"/3"), ECHO, ("GET",) * 3),
    Case("chunked then get pipelined", chunked(b"3\r\nabc\r\n0\r\n\r\n") + get(target=b"/2"), ECHO, ("POST", "GET")),
    Case("head then get pipelined", b"HEAD /1 HTTP/1.1\r\n%b\r\n" % H + get(target=b"/2"), ECHO, ("HEAD", "GET")),
    Case("empty line between pipelined", get(target=b"/1") + b"\r\n" + get(target=b"/2"), ECHO, ("GET",) * 2),
    Case("connection close", get(b"Connection: close\r\n")),
    Case("connection close in odd case", get(b"CONNECTION: Close\r\n")),
    Case("connection keep-alive", get(b"Connection: keep-alive\r\n")),
    Case("connection keep-alive and keep-alive header", get(b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n")),
    Case("connection with other tokens", get(b"Connection: x-a, keep-alive, x-b\r\nX-A: 1\r\nX-B: 2\r\n")),
    Case("connection twice", get(b"Connection: x-a\r\nConnection: keep-alive\r\nX-A: 1\r\n")),
    Case("connection close and keep-alive", get(b"Connection: close, keep-alive\r\n")),
    Case("connection of odd commas", get(b"Connection: ,, close,,\r\n")),
    Case("proxy-connection", get(b"Proxy-Connection: keep-alive\r\n")),
    Case("te trailers", get(b"TE: trailers\r\nConnection: TE\r\n")),
    Case("expect 100", post(b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello")),
    Case("expect of another kind", post(b"Expect: foo\r\nContent-Length: 5\r\n", b"hello")),
    Case("http 1.0", get(version=b"1.0")),
    Case("http 1.0 with host", get(H, version=b"1.0")),
    Case("http 1.0 keep-alive", get(b"Connection: keep-alive\r\n", version=b"1.0")),
    Case("http 1.0 keep-alive in odd case", get(b"Connection: Keep-Alive\r\n", version=b"1.0")),
    Case("http 1.0 post", b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", methods=("POST",)),
    Case("http 1.0 of two pipelined", get(version=b"1.0") * 2, ECHO),
    Case("upgrade that the server ignores", get(b"Connection: Upgrade\r\nUpgrade: foo\r\n")),
    Case("authorization and range", get(b"Authorization: Basic YTpi\r\nRange: bytes=0-1\r\nIf-Match: *\r\n")),
    Case("forwardfor", get(b"X-Forwarded-For: 1.2.3.4\r\n"), to="fe_forwardfor"),
    Case("forwardfor without one", get(), to="fe_forwardfor"),
    Case("httpclose", get(), to="fe_close"),
    Case("httpclose with keep-alive asked", get(b"Connection: keep-alive\r\n"), to="fe_close"),
    Case("httpclose http 1.0", get(b"Connection: keep-alive\r\n", version=b"1.0"), to="fe_close"),
    Case("server-close", get() + get(target=b"/2"), ECHO, ("GET", "GET"), to="fe_server_close"),
    Case("server-close http 1.0", get(b"Connection: keep-alive\r\n", version=b"1.0"), to="fe_server_close"),
    Case("server-close post", post(b"Content-Length: 3\r\n", b"abc"), to="fe_server_close"),
    Case("dead server", get(), to="fe_dead"),
    Case("dead server, post", post(b"Content-Length: 3\r\n", b"abc"), to="fe_dead", fastlb=unavailable, why="may close then"),
    Case("dead server, http 1.0", get(version=b"1.0"), to="fe_dead"),
    Case("dead server, head", b"HEAD / HTTP/1.1\r\n%b\r\n" % H, to="fe_dead", methods=("HEAD",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_valid_request_is_treated_alike(compare, case):
    compare(case)


@pytest.mark.parametrize("case", [case for case in CASES if len(case.send) < 400 and not case.fastlb], ids=lambda case: case.id)
def test_valid_request_in_single_bytes_is_treated_alike(pair, case):
    """The tested program alone: the same outcome whether a request comes whole or byte by byte."""
    tested = pair[1]
    whole = tested.run(case)
    split = tested.run(case, step=1)
    assert split.client == whole.client
    assert split.origin == whole.origin
