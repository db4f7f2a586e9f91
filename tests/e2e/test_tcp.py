"""TCP mode: bytes both ways unchanged, half-close in each direction, resets, large transfers, HTTP upgrade tunnels."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest

from support.origin import by_request, echo, reply, reset_at_once
from support.proxy import HTTP, TCP

SITE = (
    TCP
    + """
frontend fe
    bind fd@fe
    default_backend be
backend be
    server s1 {}
"""
)


def test_bytes_pass_unchanged_in_small_steps(start, origin):
    proxy = start(SITE.format(origin(echo)))
    client = proxy.client()
    for size in (1, 7, 100, 1):
        data = os.urandom(size)
        client.send(data)
        assert client.read_exact(size) == data


def test_client_half_close_reaches_the_server_and_the_answer_still_comes(start, origin):
    def script(conn):
        conn.send(b"%d" % len(conn.read_to_end()))

    proxy = start(SITE.format(origin(script)))
    client = proxy.client()
    client.send(b"x" * 100_000)
    client.half_close()
    assert client.read_to_end() == b"100000"


def test_server_half_close_reaches_the_client_who_may_go_on_sending(start, origin):
    got = []

    def script(conn):
        conn.send(b"bye")
        conn.half_close()
        got.append(conn.read_to_end())

    server = origin(script)
    proxy = start(SITE.format(server))
    client = proxy.client()
    assert client.read_to_end() == b"bye"
    client.send(b"later")
    client.close()
    server.wait_closed()
    assert got == [b"later"]


def test_server_that_speaks_first(start, origin):
    def script(conn):
        conn.send(b"220 ready\r\n")
        assert conn.read_line() == b"QUIT"
        conn.send(b"221 bye\r\n")

    proxy = start(SITE.format(origin(script)))
    client = proxy.client()
    assert client.read_line() == b"220 ready"
    client.send(b"QUIT\r\n")
    assert client.read_to_end() == b"221 bye\r\n"


@pytest.mark.parametrize("splice", ["", "option splice-auto", "option splice-request\n    option splice-response"])
def test_16_mib_in_each_direction_at_once(start, origin, splice):
    proxy = start(SITE.replace("    bind", f"    {splice}\n    bind").format(origin(echo)))
    data = os.urandom(1 << 20) * 16
    client = proxy.client()

    def send():
        client.send(data)
        client.half_close()

    sender = threading.Thread(target=send)
    sender.start()
    received = client.read_to_end()
    sender.join()
    assert len(received) == len(data)
    assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()


def test_client_reset_closes_the_server_side(start, origin):
    server = origin(echo)
    proxy = start(SITE.format(server))
    client = proxy.client()
    client.send(b"x")
    client.read_exact(1)
    client.reset()
    server.wait_closed()


def test_server_reset_closes_the_client_side(start, origin):
    proxy = start(SITE.format(origin(reset_at_once)))
    assert proxy.client().is_closed()


def test_refused_server_closes_the_client(start, origin, dead):
    proxy = start(SITE.replace("timeout connect", "retries 0\n    timeout connect").format(dead()))
    assert proxy.client().is_closed()


def test_websocket_upgrade_becomes_a_tunnel(start, origin):
    def script(conn):
        request = conn.read_request()
        assert (request.get("upgrade"), request.get("connection").lower()) == ("websocket", "upgrade")
        conn.send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst"
        )
        echo(conn)

    server = origin(script)
    proxy = start(SITE.replace("mode tcp", "mode http").format(server))
    client = proxy.client()
    answer = client.request(
        "/chat",
        headers="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n",
    )
    assert (answer.status, answer.get("upgrade"), answer.get("connection").lower()) == (101, "websocket", "upgrade")
    assert client.read_exact(5) == b"first"
    for size in (1, 200_000):
        data = os.urandom(size)
        threading.Thread(target=client.send, args=(data,)).start()
        assert client.read_exact(size) == data
    client.half_close()
    assert client.read_to_end() == b""


def test_upgrade_that_the_server_declines_stays_http(start, origin):
    server = origin(by_request(lambda request: reply(request.target.encode())))
    proxy = start(SITE.replace("mode tcp", "mode http").format(server))
    client = proxy.client()
    assert client.request("/1", headers="Connection: Upgrade\r\nUpgrade: foo\r\n").status == 200
    assert client.request("/2").body == b"/2"


def test_connect_method_becomes_a_tunnel_on_200(start, origin):
    def script(conn):
        conn.read_request_head()
        conn.send(b"HTTP/1.1 200 OK\r\n\r\n")
        echo(conn)

    proxy = start(SITE.replace("mode tcp", "mode http").format(origin(script)))
    client = proxy.client()
    client.send(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n")
    assert client.read_response(body=False).status == 200
    client.send(b"tunnelled")
    assert client.read_exact(9) == b"tunnelled"


def test_http_frontend_and_tcp_frontend_side_by_side(start, origin):
    server = origin(echo)
    site = origin(by_request(lambda request: reply(b"web")))
    proxy = start(
        f"{HTTP}listen web\n    bind fd@web\n    server s {site}\n"
        f"listen raw\n    mode tcp\n    bind fd@raw\n    server s {server}\n"
    )
    assert proxy.fetch(name="web").body == b"web"
    raw = proxy.client("raw")
    raw.send(b"\x00\xff")
    assert raw.read_exact(2) == b"\x00\xff"
