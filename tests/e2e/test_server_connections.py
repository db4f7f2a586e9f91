"""What a server's line says of the connections to it: how often they are used, socket options, names in the pool, stickiness."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path

import pytest

from support.origin import Origin, OriginConnection, Script, named, reply
from support.poll import poll
from support.proxy import HTTP, Proxy

_PIDFD_GETFD = 438


def numbered(conn: OriginConnection) -> None:
    """Answers with the number of the connection."""
    while conn.read_request() is not None:
        conn.send(reply(str(conn.number).encode()))


@pytest.mark.fastlb_only(reason="2.6 does not count the uses of HTTP/1 connections")
@pytest.mark.parametrize(("most", "expected"), [(0, "012345"), (1, "001122"), (2, "000111"), (-1, "000000")])
def test_max_reuse(start, origin, most, expected):
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    server s {origin(numbered)} max-reuse {most}\n")
    client = proxy.client()
    assert "".join(client.request().body.decode() for _ in range(6)) == expected


@pytest.mark.fastlb_only(reason="newer than 2.6")
def test_pool_conn_name_keeps_connections_apart(start, origin):
    server = f"server s {origin(numbered)} pool-conn-name req.hdr(who)"
    proxy = start(f"{HTTP}    http-reuse always\nlisten fe\n    bind fd@fe\n    {server}\n")
    seen = [proxy.fetch(headers=f"Who: {who}\r\n").body.decode() for who in "aabbabc"]
    assert seen == ["0", "0", "1", "1", "0", "1", "2"]


def test_a_table_does_not_learn_a_server_that_is_non_stick(start, origin):
    proxy = start(
        f"{HTTP}listen fe\n    bind fd@fe\n    stick-table type string size 10\n    stick on hdr(k)\n"
        f"    server a {origin(named('a'))}\n    server b {origin(named('b'))} non-stick\n"
    )
    first = [proxy.fetch(headers=f"K: {key}\r\n").body for key in ("1", "2", "1", "1", "2", "2")]
    assert first[0] == first[2] == first[3] == b"a"
    assert b"b" in first


def socket_options(pid: int, peer: tuple[str, int], names: list[tuple[int, int]]) -> list[int] | None:
    """Of the process's connection to `peer`; None while it has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            if not os.readlink(entry).startswith("socket:"):
                continue
            fd = libc.syscall(_PIDFD_GETFD, pidfd, int(entry.name), 0)
            if fd < 0:
                pytest.skip("the descriptors of another process cannot be had here")
            with socket.socket(fileno=fd) as sock:
                try:
                    if sock.family == socket.AF_INET and sock.getpeername() == peer:
                        return [sock.getsockopt(level, name) for level, name in names]
                except OSError:
                    continue
    finally:
        os.close(pidfd)
    return None


def found_in_some_process(proxy: Proxy, peer: tuple[str, int], names: list[tuple[int, int]]) -> list[int] | None:
    found = [socket_options(pid, peer, names) for pid in (*proxy.children(), proxy.pid)]
    return next((options for options in found if options is not None), None)


def test_timeouts_and_probes_of_connections_to_a_server(start, origin):
    server = origin(named("a"))
    lines = "option srvtcpka\n    srvtcpka-cnt 3\n    srvtcpka-idle 50s\n    srvtcpka-intvl 7"
    proxy = start(f"{HTTP}    {lines}\nlisten fe\n    bind fd@fe\n    server s {server} tcp-ut 40s\n")
    client = proxy.client()
    assert client.request().status == 200
    tcp = [socket.TCP_USER_TIMEOUT, socket.TCP_KEEPCNT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL]
    names = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *((socket.IPPROTO_TCP, name) for name in tcp)]
    peer = ("127.0.0.1", server.port)
    poll(lambda: found_in_some_process(proxy, peer, names) is not None, "the connection to the server")
    assert found_in_some_process(proxy, peer, names) == [1, 40_000, 3, 50, 7]


