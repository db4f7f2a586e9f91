"""`show errors` tells of the same bad messages as haproxy's, in its form; what its parser's states are stands there as a reason.

Names of headers are in lower case in what is sent, because fastlb has put them so by the time that it sees the error.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from support.origin import Origin, OriginConnection
from support.programs import PROGRAMS
from support.proxy import HTTP, Proxy

CONFIG = """
frontend fe
    bind fd@fe
    default_backend be
frontend other
    bind fd@other
    default_backend be
listen both
    bind fd@both
    server s1 {origin}
backend be
    server s1 {origin}
    server s2 {origin} weight 0
"""
REQUESTS = {
    "name": b"GET / HTTP/1.1\r\nhost: a\r\nb ad: x\r\nfoo: \x1b\\bar\t\xab\r\n\r\n",
    "line": b"GARBAGE\r\n\r\n",
    "target": b"GET /\x01 HTTP/1.1\r\nhost: a\r\n\r\n",
    "long": b"GET / HTTP/1.1\r\nhost: a\r\nlong: " + b"0123456789" * 20 + b"\r\nb ad: x\r\n\r\n",
}
ANSWER = b"HTTP/1.0 200 OK\r\nheader/bizarre:blah\r\nlocation: blah\r\n\r\nbody"
FILTERS = (
    *("", "-1", "2", "fe", "#2", "be", "both", "other", "99", "nope", "-1 request", "-1 response", "fe request", "fe response"),
    *("be request", "be response", "fe nonsense"),
)


def broken(conn: OriginConnection) -> None:
    if conn.read_request() is not None:
        conn.send(ANSWER)
        conn.close()


def told(proxy: Proxy, words: str) -> str:
    """Without dates, clients' ports, what a buffer holds besides, and what stands for the parser's states."""
    text = proxy.command(f"show errors {words}".strip())
    text = re.sub(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\]", "[DATE]", text)
    text = re.sub(r"src 127\.0\.0\.1:\d+", "src CLIENT", text)
    text = re.sub(r"wraps at \d+", "wraps at SIZE", re.sub(r"\d+ free", "N free", text))
    return re.sub(r"(  H1 [^\n]*\n)+|(?<=\d\n)  [a-z][^\n]* :\n", "  REASON :\n", text)


@pytest.fixture(scope="module")
def pair() -> Iterator[list[Proxy]]:
    with contextlib.ExitStack() as stack:
        origin = Origin(broken)
        stack.callback(origin.close)
        started = []
        for program in PROGRAMS:
            started.append(Proxy(program, HTTP + CONFIG.format(origin=origin)))
            stack.callback(started[-1].finish)
        yield started


def send(proxy: Proxy, raw: bytes, to: str = "fe") -> None:
    client = proxy.client(to)
    client.send(raw)
    client.read_to_end()
    client.close()


def test_nothing_before_the_first(pair):
    reference, tested = (told(proxy, "") for proxy in pair)
    assert tested == reference == "Total events captured on [DATE] : 0\n\n"


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(pair, name):
    for proxy in pair:
        send(proxy, REQUESTS[name])
    reference, tested = (told(proxy, "fe") for proxy in pair)
    assert tested == reference


def test_answers_and_filters(pair):
    for proxy in pair:
        for name in ("fe", "both"):
            client = proxy.client(name)
            assert client.request("/").status == 502
            client.close()
        send(proxy, REQUESTS["line"], "both")
    for words in FILTERS:
        reference, tested = (told(proxy, words) for proxy in pair)
        assert tested == reference, words


def test_a_user_may_not(pair):
    reference, tested = (proxy.command("user; show errors") for proxy in pair)
    assert tested == reference
