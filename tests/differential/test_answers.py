"""Answers of servers, well formed and not: what of them reaches the client, and whether the connection is used again."""

from __future__ import annotations

import pytest

from support.origin import Script, reply

from .lab import Case, Outcome

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n"
OK2 = b"Content-Length: 2\r\n\r\nok"
S = b"HTTP/1.1 200 OK\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw"
CHUNKED = S + b"Transfer-Encoding: chunked\r\n\r\n"


def answer(id: str, raw: bytes, close: bool = False, **options: object) -> Case:
    return Case(id, GET, raw, close=close, **options)  # type: ignore[arg-type]


def cut(id: str, raw: bytes) -> Case:
    """The origin closes after these bytes."""
    return Case(id, GET, raw, close=True)


def refused(seen: Outcome) -> None:
    assert seen.statuses[0] == 502, seen


def broken(seen: Outcome) -> None:
    """Told by 502 where the head was not passed on yet, else by a cut: never a complete answer, never a further one."""
    first, *rest = seen.client
    assert first.startswith(("HTTP/1.1 502 ", "cut after HTTP/1.1 200", "malformed: ")), seen
    assert first.startswith("HTTP/1.1 502 ") or not rest, seen


def transfer_encoding_wins(seen: Outcome) -> None:
    assert seen.client[0] == "HTTP/1.1 200 OK [transfer-encoding: chunked] chunked b'ok'", seen


def no_poison(seen: Outcome) -> None:
    """Bytes after the first answer are never taken for the answer to the next request."""
    assert seen.statuses[0] == 200
    assert not any("poison" in text for text in seen.client), seen


