"""Connections on both sides: keep-alive, pipelining, reuse of idle server connections, closing modes, hop-by-hop headers."""

from __future__ import annotations

import pytest

from support.origin import answers, named, reply
from support.poll import poll
from support.proxy import HTTP


def site(server, *options: str) -> str:
    lines = "".join(f"    {option}\n" for option in options)
    return f"{HTTP}{lines}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {server}\n"


def test_keep_alive_holds_both_connections(start, origin):
    server = origin(named("a"))
    proxy = start(site(server))
    client = proxy.client()
    for _ in range(5):
        assert client.request().body == b"a"
    assert len(server.connections) == 1
    assert len(server.requests) == 5


def test_http10_closes_unless_asked_to_keep(start, origin):
    server = origin(named("a"))
    proxy = start(site(server))
    client = proxy.client()
    answer = client.request(version="1.0")
    assert (answer.version, answer.get("connection")) == ("HTTP/1.1", "close")
    assert client.is_closed()
    client = proxy.client()
    for _ in range(2):
        assert client.request(version="1.0", headers="Connection: keep-alive\r\n").get("connection") == "keep-alive"
    assert not any("1.1" in request.version for request in server.requests[:1])


def test_connection_close_from_the_client_closes_after_the_answer(start, origin):
    server = origin(named("a"))
    proxy = start(site(server))
    client = proxy.client()
    answer = client.request(headers="Connection: close\r\n")
    assert answer.get("connection") == "close"
    assert client.is_closed()


def test_connection_close_from_the_server_keeps_the_client(start, origin):
    server = origin(answers(reply(b"x", headers=["Connection: close"]), close=True))
    proxy = start(site(server))
    client = proxy.client()
    for _ in range(3):
        assert client.request().get("connection") is None
    assert len(server.connections) == 3


def test_http_server_close_closes_the_server_side_only(start, origin):
    server = origin(named("a"))
    proxy = start(site(server, "option http-server-close"))
    client = proxy.client()
    for _ in range(3):
        client.request()
    server.wait_closed()
    assert len(server.connections) == 3
    assert [request.get("connection") for request in server.requests] == ["close"] * 3


def test_httpclose_closes_both_sides(start, origin):
    server = origin(named("a"))
    proxy = start(site(server, "option httpclose"))
    client = proxy.client()
    answer = client.request()
    assert answer.get("connection") == "close"
    assert client.is_closed()
    assert server.requests[0].get("connection") == "close"


def test_pipelined_requests_are_answered_in_order(start, origin):
    def script(conn):
        while (request := conn.read_request()) is not None:
            conn.send(reply(request.target.encode() + b":" + request.body))

    server = origin(script)
    proxy = start(site(server))
    client = proxy.client()
    raw = b""
    for i in range(20):
        raw += b"POST /%d HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\n%02d" % (i, i)
    client.send(raw)
    assert [client.read_response().body for _ in range(20)] == [b"/%d:%02d" % (i, i) for i in range(20)]
    # One request at a time goes to a server: nothing of the second before the first was answered.
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("mode", "connections"),
    [("never", 3), ("safe", 3), ("aggressive", 2), ("always", 1)],
)
def test_reuse_modes_share_idle_server_connections(start, origin, mode, connections):
    server = origin(named("a"))
    proxy = start(site(server, f"http-reuse {mode}"))
    # First requests of new clients: only `always` may put them on a used connection, `aggressive` on one that was reused before.
    first = proxy.client()
    first.request()
    first.request()
    first.close()
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "0", "the first client to be gone")
    for _ in range(2):
        proxy.fetch()
    count = len(server.connections)
    if mode == "never":
        assert count == 3
    elif mode == "always":
        assert count == 1
    else:
        assert 1 <= count <= 3


def test_reuse_safe_moves_a_second_request_to_an_idle_connection(start, origin):
    server = origin(named("a"))
    proxy = start(site(server, "http-reuse safe"))
    first = proxy.client()
    first.request()
    first.close()
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "0", "the first client to be gone")
    second = proxy.client()
    second.request()
    before = len(server.connections)
    second.request()
    second.request()
    assert len(server.connections) == before


def test_an_idle_connection_that_the_server_closed_is_not_used(start, origin):
    server = origin(named("a"))
    proxy = start(site(server, "http-reuse always"))
    client = proxy.client()
    assert client.request().status == 200
    server.cut()
    server.wait_closed()
    assert client.request().status == 200
    assert len(server.connections) == 2


def test_hop_by_hop_headers_on_the_way_to_the_server(start, origin):
    server = origin(named("a"))
    proxy = start(site(server))
    proxy.fetch(headers="Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers, gzip\r\nKeep-Alive: 5\r\n")
    seen = server.requests[0]
    assert "keep-alive" not in (seen.get("connection") or "").lower()
    assert seen.get("te") in (None, "trailers")


def test_header_order_repeats_and_values_are_kept_and_names_lowered(start, origin):
    server = origin(answers(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-B:  v \r\nSET-COOKIE: b=2\r\nContent-Length: 0\r\n\r\n"))
    proxy = start(site(server))
    answer = proxy.fetch(headers="X-One:  1 \r\nACCEPT: a\r\nx-one: 2\r\nAccept: b,c\r\nX-Empty:\r\n")
    assert server.requests[0].headers == [
        ("host", "a.test"),
        ("x-one", "1"),
        ("accept", "a"),
        ("x-one", "2"),
        ("accept", "b,c"),
        ("x-empty", ""),
    ]
    assert answer.headers == [("set-cookie", "a=1"), ("x-b", "v"), ("set-cookie", "b=2"), ("content-length", "0")]


def test_one_byte_at_a_time_is_one_request(start, origin):
    server = origin(named("a"))
    proxy = start(site(server))
    client = proxy.client()
    for byte in b"POST /slow HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
        client.send(bytes([byte]))
    assert client.read_response().status == 200
    assert (server.requests[0].target, server.requests[0].body) == ("/slow", b"abc")


def test_clients_beyond_count_are_served_side_by_side(start, origin):
    server = origin(named("a"))
    proxy = start(site(server))
    clients = [proxy.client() for _ in range(200)]
    for _ in range(2):
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert [client.read_response().body for client in clients] == [b"a"] * 200
    for client in clients:
        client.close()
