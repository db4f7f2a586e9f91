"""`compression direction`, `algo-req`, `type-req`, `minsize-req` of requests, and trailers that are dropped."""

from __future__ import annotations

import gzip
import zlib

import pytest

from support.origin import answers, by_request, reply
from support.proxy import HTTP

pytestmark = pytest.mark.fastlb_only("haproxy compresses requests since 2.8, and drops trailers since 3.1")

SITE = HTTP + "frontend fe\n    bind fd@fe\n{front}\n    default_backend be\nbackend be\n{back}\n    server s1 {server}\n"
BODY = b"the same words again and again " * 3000
CHUNKED = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIP = "    compression direction both\n    compression algo-req gzip"


def chunks(*parts: bytes, trailers: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers + b"\r\n"


def seen_by(start, origin, front: str, send: bytes, back: str = ""):
    server = origin(answers(reply(b"ok")))
    proxy = start(SITE.format(front=front, back=back, server=server))
    client = proxy.client()
    for _ in range(2):
        client.send(send)
        assert client.read_response("POST").body == b"ok"
    assert len(server.requests) == 2 and len(server.connections) == 1, "the server's connection was kept"
    return server.requests[1]


def post(body: bytes, headers: str = "Content-Type: text/plain\r\n") -> bytes:
    return f"POST / HTTP/1.1\r\nHost: a.test\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("send", [post(BODY), CHUNKED + chunks(BODY, b"x" * 70_000)])
@pytest.mark.parametrize("side", ["front", "back"])
def test_request_is_compressed(start, origin, send, side):
    seen = seen_by(start, origin, GZIP if side == "front" else "", send, GZIP if side == "back" else "")
    assert (seen.framing, seen.get("content-encoding"), seen.get("content-length")) == ("chunked", "gzip", None)
    assert gzip.decompress(seen.body) in (BODY, BODY + b"x" * 70_000)
    assert len(seen.body) < 5000


@pytest.mark.parametrize(("algorithm", "window"), [("deflate", 15), ("raw-deflate", -15)])
def test_other_algorithms(start, origin, algorithm, window):
    front = f"    compression direction request\n    compression algo-req {algorithm}"
    seen = seen_by(start, origin, front, post(BODY))
    assert seen.get("content-encoding") == "deflate"
    assert zlib.decompress(seen.body, window) == BODY


@pytest.mark.parametrize(
    ("front", "send"),
    [
        ("    compression algo gzip\n    compression algo-req gzip", post(BODY)),
        ("    compression direction response\n    compression algo-req gzip", post(BODY)),
        (GZIP + "\n    compression type-req application/json", post(BODY)),
        (GZIP + "\n    compression minsize-req 1m", post(BODY)),
        (GZIP, post(BODY, "Content-Encoding: br\r\n")),
        (GZIP, post(BODY, "Content-Type: multipart/form-data; boundary=x\r\n")),
        (GZIP, post(BODY, "Cache-Control: no-transform\r\n")),
        (GZIP.replace("gzip", "identity"), post(BODY)),
        (GZIP, post(b"")),
    ],
)
def test_request_is_left_alone(start, origin, front, send):
    seen = seen_by(start, origin, front, send)
    assert seen.get("content-encoding") in (None, "br")
    assert seen.body == send.partition(b"\r\n\r\n")[2]


def test_direction_request_leaves_answers_alone(start, origin):
    server = origin(by_request(lambda request: reply(BODY, headers=["Content-Type: text/plain"])))
    front = "    compression direction request\n    compression algo gzip\n    compression algo-req gzip"
    proxy = start(SITE.format(front=front, back="", server=server))
    answer = proxy.fetch("/", "POST", "Accept-Encoding: gzip\r\nContent-Type: text/plain\r\n", BODY)
    assert (answer.get("content-encoding"), answer.body) == (None, BODY)
    assert gzip.decompress(server.requests[0].body) == BODY


def test_answer_that_comes_before_the_request_has_left(start, origin):
    def script(conn):
        conn.read_request_head()
        conn.send(reply(b"early"))

    proxy = start(SITE.format(front=GZIP, back="", server=origin(script)))
    client = proxy.client()
    client.send(CHUNKED + b"5\r\nhello\r\n")
    assert client.read_response("POST").body == b"early"
    assert client.is_closed()


def test_limit_behind_the_compression_of_requests(start, origin):
    front = (
        "    filter compression\n    filter bwlim-in slow default-limit 2k default-period 20ms\n"
        f"    http-request set-bandwidth-limit slow\n{GZIP}"
    )
    seen = seen_by(start, origin, front, post(BODY))
    assert gzip.decompress(seen.body) == BODY


@pytest.mark.parametrize("dropped", [False, True])
def test_trailers_of_a_request(start, origin, dropped):
    back = "    option http-drop-request-trailers" if dropped else ""
    send = CHUNKED + chunks(b"hello", b"world" * 20_000, trailers=b"X-T: v\r\nX-U: w\r\n")
    seen = seen_by(start, origin, "", send, back)
    assert (seen.framing, seen.body) == ("chunked", b"hello" + b"world" * 20_000)
    assert len(seen.trailers) == (0 if dropped else 2)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 200_000])
def test_trailers_of_an_answer(start, origin, dropped, body):
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(*([body] if body else []), trailers=b"X-T: v\r\n")
    front = "    option http-drop-response-trailers" if dropped else ""
    proxy = start(SITE.format(front=front, back="", server=origin(answers(raw))))
    client = proxy.client()
    for _ in range(2):
        answer = client.request()
        assert (answer.framing, answer.body, len(answer.trailers)) == ("chunked", body, 0 if dropped else 1)


def test_dropped_trailers_do_not_count_as_compressed(start, origin):
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(b"hello", trailers=b"X-T: v\r\n")
    proxy = start(SITE.format(front="    option http-drop-response-trailers", back="", server=origin(answers(raw))))
    assert proxy.fetch().body == b"hello"
    row = proxy.stat()["fe", "FRONTEND"]
    assert (row["comp_in"], row["comp_rsp"]) == ("0", "0")
