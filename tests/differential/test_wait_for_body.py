"""Waiting for a body: `option http-buffer-request`, `wait-for-body` of requests and of answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.origin import OriginConnection, Script
from support.programs import both_programs

from .lab import Case, Lab, assert_same

CONFIG = """
global
    log {log} len 20000 local0
    tune.bufsize 4096
defaults
    mode http
    log global
    option httplog
    timeout connect 2s
    timeout client 2s
    timeout server 900ms
    timeout http-request 400ms
    timeout http-keep-alive 2s
    retries 0
    http-reuse never
frontend fe
    bind fd@fe
    default_backend be
frontend fe_option
    bind fd@fe_option
    option http-buffer-request
    http-request set-header X-Length %[req.body_len]
    http-request set-header X-Body %[req.body] if {{ req.body_len lt 100 }}
    http-request deny if {{ req.body -m sub evil }}
    default_backend be
frontend fe_backend
    bind fd@fe_backend
    default_backend be_option
backend be_option
    option http-buffer-request
    http-request set-header X-Length %[req.body_len]
    server s1 {origin}
frontend fe_answer
    bind fd@fe_answer
    default_backend be_answer
backend be_answer
    http-response wait-for-body time 200ms if {{ res.hdr(x-all) 1 }}
    http-response wait-for-body time 200ms at-least 3 if {{ res.hdr(x-some) 1 }}
    http-response set-header X-Length %[res.body_len]
    http-response deny if {{ res.body -m sub evil }}
    server s1 {origin}
backend be
    server s1 {origin}
"""


def post(body: bytes, head: str = "", length: int = -1) -> bytes:
    size = len(body) if length < 0 else length
    return f"POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n{head}\r\n".encode() + body


CHUNKED = b"POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
GET = b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"


def in_pieces(*pieces: bytes) -> Script:
    """Sends the first piece with the head; the others each after the client's side could have taken what was there."""

    def script(conn: OriginConnection) -> None:
        while (request := conn.read_request()) is not None:
            if request.target == "/next":
                conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")
                continue
            for piece in pieces:
                conn.send(piece)

    return script


def head(length: int, what: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nX-{what}: 1\r\n\r\n".encode()


# The bytes of a case are sent in one go, or so many at a time.
CASES = [
    *(
        Case(f"{name} {to}", data, to=to, methods=("POST",))
        for to in ("fe_option", "fe_backend")
        for name, data in {
            "length": post(b"hello"),
            "empty": post(b""),
            "chunked": CHUNKED,
            "evil": post(b"very evil"),
            "continue": post(b"hello", "Expect: 100-continue\r\n"),
        }.items()
    ),
    *(Case(f"get {to}", GET, to=to) for to in ("fe_option", "fe_backend")),
    *(Case(f"short {to}", post(b"hel", length=5), to=to, methods=("POST",), end="wait") for to in ("fe_option", "fe_backend")),
    Case("cut", post(b"hel", length=5), to="fe_backend", methods=("POST",), end="half"),
    Case("answer whole", GET, in_pieces(head(5, "all"), b"hel", b"lo"), to="fe_answer"),
    Case("answer evil", GET, in_pieces(head(9, "all"), b"very ", b"evil"), to="fe_answer"),
    Case("answer some", GET, in_pieces(head(5, "some") + b"hello"), to="fe_answer"),
    Case(
        "answer chunked",
        GET,
        in_pieces(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-All: 1\r\n\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n"),
        to="fe_answer",
    ),
    Case("answer without", GET, in_pieces(b"HTTP/1.1 204 No\r\nX-All: 1\r\n\r\n"), to="fe_answer"),
]
BIG = post(b"x" * 9000, length=9000)


def config() -> str:
    return CONFIG


@pytest.fixture(scope="module")
def labs() -> Iterator[tuple[Lab, Lab]]:
    with both_programs(lambda program: Lab(program, config())) as made:
        yield made


@pytest.mark.parametrize("step", [0, 7])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_body_is_awaited_as_haproxy_does(labs, case, step):
    assert_same(labs, case, step)


@pytest.mark.parametrize("to", ["fe_option", "fe_backend"])
def test_body_larger_than_the_buffer_is_passed_on(labs, to):
    case = Case("big", BIG, to=to, methods=("POST",))
    for lab in labs:
        outcome = lab.run(case)
        assert outcome.statuses == [200, 200]
        assert "9000 bytes" in outcome.origin[0]


@pytest.mark.parametrize("step", [0, 7])
def test_broken_body_reaches_no_server(labs, step):
    case = Case("bad chunk", CHUNKED.replace(b"4\r\n", b"x\r\n"), to="fe_option", methods=("POST",), end="wait")
    for lab in labs:
        outcome = lab.run(case, step)
        assert outcome.statuses == [400]
        assert outcome.origin == []
