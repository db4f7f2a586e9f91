"""Message bodies in both directions: every framing, trailers, answers without a body, 100-continue, large transfers."""

from __future__ import annotations

import hashlib
import os

import pytest

from support.origin import answers, by_request, raw_answer, reply
from support.proxy import HTTP

SITE = (
    HTTP
    + """
frontend fe
    bind fd@fe
    default_backend be
backend be
    server s1 {}
"""
)


def chunks(*parts: bytes, trailers: str = "") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts) + b"0\r\n" + trailers.encode() + b"\r\n"


def test_length_body_reaches_the_server_and_comes_back(start, origin):
    server = origin(by_request(lambda request: reply(request.body)))
    proxy = start(SITE.format(server))
    body = os.urandom(300_000)
    answer = proxy.fetch("/x", "POST", body=body)
    assert (answer.status, answer.framing, answer.body) == (200, "length", body)
    assert server.requests[0].get("content-length") == "300000"


def test_chunked_request_with_trailers_is_passed_on(start, origin):
    server = origin(answers(reply(b"ok")))
    proxy = start(SITE.format(server))
    client = proxy.client()
    client.send(b"POST /c HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n")
    client.send(chunks(b"hello", b" ", b"world" * 5000, trailers="X-T: v\r\n"))
    assert client.read_response().body == b"ok"
    seen = server.requests[0]
    assert (seen.framing, seen.body, [(k.lower(), v) for k, v in seen.trailers]) == (
        "chunked",
        b"hello " + b"world" * 5000,
        [("x-t", "v")],
    )


def test_chunked_answer_with_trailers_keeps_the_connection(start, origin):
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(b"a" * 70_000, b"b", trailers="X-Sum: 1\r\n")
    proxy = start(SITE.format(origin(answers(raw))))
    client = proxy.client()
    for _ in range(2):
        answer = client.request()
        assert (answer.framing, len(answer.body)) == ("chunked", 70_001)
        assert [(k.lower(), v) for k, v in answer.trailers] == [("x-sum", "1")]


def test_until_close_answer_ends_with_the_connection(start, origin):
    body = os.urandom(200_000)
    server = origin(raw_answer(b"HTTP/1.1 200 OK\r\n\r\n" + body))
    proxy = start(SITE.format(server))
    client = proxy.client()
    answer = client.request()
    assert answer.body == body
    assert client.is_closed()


def test_until_close_answer_of_http10_server(start, origin):
    proxy = start(SITE.format(origin(raw_answer(b"HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nold"))))
    answer = proxy.fetch()
    # haproxy: the server's version is passed on as it came.
    assert (answer.version, answer.status, answer.body, answer.get("x-a")) == ("HTTP/1.0", 200, b"old", "b")


@pytest.mark.parametrize(
    ("method", "raw", "status"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 200),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', 304),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 70\r\n\r\n", 304),
    ],
)
def test_answer_without_body_leaves_the_connection_in_step(start, origin, method, raw, status):
    server = origin(answers(raw, reply(b"next")))
    proxy = start(SITE.format(server))
    client = proxy.client()
    answer = client.request(method=method)
    assert (answer.status, answer.body) == (status, b"")
    assert client.request().body == b"next"


def test_expect_100_continue_is_answered_by_the_server(start, origin):
    def script(conn):
        request = conn.read_request_head()
        assert request.get("expect") == "100-continue"
        conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        conn.read_body(request, until_close=False)
        conn.send(reply(request.body))

    proxy = start(SITE.format(origin(script)))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert client.read_line() == b"HTTP/1.1 100 Continue"
    assert client.read_headers() == []
    client.send(b"body")
    assert client.read_response().body == b"body"


def test_early_hints_and_the_final_answer_both_arrive(start, origin):
    raw = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(b"final")
    proxy = start(SITE.format(origin(answers(raw))))
    answer = proxy.fetch()
    assert [(one.status, one.get("link")) for one in answer.interim] == [(103, "</a>")]
    assert answer.body == b"final"


@pytest.mark.parametrize("size", [16_383, 16_384, 16_385, 1 << 20, 16 << 20])
def test_large_answer_arrives_whole(start, origin, size):
    body = os.urandom(1 << 16) * (size // (1 << 16)) + b"x" * (size % (1 << 16))
    proxy = start(SITE.format(origin(answers(reply(body)))))
    client = proxy.client()
    assert hashlib.sha256(client.request().body).digest() == hashlib.sha256(body).digest()
    assert client.request(method="HEAD").status == 200


@pytest.mark.parametrize("size", [1 << 20, 16 << 20])
def test_large_request_arrives_whole(start, origin, size):
    body = os.urandom(1 << 16) * (size >> 16)
    server = origin(by_request(lambda request: reply(hashlib.sha256(request.body).hexdigest().encode())))
    proxy = start(SITE.format(server))
    assert proxy.fetch(method="POST", body=body).body.decode() == hashlib.sha256(body).hexdigest()


def test_answer_before_the_body_was_sent_reaches_the_client(start, origin):
    def script(conn):
        conn.read_request_head()
        conn.send(reply(b"too big", "413 Payload Too Large", ["Connection: close"]))
        conn.read_to_end()

    proxy = start(SITE.format(origin(script)))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nabc")
    answer = client.read_response()
    assert (answer.status, answer.body) == (413, b"too big")
