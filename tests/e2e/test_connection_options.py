"""Options on how connections end and what keeps them: nolinger, independent-streams, idle-close-on-response, socket-stats."""

from __future__ import annotations

import signal
import threading

import pytest

from support.origin import echo, named
from support.poll import poll
from support.proxy import HTTP, TCP

SITE = "\nfrontend fe\n    bind fd@fe\n    {front}\n    default_backend be\nbackend be\n    {back}\n    server s1 {server}\n"


def site(base: str, server: object, front: str = "", back: str = "") -> str:
    return base + SITE.format(front=front, back=back, server=server)


@pytest.mark.parametrize("option", ["", "option nolinger"])
def test_client_is_reset_where_its_end_is_not_lingered_for(start, origin, option):
    def script(conn):
        conn.send(b"bye")
        conn.read_exact(1)

    proxy = start(site(TCP, origin(script), option))
    client = proxy.client()
    assert client.read_exact(3) == b"bye"
    client.send(b"x")
    client.read_to_end()
    assert client.was_reset == bool(option)


@pytest.mark.parametrize("option", ["", "option nolinger"])
def test_server_is_reset_where_its_end_is_not_lingered_for(start, origin, option):
    server = origin(echo)
    proxy = start(site(TCP, server, back=option))
    client = proxy.client()
    client.send(b"hello")
    assert client.read_exact(5) == b"hello"
    client.half_close()
    server.wait_closed()
    assert server.connections[0].was_reset == bool(option)


@pytest.mark.parametrize("option", ["", "option independent-streams"])
def test_bytes_to_the_client_are_no_sign_of_life_of_its_own(start, origin, option):
    over = threading.Event()

    def script(conn):
        for _ in range(40):
            if not conn.send(b"x") or over.wait(0.05):
                return

    base = TCP.replace("timeout client 10s", "timeout client 600ms")
    proxy = start(site(base, origin(script), option))
    client = proxy.client()
    got = client.read_to_end()
    over.set()
    assert (len(got) < 40) == bool(option)


@pytest.mark.parametrize("option", ["", "option idle-close-on-response"])
def test_idle_client_during_a_soft_stop(start, origin, option):
    proxy = start(site(HTTP, origin(named("s")), option))
    client = proxy.client()
    assert client.request().body == b"s"
    other = proxy.client()
    proxy.process.send_signal(signal.SIGUSR1)
    poll(lambda: _is_refused(proxy), "no new clients")
    if option:
        answer = client.request()
        assert (answer.body, answer.get("connection")) == (b"s", "close")
    assert client.is_closed()
    other.close()


def _is_refused(proxy) -> bool:
    try:
        client = proxy.client()
    except OSError:
        return True
    client.close()
    return False


@pytest.mark.parametrize("option", ["", "option socket-stats"])
def test_statistics_of_each_socket(start, origin, option):
    proxy = start(site(HTTP, origin(named("s")), option))
    for _ in range(3):
        assert proxy.fetch().status == 200
    rows = [row for (name, _), row in proxy.stat().items() if name == "fe" and row["type"] == "3"]
    assert [row["stot"] for row in rows] == (["3"] if option else [])
