"""Servers and clients that fail in the middle, and TCP sessions: outcomes and log lines of both programs compared."""

from __future__ import annotations

import pytest

from support.origin import cut_after_head, cut_at_once, echo, silent

from .lab import Case, Outcome

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
# haproxy: from the second request of a connection on, a failing server makes it close without a word, so that the client
# tries again; hence these cases ask for the end of the connection themselves.
ONCE = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"


def nothing_or_400(seen: Outcome) -> None:
    assert seen.statuses in ([], [400]), seen


def both(seen: Outcome) -> None:
    assert seen.statuses == [200, 200], seen


def reset_after_head(conn):
    conn.read_request_head()
    conn.reset()


def stall_in_head(conn):
    conn.read_request()
    conn.send(b"HTTP/1.1 200 OK\r\nX-A: ")
    conn.read_to_end()


def stall_in_body(conn):
    conn.read_request()
    conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    conn.read_to_end()


def stall_in_chunk(conn):
    conn.read_request()
    conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf")
    conn.read_to_end()


def greet_and_echo(conn):
    conn.send(b"!")
    echo(conn)


def garbage(conn):
    conn.read_request_head()
    conn.send(bytes(range(256)) * 10)


def flood_of_headers(conn):
    conn.read_request_head()
    conn.send(b"HTTP/1.1 200 OK\r\n")
    while conn.send(b"X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n"):
        pass


def early_error(conn):
    conn.read_request_head()
    conn.send(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")


def speaks_first(conn):
    conn.send(b"hello")
    conn.send(conn.read_exact(3))


def cut_after_five(conn):
    conn.read_exact(5)


CASES = [
    Case("server cuts at once", ONCE, cut_at_once),
    Case("server cuts after the head", ONCE, cut_after_head),
    Case("server resets after the head", ONCE, reset_after_head),
    Case("server cuts a post", POST + b"hello", cut_after_head, ("POST",)),
    Case("server never answers", GET, silent),
    Case("server stalls in the head", GET, stall_in_head),
    Case("server stalls in the body", GET, stall_in_body, end="wait"),
    Case("server stalls in a chunk", GET, stall_in_chunk, end="wait"),
    Case("server sends garbage", GET, garbage),
    Case("server floods headers", GET, flood_of_headers),
    Case("server refuses early", POST + b"hello", early_error, ("POST",)),
    Case("client sends half a request line", b"GET / HT", end="wait"),
    Case("client sends half a head", b"GET / HTTP/1.1\r\nHost: a", end="wait"),
    Case("client half-closes in the request line", b"GET / HT", end="half"),
    Case("client half-closes in the head", b"GET / HTTP/1.1\r\nHost: a", end="half"),
    Case("client half-closes after a request", GET, end="half"),
    Case("client half-closes without a word", b"", end="half", fastlb=nothing_or_400, why="2.6 answers nobody"),
    Case("client is silent", b"", end="wait"),
    Case("client half-closes after two requests", GET + GET, end="half", methods=("GET",) * 2, fastlb=both, why="2.6 drops one"),
    Case("client sends garbage", bytes(range(256)) * 10, end="wait"),
    Case("client sends garbage after a request", GET + b"\x00\x01\x02\r\n\r\n", end="wait", methods=("GET", "GET")),
    Case("client speaks TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, end="wait"),
    Case("tcp echo", b"hello", echo, to="tcp", end="half"),
    # A FIN with nothing before it, met while haproxy still connects, counts as an abort (CC): so the origin greets first.
    Case("tcp silent client", b"", greet_and_echo, to="tcp", end="half greeted"),
    Case("tcp server speaks first", b"abc", speaks_first, to="tcp", end="wait"),
    Case("tcp server cuts", b"hello", cut_after_five, to="tcp", end="wait"),
    Case("tcp server stalls", b"hello", silent, to="tcp", end="wait"),
    Case("tcp large", b"q" * 500_000, echo, to="tcp", end="half"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_fault_is_treated_alike(compare, case):
    compare(case)