WELL_FORMED = [
    answer("length", reply(b"hello")),
    answer("length zero", reply(b"")),
    answer("chunked", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"),
    answer("chunked with extension", CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n"),
    answer("chunked with trailers", CHUNKED + b"5\r\nhello\r\n0\r\nX-T: v\r\n\r\n"),
    answer("chunked of many", CHUNKED + b"1\r\nx\r\n" * 3000 + b"0\r\n\r\n"),
    answer("until close", S + b"\r\nhello", close=True),
    answer("until close, empty", S + b"\r\n", close=True),
    answer("until close, large", S + b"\r\n" + b"y" * 100_000, close=True),
    answer("connection close", S + b"Connection: close\r\n" + OK2, close=True),
    answer("connection keep-alive", S + b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n" + OK2),
    answer("http 1.0 with length", b"HTTP/1.0 200 OK\r\n" + OK2, close=True),
    answer("http 1.0 keep-alive", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + OK2),
    answer("http 1.0 until close", b"HTTP/1.0 200 OK\r\n\r\nhello", close=True),
    answer("no reason", b"HTTP/1.1 200\r\n" + OK2),
    answer("empty reason", b"HTTP/1.1 200 \r\n" + OK2),
    answer("long reason", b"HTTP/1.1 200 " + b"x" * 500 + b"\r\n" + OK2),
    answer("header case, spacing, repeats", S + b"SET-COOKIE:a=1\r\nX:  y \r\nset-cookie: b=2\r\nX:\r\n" + OK2),
    answer("obs-text value", S + b"X: caf\xe9\r\n" + OK2),
    answer("length twice the same", S + b"Content-Length: 2\r\n" + OK2),
    answer("length list the same", S + b"Content-Length: 2, 2\r\n\r\nok"),
    answer("204", b"HTTP/1.1 204 No Content\r\n\r\n"),
    answer("304", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'),
    answer("304 with length", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
    answer("205", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
    answer("418", reply(b"tea", "418 Teapot")),
    answer("500", reply(b"oops", "500 Internal Server Error")),
    answer("600", reply(b"?", "600 What")),
    answer("999", reply(b"?", "999 What")),
    answer("103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(b"ok")),
    answer("100 unasked", b"HTTP/1.1 100 Continue\r\n\r\n" + reply(b"ok")),
    answer("two interim", b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + reply(b"ok")),
    answer("upgrade offered", S + b"Upgrade: h2c\r\nConnection: Upgrade, X-S\r\nX-S: s\r\n" + OK2),
    answer("set-cookie of delimiters", S + b"Set-Cookie: ;;,,=;\r\n" + OK2),
    answer("set-cookie2 empty", S + b"Set-Cookie2:\r\n" + OK2),
    answer("bare LF", b"HTTP/1.1 200 OK\nX-A: b\nContent-Length: 2\n\nok"),
    answer("many headers", S + b"".join(b"X-%d: v\r\n" % i for i in range(90)) + OK2),
    answer("long value", S + b"X: " + b"x" * 8000 + b"\r\n" + OK2),
    answer("large", reply(b"z" * 300_000)),
    Case("head with length", HEAD, S + b"Content-Length: 500\r\n\r\n", methods=("HEAD",)),
    Case("head chunked", HEAD, S + b"Transfer-Encoding: chunked\r\n\r\n", methods=("HEAD",)),
    Case("head without framing", HEAD, S + b"\r\n", methods=("HEAD",)),
    Case("chunked to http 1.0", OLD, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", methods=("GET",)),
    Case("length to http 1.0", OLD, reply(b"hello")),
    Case("until close to http 1.0", OLD, S + b"\r\nhello", close=True),
    Case("204 to http 1.0", OLD, b"HTTP/1.1 204 No Content\r\n\r\n"),
    Case("httpclose and length", GET, reply(b"hello"), to="fe_close"),
    Case("httpclose and chunked", GET, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", to="fe_close"),
    Case("server-close and length", GET, reply(b"hello"), to="fe_server_close"),
    Case("server-close and chunked", GET, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", to="fe_server_close"),
]

MALFORMED = [
    answer("chunk size not hex", CHUNKED + b"zz\r\nok\r\n0\r\n\r\n", fastlb=broken),
    answer("chunk size negative", CHUNKED + b"-2\r\nok\r\n0\r\n\r\n", fastlb=broken),
    answer("chunk size 0x", CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n", fastlb=broken),
    answer("chunk data too long", CHUNKED + b"2\r\nokay\r\n0\r\n\r\n", fastlb=broken),
    answer("chunk size too large", CHUNKED + b"FFFFFFFFFFFFFFFFF\r\nok\r\n0\r\n\r\n", fastlb=broken),
    answer("status not a number", b"HTTP/1.1 abc OK\r\n" + OK2),
    answer("status of four digits", b"HTTP/1.1 1000 OK\r\n" + OK2, fastlb=refused),
    answer("status of two digits", b"HTTP/1.1 20 OK\r\n" + OK2, fastlb=refused),
    answer("icy", b"ICY 200 OK\r\n" + OK2, close=True),
    answer("http 0.9", b"<html>hello</html>", close=True),
    answer("version 2", b"HTTP/2.0 200 OK\r\n" + OK2),
    answer("header without colon", S + b"Foo\r\n" + OK2),
    answer("header name empty", S + b": x\r\n" + OK2),
    answer("header name with blank", S + b"Foo Bar: x\r\n" + OK2),
    answer("header name with blank before colon", S + b"Foo : x\r\n" + OK2),
    answer("NUL in value", S + b"X: a\x00b\r\n" + OK2, fastlb=refused),
    answer("bare CR in value", S + b"X: a\rb\r\n" + OK2),
    answer("header larger than the buffer", S + b"X: " + b"a" * 20_000 + b"\r\n" + OK2),
    answer("more headers than tune.http.maxhdr", S + b"".join(b"X-%d: v\r\n" % i for i in range(200)) + OK2),
    answer("length negative", S + b"Content-Length: -2\r\n\r\nok"),
    answer("length with plus", S + b"Content-Length: +2\r\n\r\nok"),
    answer("length twice different", S + b"Content-Length: 3\r\n" + OK2),
    answer("length list different", S + b"Content-Length: 2, 3\r\n\r\nok"),
    answer("length too large", S + b"Content-Length: 18446744073709551618\r\n\r\nok", fastlb=refused),
    answer("length not a number", S + b"Content-Length: two\r\n\r\nok"),
    answer("te gzip", S + b"Transfer-Encoding: gzip\r\n\r\nxx", close=True),
    answer("te twice", S + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    answer(
        "te and length",
        S + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        fastlb=transfer_encoding_wins,
    ),
    answer("204 with length and body", b"HTTP/1.1 204 No Content\r\n" + OK2),
    # haproxy counts the refused head's bytes as well.
    answer("101 unasked", SWITCHING, close=True, counts=False),
    answer(
        "a second answer behind the first",
        reply(b"ok") + reply(b"poison"),
        fastlb=no_poison,
        why="order of bytes is a matter of time",
    ),
    cut("nothing at all", b""),
    cut("half a status line", b"HTTP/1.1 20"),
    cut("half a head", S + b"Content-Len"),
    cut("half a body of known length", S + b"Content-Length: 10\r\n\r\nhalf"),
    cut("half a chunk", CHUNKED + b"a\r\nhalf"),
    cut("chunks without the last one", CHUNKED + b"4\r\nhalf\r\n"),
    cut("interim only", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
]
CASES = [*WELL_FORMED, *MALFORMED]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_answer_is_treated_alike(compare, case):
    compare(case)


def in_bytes(raw: bytes, close: bool) -> Script:
    """Send an answer in single bytes."""

    def script(conn):
        while (request := conn.read_request()) is not None:
            data = reply(b"next") if request.target == "/next" else raw
            for byte in data:
                if not conn.send(bytes([byte])):
                    return
            if close and data is raw:
                return

    return script


@pytest.mark.parametrize("case", [c for c in WELL_FORMED if len(c.answer) < 400], ids=lambda case: case.id)
def test_answer_in_single_bytes_is_treated_as_whole(pair, case):
    """The tested program alone: the same outcome whether an answer comes whole or byte by byte."""
    tested = pair[1]
    whole = tested.run(case)
    split = tested.run(Case(case.id, case.send, in_bytes(case.answer, case.close), case.methods, case.to, case.end))
    assert split.client == whole.client
    assert split.origin == whole.origin