@pytest.mark.fastlb_only(reason="newer than 2.6")
def test_hash_key_makes_equal_addresses_equal_choices(start):
    """Two proxies list the same servers in another order: with `addr-port` a key leads to the same address."""
    origins = [Origin(named(str(number))) for number in range(5)]
    try:
        text = f"{HTTP}    balance uri\n    hash-type consistent\n"
        for name, order in (("one", origins), ("two", list(reversed(origins)))):
            servers = "".join(f"    server s{n} {one} hash-key addr-port\n" for n, one in enumerate(order))
            text += f"listen {name}\n    bind fd@{name}\n{servers}"
        proxy = start(text)
        paths = [f"/{number}" for number in range(40)]
        choices = [[proxy.fetch(path, name=name).body for path in paths] for name in ("one", "two")]
        assert choices[0] == choices[1]
        assert len(set(choices[0])) > 1
    finally:
        for one in origins:
            one.close()


@pytest.mark.fastlb_only(reason="newer than 2.6")
@pytest.mark.parametrize(("affinity", "expected"), [("always", 1), ("maxconn", 2)])
@pytest.mark.parametrize("kind", ["consistent", "map-based"])
def test_hash_preserve_affinity(start, origin, affinity, expected, kind):
    """A key's server is full: the stream waits for it, or goes to another one."""
    counts = [0, 0]

    def holds(number: int):
        def script(conn: OriginConnection) -> None:
            if conn.read_request() is not None:
                counts[number] += 1
                conn.has_more()

        return script

    servers = "".join(f"    server s{number} {origin(holds(number))} maxconn 1\n" for number in range(2))
    hashing = f"balance uri\n    hash-type {kind}\n    hash-preserve-affinity {affinity}"
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    {hashing}\n{servers}")
    clients = [proxy.client() for _ in range(2)]
    for client in clients:
        client.send(b"GET /same HTTP/1.1\r\nHost: a\r\n\r\n")
    poll(lambda: int(proxy.stat()["fe", "FRONTEND"]["req_tot"]) == 2, "both requests")
    poll(lambda: sum(counts) == expected, "the servers' requests")
    queued = sum(int(row["qcur"]) for key, row in proxy.stat().items() if key[1].startswith("s"))
    assert (sum(counts), queued) == (expected, 2 - expected)
    for client in clients:
        client.close()


def noting(headers: list[bytes]) -> Script:
    """A server that keeps what stands in PROXY headers of version 2, behind their first 16 bytes."""

    def script(conn: OriginConnection) -> None:
        head = conn.read_exact(16)
        headers.append(conn.read_exact(int.from_bytes(head[14:16], "big")))
        while conn.read_request() is not None:
            conn.send(reply(b"x"))

    return script


@pytest.mark.fastlb_only(reason="newer than 2.6")
def test_tlvs_of_formats(start, origin):
    headers: list[bytes] = []
    server = origin(noting(headers))
    proxy = start(
        f"{HTTP}listen fe\n    bind fd@fe\n    server s {server} send-proxy-v2 set-proxy-v2-tlv-fmt(0xE1) from-%[src] "
        "set-proxy-v2-tlv-fmt(0xE2) %[str(),upper] set-proxy-v2-tlv-fmt(227) %[path]\n"
    )
    assert proxy.fetch("/a/b").status == 200
    assert headers[0][12:] == b"\xe1\x00\x0efrom-127.0.0.1\xe3\x00\x04/a/b"


@pytest.mark.fastlb_only(reason="newer than 2.6")
def test_a_format_of_a_server_means_its_own_backend(start, origin):
    """The backend that stood before it in the file was asked, in the first one nobody: the start was refused."""
    headers: list[bytes] = []
    server = origin(noting(headers))
    proxy = start(
        f"{HTTP}listen fe\n    bind fd@fe\n    server s {server} send-proxy-v2 set-proxy-v2-tlv-fmt(0xE1) %[nbsrv]\n"
        "backend other\n    server a 127.0.0.1:1\n    server b 127.0.0.1:1\n"
    )
    assert proxy.fetch().status == 200
    assert headers[0][12:] == b"\xe1\x00\x011"
