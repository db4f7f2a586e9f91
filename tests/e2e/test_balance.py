"""Which server gets the next request: every balance algorithm of the spine, through a running program."""

from __future__ import annotations

from collections import Counter

import pytest

from support.origin import named
from support.poll import poll
from support.proxy import HTTP


def farm(balance: str, servers: str) -> str:
    return (
        HTTP
        + f"""
frontend fe
    bind fd@fe
    default_backend be
backend be
    balance {balance}
{servers}
"""
    )


def ask(proxy, count):
    return [proxy.fetch().body.decode() for _ in range(count)]


@pytest.mark.parametrize(
    ("balance", "weights", "expected"),
    [
        ("roundrobin", (1, 1, 1), "abcabcabc"),
        ("static-rr", (1, 1, 1), "abcabcabc"),
        ("roundrobin", (2, 1, 1), "aabcaabc"),
        ("static-rr", (3, 1, 1), None),
        ("roundrobin", (10, 5, 5), None),
    ],
)
def test_round_robin_gives_each_server_its_share(start, origin, balance, weights, expected):
    origins = [origin(named(name)) for name in "abc"]
    lines = "\n".join(f"    server {n} {o} weight {w}" for n, o, w in zip("abc", origins, weights, strict=True))
    proxy = start(farm(balance, lines))
    cycle = sum(weights)
    seen = ask(proxy, cycle * 2)
    assert Counter(seen) == {n: w * 2 for n, w in zip("abc", weights, strict=True)}
    if expected and set(weights) == {1}:
        assert "".join(seen) == expected[: len(seen)]


def test_leastconn_prefers_the_server_with_fewer_connections(start, origin):
    origins = [origin(named(name)) for name in "ab"]
    proxy = start(farm("leastconn", f"    server a {origins[0]}\n    server b {origins[1]}\n"))
    # A TCP client that has sent half a body holds its server busy.
    holder = proxy.client()
    holder.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nab")
    busy = poll(
        lambda: next((n for n, o in zip("ab", origins, strict=True) if o.connections), ""), "the held request at a server"
    )
    idle = "b" if busy == "a" else "a"
    assert set(ask(proxy, 4)) == {idle}
    holder.send(b"cde")
    assert holder.read_response().body.decode() == busy


def test_first_fills_the_first_server_up_to_its_maxconn(start, origin):
    origins = [origin(named(name)) for name in "ab"]
    proxy = start(farm("first", f"    server a {origins[0]} maxconn 1\n    server b {origins[1]} maxconn 1\n"))
    assert ask(proxy, 3) == ["a", "a", "a"]
    holder = proxy.client()
    holder.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nab")
    poll(lambda: proxy.stat()["be", "a"]["scur"] == "1", "the held request at server a")
    assert ask(proxy, 3) == ["b", "b", "b"]


def test_source_keeps_a_client_address_on_one_server(start, origin):
    origins = [origin(named(name)) for name in "abc"]
    proxy = start(farm("source", "\n".join(f"    server {n} {o}" for n, o in zip("abc", origins, strict=True))))
    chosen = {}
    for last in range(1, 25):
        address = f"127.0.0.{last}"
        seen = set()
        for _ in range(2):
            client = proxy.client(source=address)
            seen.add(client.request().body.decode())
            client.close()
        assert len(seen) == 1
        chosen[address] = seen.pop()
    # haproxy: map-based hash: the four address bytes as one big-endian number, modulo the total weight.
    assert set(chosen.values()) == set("abc")


def test_backup_serves_only_when_no_active_server_is_left(start, origin):
    origins = [origin(named(name)) for name in "abc"]
    proxy = start(
        farm("roundrobin", f"    server a {origins[0]}\n    server b {origins[1]} backup\n    server c {origins[2]} backup\n")
    )
    assert ask(proxy, 3) == ["a", "a", "a"]
    proxy.command("disable server be/a")
    assert ask(proxy, 3) == ["b", "b", "b"]
    proxy.command("enable server be/a")
    assert ask(proxy, 2) == ["a", "a"]


def test_weight_zero_takes_a_server_out(start, origin):
    origins = [origin(named(name)) for name in "ab"]
    proxy = start(farm("roundrobin", f"    server a {origins[0]} weight 0\n    server b {origins[1]}\n"))
    assert ask(proxy, 3) == ["b", "b", "b"]


def test_disabled_server_gets_nothing_and_none_left_is_503(start, origin):
    only = origin(named("a"))
    proxy = start(farm("roundrobin", f"    server a {only} disabled\n"))
    answer = proxy.fetch()
    assert answer.status == 503
    assert (
        answer.body
        == b"<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n"
    )
    assert answer.headers == [("content-length", "107"), ("cache-control", "no-cache"), ("content-type", "text/html")]
    assert only.connections == []
