"""`do-resolve`: a name of the request becomes an address while other requests go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.dns_server import NameServer
from support.poll import poll
from support.proxy import HTTP

SHOWN = "http-request return status 200 content-type text/plain lf-string <%[var(txn.to)]>"


@pytest.fixture
def ns() -> Iterator[NameServer]:
    server = NameServer({("a.test", "A"): ["192.0.2.1"], ("b.test", "AAAA"): ["2001:db8::1"]})
    yield server
    server.close()


def config(ns: NameServer, *lines: str, retry: str = "200ms", head: str = "") -> str:
    rules = "".join(f"    {line}\n" for line in lines or ("http-request do-resolve(txn.to,r,ipv4) req.hdr(x-name)", SHOWN))
    return (
        f"{head}resolvers r\n    nameserver ns {ns}\n    timeout retry {retry}\n    resolve_retries 1\n    hold valid 0\n"
        f"{HTTP}frontend fe\n    bind fd@fe\n{rules}"
    )


def ask(proxy, name: str) -> bytes:
    return proxy.fetch(headers=f"X-Name: {name}\r\n").body


def test_variable_gets_the_address(start, ns):
    proxy = start(config(ns))
    found = [ask(proxy, name) for name in ("a.test", "b.test", "none.test", "no name")]
    assert found == [b"<192.0.2.1>", b"<2001:db8::1>", b"<>", b"<>"]


def test_nobody_else_waits_for_a_name_server_that_is_silent(start, ns):
    slow = "http-request do-resolve(txn.to,r) req.hdr(x-name) if { req.hdr(x-name) -m found }"
    proxy = start(config(ns, slow, SHOWN, retry="30s"))
    ns.fails = "silent"
    waiting = proxy.client()
    waiting.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Name: a.test\r\n\r\n")
    poll(lambda: ns.asked, "the question")
    for _ in range(20):
        assert proxy.fetch().body == b"<>"
    # A client that leaves meanwhile leaves nothing behind: the program's end looks for it (tests/support/proxy.py).
    waiting.reset()
    assert proxy.fetch().body == b"<>"


def test_the_same_name_is_asked_for_once_at_a_time(start, ns):
    proxy = start(config(ns, retry="30s"))
    ns.fails = "silent"
    clients = [proxy.client() for _ in range(5)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Name: A.test\r\n\r\n")
    poll(lambda: ns.asked, "the question")
    assert proxy.fetch(headers="X-Name: -bad name-\r\n").body == b"<>"
    assert ns.asked == [("a.test", "A")]


@pytest.mark.fastlb_only(reason="2.6 asks each time, whatever the manual says")
def test_answer_is_kept_as_long_as_hold_valid_says(start, ns):
    proxy = start(config(ns).replace("hold valid 0", "hold valid 1h"))
    assert [ask(proxy, "a.test") for _ in range(3)] == [b"<192.0.2.1>"] * 3
    assert len(ns.asked) == 1
    ns.zone = {}
    assert [ask(proxy, "none.test") for _ in range(2)] == [b"<>"] * 2
    asked = len(ns.asked)
    assert ask(proxy, "none.test") == b"<>"
    assert len(ns.asked) > asked


def test_each_worker_gets_its_own_answer(start, ns):
    proxy = start(config(ns), threads=2)
    for _ in range(10):
        assert ask(proxy, "a.test") == b"<192.0.2.1>"
