"""Servers that misbehave at length and clients that leave: bounded memory, nothing left open, service goes on."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest

from support.origin import echo, named, raw_answer, reply, silent
from support.poll import poll
from support.proxy import HTTP, TCP
from support.wire import Cut


def site(server, *lines: str, base: str = HTTP) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    return f"{base}{options}frontend fe\n    bind fd@fe\n    default_backend be\nbackend be\n    server s1 {server}\n"


def memory_kib(proxy) -> int:
    """Resident private memory of all processes of the program."""
    total = 0
    for pid in [proxy.pid, *proxy.children()]:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += sum(int(found) for found in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE))
    return total


def open_files(proxy) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in [proxy.pid, *proxy.children()])


def flood(conn):
    conn.read_request_head()
    conn.send(b"HTTP/1.1 200 OK\r\n\r\n")
    block = b"z" * 65536
    while conn.send(block):
        pass


def test_a_reader_that_stops_does_not_make_the_proxy_buffer(start, origin):
    proxy = start(site(origin(flood), "timeout client 60s", "timeout server 60s"))
    proxy.command("show info")
    before = memory_kib(proxy)
    clients = []
    for _ in range(20):
        client = proxy.client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read_line()
        clients.append(client)
    # Each connection may hold buffers, but not what a server sends without end: kernel buffers are not counted here.
    assert memory_kib(proxy) - before < 20 * 1024
    assert proxy.info()["Name"]
    for client in clients:
        client.reset()
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "0", "the sessions to end")


def test_a_server_that_stops_reading_does_not_make_the_proxy_buffer(start, origin):
    release = threading.Event()

    def script(conn):
        request = conn.read_request_head()
        if request.target == "/first":
            conn.send(reply(b"ok"))
            return
        release.wait(30)

    proxy = start(site(origin(script)))
    # The first request brings the engine's own code and pools into memory.
    proxy.fetch("/first")
    before = memory_kib(proxy)
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n")
    client.sock.settimeout(0.3)
    sent = 0
    with pytest.raises(TimeoutError):
        while sent < 200 << 20:
            sent += client.sock.send(b"y" * 65536)
    assert memory_kib(proxy) - before < 10 * 1024
    client.reset()
    release.set()


@pytest.mark.parametrize("base", [HTTP, TCP], ids=["http", "tcp"])
def test_clients_that_reset_in_the_middle_leave_nothing_open(start, origin, base):
    server = origin(flood if base is HTTP else echo)
    proxy = start(site(server, base=base))
    files = open_files(proxy)
    for _ in range(30):
        client = proxy.client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read_exact(10)
        client.reset()
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "0", "the sessions to end")
    poll(lambda: open_files(proxy) <= files + 3, "descriptors to be closed")
    server.wait_closed()


def test_answers_that_come_in_fragments_of_any_size(start, origin):
    body = os.urandom(5000)
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%b\r\n" % (len(body[i : i + 37]), body[i : i + 37]) for i in range(0, 5000, 37)
    )
    raw += b"0\r\n\r\n"
    steps = iter([1, 2, 3, 5, 7, 11, 13, 100, 1000] * 10)

    def script(conn):
        while conn.read_request() is not None:
            step = next(steps)
            for start_at in range(0, len(raw), step):
                conn.send(raw[start_at : start_at + step])

    proxy = start(site(origin(script)))
    client = proxy.client()
    for _ in range(9):
        assert client.request().body == body


def test_garbage_from_one_server_does_not_touch_other_sessions(start, origin):
    bad, good = origin(raw_answer(bytes(range(256)) * 100)), origin(named("good"))
    proxy = start(
        f"{HTTP}listen bad\n    bind fd@bad\n    server s1 {bad}\nlisten good\n    bind fd@good\n    server s1 {good}\n"
    )
    keeper = proxy.client("good")
    for _ in range(10):
        assert keeper.request().body == b"good"
        assert proxy.fetch(name="bad").status == 502


def test_a_thousand_idle_clients_and_one_that_works(start, origin):
    proxy = start("global\n    maxconn 3000\n" + site(origin(named("a"))))
    clients = [proxy.client() for _ in range(700)]
    for client in clients[:350]:
        client.send(b"GET / HT")
    worker = proxy.client()
    assert [worker.request().body for _ in range(20)] == [b"a"] * 20
    for client in clients:
        client.close()
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] in ("0", "1"), "the idle clients to be gone")


@pytest.mark.fastlb_only(reason="haproxy refuses to start with a maxconn that the limit cannot hold")
def test_descriptor_limit_reached_and_recovered(start, origin):
    server = origin(named("a"))
    # A client and its server connection are two descriptors: 150 of them do not fit below 256.
    config = f"global\n    maxconn 200\n    ulimit-n 256\n{site(server)}"
    proxy = start(config, prefix=("prlimit", "--nofile=256:256"))
    clients = [proxy.client() for _ in range(150)]
    for client in clients:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    poll(lambda: len(server.connections) >= 50, "requests at the server")
    for client in clients:
        client.send(b"x")
    statuses = [status_of(client) for client in clients]
    assert set(statuses) <= {200, 503, 0}
    assert statuses.count(200) >= 50
    for client in clients:
        client.close()
    poll(lambda: proxy.fetch().status == 200, "service after the flood")
    assert len(server.requests) >= 50


def status_of(client) -> int:
    """The answer's status; 0 where the connection was closed instead."""
    try:
        return client.read_response().status
    except Cut:
        return 0


def test_a_blocked_log_reader_does_not_block_traffic(start, origin):
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write_end, b"x" * 4096)
    os.set_blocking(write_end, True)
    os.dup2(write_end, 200, inheritable=True)
    proxy = start(
        f"global\n    log fd@200 format raw local0\n{site(origin(named('a')), 'log global', 'option httplog')}", extra_fds=(200,)
    )
    assert [proxy.fetch().status for _ in range(30)] == [200] * 30
    os.close(200)
    os.close(write_end)
    os.close(read_end)


def test_a_slow_server_holds_up_only_its_own_clients(start, origin):
    slow, fast = origin(silent), origin(named("fast"))
    proxy = start(
        f"{HTTP}listen slow\n    bind fd@slow\n    server s1 {slow}\nlisten fast\n    bind fd@fast\n    server s1 {fast}\n"
    )
    waiting = [proxy.client("slow") for _ in range(50)]
    for client in waiting:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    slow.wait_connections(50)
    assert [proxy.fetch(name="fast").body for _ in range(20)] == [b"fast"] * 20
    for client in waiting:
        client.close()


def test_many_requests_that_end_at_once_by_the_servers_death(start, origin):
    server = origin(silent)
    proxy = start(site(server, "retries 0"))
    clients = [proxy.client() for _ in range(50)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_connections(50)
    server.close()
    assert [client.read_response().status for client in clients] == [502] * 50
    server_again = origin(lambda conn: conn.read_request() and conn.send(reply(b"back")), port=server.port)
    poll(lambda: proxy.fetch().body == b"back", "service from the server that came back")
    assert server_again.connections
