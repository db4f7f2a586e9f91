"""Clients and servers that do anything at any moment, from fixed seeds: nothing dies, nothing leaks, every gauge ends at zero."""

from __future__ import annotations

import contextlib
import os
import random
import threading
from pathlib import Path

import pytest

from support.origin import OriginConnection, reply
from support.poll import poll
from support.proxy import HTTP
from support.wire import Cut, Malformed

CONFIG = """
    timeout http-request 2s
    timeout queue 300ms
    timeout connect 1s
    timeout server 500ms
    timeout client 1s
    retries 2
    option redispatch
    option abortonclose
    http-reuse always
frontend fe
    bind fd@fe
    monitor-uri /mon
    default_backend be
frontend closing
    bind fd@closing
    option httpclose
    default_backend be
listen tcp
    bind fd@tcp
    mode tcp
    server s1 {wild}
backend be
    balance leastconn
    server wild {wild} maxconn 6 maxqueue 3
    server calm {calm} maxconn 6
    server dead {dead}
"""


def wild_server(seed: int):
    """A server that answers well, badly, in pieces or not at all."""
    chance = random.Random(seed)
    lock = threading.Lock()

    def roll(n: int) -> int:
        with lock:
            return chance.randrange(n)

    def script(conn: OriginConnection) -> None:
        with contextlib.suppress(Malformed):
            while conn.read_request_head() is not None:
                deed = roll(12)
                if deed == 0:
                    return conn.reset()
                if deed == 1:
                    return None
                if deed == 2:
                    conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
                    return None
                if deed == 3:
                    conn.send(b"\x00garbage\r\n\r\n")
                    return None
                if deed == 4:
                    conn.sock.settimeout(0.7)
                    with contextlib.suppress(TimeoutError):
                        conn.fill()
                    return None
                if deed == 5:
                    conn.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                if deed == 6:
                    conn.send(b"HTTP/1.1 200 OK\r\n\r\nuntil close")
                    return None
                if deed == 7:
                    conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                    continue
                for byte in reply(b"x" * roll(50)):
                    conn.send(bytes([byte]))
        return None

    return script


REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /mon HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\nGET / HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + b"y" * 20_000,
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nabc",
    b"GET /" + b"z" * 20_000,
    b"\x16\x03\x01\x02\x00",
    b"BAD\r\n\r\n",
    b"",
]


def wild_client(proxy, chance: random.Random) -> None:
    """One connection: some requests, in pieces, then one of the ways to leave."""
    client = proxy.client(chance.choice(("fe", "fe", "closing", "tcp")))
    client.sock.settimeout(3)
    for _ in range(chance.randrange(1, 4)):
        raw = chance.choice(REQUESTS)
        step = chance.choice((1, 3, 100, 10**6)) if len(raw) < 500 else 10**6
        for start in range(0, len(raw), step):
            client.send(raw[start : start + step])
        if chance.randrange(3) == 0:
            with contextlib.suppress(Cut, Malformed, AssertionError, TimeoutError):
                client.read_response()
    leave = chance.randrange(4)
    with contextlib.suppress(OSError, AssertionError):
        if leave == 0:
            client.reset()
        elif leave == 1:
            client.half_close()
            client.read_to_end()
        elif leave == 2:
            client.fill()
    client.close()


def descriptors(proxy) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in [proxy.pid, *proxy.children()])


@pytest.mark.parametrize("seed", range(6))
def test_nothing_dies_and_nothing_leaks(start, origin, dead, seed):
    wild, calm = origin(wild_server(seed)), origin(wild_server(seed + 100))
    proxy = start(HTTP + CONFIG.format(wild=wild, calm=calm, dead=dead()))
    proxy.fetch("/mon")
    before, family = descriptors(proxy), set(proxy.children())

    def work(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        for _ in range(12):
            wild_client(proxy, chance)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert set(proxy.children()) == family, proxy.output
    assert proxy.fetch("/mon").status == 200

    def settled() -> bool:
        rows = proxy.stat()
        return all(row["scur"] == "0" and row["qcur"] in ("0", "") for key, row in rows.items() if key != ("fe", "FRONTEND"))

    poll(settled, "sessions and queues to be empty")
    for one in (wild, calm):
        one.cut()
    poll(lambda: descriptors(proxy) <= before + 4, "descriptors to be closed")
    assert all(Path(f"/proc/{pid}").exists() for pid in family)
