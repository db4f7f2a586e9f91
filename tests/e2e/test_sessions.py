"""`show sess`, `shutdown session`, `shutdown sessions server`: streams of all workers, told and ended by command."""

from __future__ import annotations

import re

import pytest

from support.origin import echo, silent
from support.poll import poll
from support.proxy import HTTP, TCP
from support.wire import Cut

SITE = """
frontend fe
    bind fd@fe
    default_backend be
backend be
    server a {}
    server b {} backup
"""


def sessions(proxy, of: str = "fe=fe ") -> list[str]:
    return [line for line in proxy.command("show sess").splitlines() if of in line]


def test_request_that_waits_for_its_server_is_told_and_ended(start, origin):
    server = origin(silent)
    proxy = start((HTTP + SITE).format(server, origin(silent)), threads=2)
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    (line,) = poll(lambda: [line for line in sessions(proxy) if "srv=a" in line], "the stream")
    host, port = client.sock.getsockname()
    assert f"proto=tcpv4 src={host}:{port} fe=fe be=be srv=a " in line
    number = line.split(":")[0]
    details = proxy.command(f"show sess {number}")
    assert re.search(rf"^{number}: \[\d+/\w+/\d+:[\d:.]+\] .*proto=tcpv4 source={host}:{port}$", details, re.M)
    assert re.search(r"^  frontend=fe \(id=\d+ mode=http\), listener=.* addr=127\.0\.0\.1:\d+", details, re.M)
    assert re.search(r"^  backend=be \(id=\d+ mode=http\)", details, re.M)
    assert re.search(rf"^  server=a \(id=1\) addr={re.escape(str(server))}", details, re.M)
    assert number in proxy.command("show sess all")
    assert proxy.command(f"shutdown session {number}") == "\n"
    assert client.is_closed()
    poll(lambda: not sessions(proxy), "the stream to be gone")
    assert proxy.command(f"shutdown session {number}") == "No such session (use 'show sess').\n\n"


def is_served(client) -> bool:
    try:
        client.send(b"y")
        return client.read_exact(1) == b"y"
    except (Cut, OSError):
        return False


def test_sessions_of_one_server_are_ended_in_all_workers(start, origin):
    config = TCP + "\nlisten fe\n    bind port@fe\n    balance roundrobin\n    server a {}\n    server b {}\n"
    proxy = start(config.format(origin(echo), origin(echo)), threads=2)
    clients = [proxy.client() for _ in range(12)]
    for client in clients:
        client.send(b"x")
        assert client.read_exact(1) == b"x"
    of = {name: [line for line in sessions(proxy) if f"srv={name} " in line] for name in "ab"}
    assert [len(of[name]) for name in "ab"] == [6, 6]
    assert proxy.command("shutdown sessions server fe/a") == "\n"
    poll(lambda: len(sessions(proxy)) == 6, "the streams of one server to end")
    assert all("srv=b " in line for line in sessions(proxy))
    assert sum(is_served(client) for client in clients) == 6


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("show sess 0x99", "Session not found.\n\n"),
        ("shutdown session", "Session pointer expected (use 'show sess').\n\n"),
        ("shutdown session zz", "Session pointer expected (use 'show sess').\n\n"),
        ("shutdown session 0x1", "No such session (use 'show sess').\n\n"),
        ("shutdown sessions server", "Require 'backend/server'.\n\n"),
        ("shutdown sessions server be/nope", "No such server.\n\n"),
    ],
)
def test_streams_that_are_not_there(start, origin, command, answer):
    proxy = start((HTTP + SITE).format(origin(echo), origin(echo)))
    assert proxy.command(command) == answer
