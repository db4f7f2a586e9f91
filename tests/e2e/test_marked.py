"""`on-marked-down` and `on-marked-up`: streams end with the state of a server."""

from __future__ import annotations

import pytest

from support.origin import OriginConnection
from support.proxy import HTTP
from support.wire import Cut


def never_done(conn: OriginConnection) -> None:
    """Sends half an answer and waits."""
    if conn.read_request() is not None:
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")
        conn.has_more()


def test_streams_of_a_server_that_goes_down_are_ended(start, origin):
    server = origin(never_done)
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n    server s {server} on-marked-down shutdown-sessions\n")
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.has_more()
    proxy.command("disable server fe/s")
    with pytest.raises(Cut):
        client.read_response("GET")


def test_streams_of_backup_servers_are_ended_when_another_one_is_up_again(start, origin):
    backup = origin(never_done)
    lines = f"    server s 127.0.0.1:1 disabled on-marked-up shutdown-backup-sessions\n    server b {backup} backup\n"
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe\n{lines}")
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.has_more()
    proxy.command("enable server fe/s")
    with pytest.raises(Cut):
        client.read_response("GET")
