"""Every timeout: what the client gets, and the termination code in the log."""

from __future__ import annotations

import socket
import threading

import pytest

from support.logline import parse
from support.origin import by_request, echo, named, reply, silent
from support.proxy import HTTP, TCP


def site(syslog, server, *lines: str, mode: str = "http", front: str = "") -> str:
    options = "".join(f"    {line}\n" for line in lines)
    base = HTTP if mode == "http" else TCP
    return (
        f"global\n    log {syslog} local0\n{base}    log global\n    option {mode}log\n{options}"
        f"frontend fe\n    bind fd@fe\n    {front}\n    default_backend be\nbackend be\n    server s1 {server}\n"
    )


def test_http_request_timeout_is_408_with_cR(start, origin, syslog):
    proxy = start(site(syslog, origin(silent), "timeout http-request 200ms"))
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a")
    answer = client.read_response()
    assert answer.status == 408
    assert (
        answer.body
        == b"<html><body><h1>408 Request Time-out</h1>\nYour browser didn't send a complete request in time.\n</body></html>\n"
    )
    assert client.is_closed()
    line = parse(syslog.line("cR--"))
    assert (line["status"], line["termination"], line["server"], line["request"]) == ("408", "cR--", "<NOSRV>", "<BADREQ>")


def test_http_request_timeout_covers_the_whole_head(start, origin, syslog):
    proxy = start(site(syslog, origin(silent), "timeout http-request 300ms"))
    client = proxy.client()
    # A byte now and then must not extend the time: the timer runs from the first byte.
    while client.sock.fileno() >= 0 and client.send(b"G"):
        client.sock.settimeout(0.05)
        try:
            if client.sock.recv(1, socket.MSG_PEEK) is not None:
                break
        except TimeoutError:
            continue
    client.sock.settimeout(5)
    assert client.read_response().status in (400, 408)


def test_server_timeout_is_504_with_sH(start, origin, syslog):
    proxy = start(site(syslog, origin(silent), "timeout server 200ms"))
    answer = proxy.fetch()
    assert answer.status == 504
    assert answer.body == b"<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n"
    line = parse(syslog.line("sH--"))
    assert (line["status"], line["server"], line["Tr"]) == ("504", "s1", "-1")
    assert int(line["Ta"]) >= 200


def test_server_timeout_in_the_answers_body_is_sD(start, origin, syslog):
    def script(conn):
        conn.read_request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        conn.read_to_end()

    proxy = start(site(syslog, origin(script), "timeout server 200ms"))
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.read_response(body=False).status == 200
    assert client.read_to_end() == b"abc"
    assert parse(syslog.line("sD--"))["status"] == "200"


def test_a_request_whose_body_stalls_is_ended(start, origin, syslog):
    # haproxy: 2.6 lets the server's timeout end it, with sH; blaming the client is as good.
    proxy = start(site(syslog, origin(silent), "timeout client 200ms", "timeout server 400ms"))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
    client.read_to_end()
    line = parse(syslog.line(" be/s1 "))
    assert line["termination"] in ("cD--", "cH--", "sH--")


def test_connect_timeout_is_503_with_sC(start, syslog):
    # A listener with a full accept queue drops the SYN: connects to it hang.
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(3):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        fillers.append(filler)
    proxy = start(site(syslog, f"127.0.0.1:{full.getsockname()[1]}", "timeout connect 150ms", "retries 0"))
    answer = proxy.fetch()
    assert answer.status == 503
    line = parse(syslog.line("sC--"))
    assert (line["status"], line["Tc"], line["Tr"]) == ("503", "-1", "-1")
    for one in (*fillers, full):
        one.close()


def test_keep_alive_timeout_closes_an_idle_client_without_a_word(start, origin, syslog):
    proxy = start(site(syslog, origin(named("a")), "timeout http-keep-alive 150ms"))
    client = proxy.client()
    assert client.request().status == 200
    assert client.is_closed()
    assert not client.was_reset


def test_http_request_timeout_bounds_keep_alive_where_none_is_set(start, origin, syslog):
    proxy = start(site(syslog, origin(named("a")), "timeout http-request 150ms"))
    client = proxy.client()
    assert client.request().status == 200
    assert client.is_closed()


def test_client_timeout_closes_a_silent_tcp_session_with_cD(start, origin, syslog):
    proxy = start(site(syslog, origin(echo), "timeout client 200ms", mode="tcp"))
    client = proxy.client()
    client.send(b"x")
    assert client.read_to_end() == b"x"
    client.close()
    assert parse(syslog.line(" be/s1 "))["termination"] == "cD"


def test_server_timeout_closes_a_silent_tcp_session_with_sD(start, origin, syslog):
    proxy = start(site(syslog, origin(echo), "timeout server 200ms", mode="tcp"))
    client = proxy.client()
    client.send(b"x")
    assert client.read_to_end() == b"x"
    client.close()
    assert parse(syslog.line(" be/s1 "))["termination"] == "sD"


def test_tunnel_timeout_replaces_both_in_tcp_mode(start, origin, syslog):
    proxy = start(site(syslog, origin(echo), "timeout client 10s", "timeout server 10s", "timeout tunnel 200ms", mode="tcp"))
    client = proxy.client()
    client.send(b"x")
    assert client.read_to_end() == b"x"
    client.close()
    assert parse(syslog.line(" be/s1 "))["termination"] in ("cD", "sD")


@pytest.mark.parametrize("option", ["", "option independent-streams"])
def test_tunnel_timeout_begins_with_the_tunnel(start, origin, syslog, option):
    """The client timeout of the rules before it went on in the tunnel, where no byte had set the timers anew."""
    server = origin(lambda conn: conn.read_to_end())
    lines = ("timeout client 600ms", "timeout server 10s", "timeout tunnel 1500ms", option)
    rules = "tcp-request inspect-delay 200ms\n    tcp-request content accept if { req.len gt 0 }"
    proxy = start(site(syslog, server, *lines, mode="tcp", front=rules))
    client = proxy.client()
    assert client.is_closed()
    assert int(parse(syslog.line(" be/s1 "))["Tt"]) >= 1500


def test_tunnel_timeout_begins_with_an_upgrade(start, origin, syslog):
    """The client timeout of a request's body that was still on its way went on in the tunnel."""

    def script(conn):
        while conn.read_line():
            pass
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n")
        conn.read_to_end()

    proxy = start(site(syslog, origin(script), "timeout client 600ms", "timeout server 10s", "timeout tunnel 1500ms"))
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 10\r\n\r\nabc")
    client.read_to_end()
    line = parse(syslog.line(" be/s1 "))
    assert (line["status"], int(line["Ta"]) >= 1500) == ("101", True)


def test_tunnel_timeout_after_an_upgrade(start, origin, syslog):
    def script(conn):
        conn.read_request()
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n")
        conn.read_to_end()

    proxy = start(site(syslog, origin(script), "timeout tunnel 200ms"))
    client = proxy.client()
    assert client.request(headers="Connection: Upgrade\r\nUpgrade: foo\r\n").status == 101
    assert client.is_closed()


@pytest.mark.parametrize("side", ["client-fin", "server-fin"])
def test_fin_timeouts_bound_a_half_closed_session(start, origin, syslog, side):
    def script(conn):
        if side == "server-fin":
            conn.read_to_end()
        else:
            conn.half_close()
        forever.wait(10)

    forever = threading.Event()
    server = origin(script)
    proxy = start(site(syslog, server, f"timeout {side} 200ms", "timeout client 20s", "timeout server 20s", mode="tcp"))
    client = proxy.client()
    if side == "server-fin":
        client.half_close()
    client.read_to_end()
    line = parse(syslog.line(" be/s1 "))
    assert line["termination"] == ("sD" if side == "server-fin" else "cD")
    assert int(line["Tt"]) < 5000
    forever.set()


def test_traffic_extends_the_timeouts(start, origin, syslog):
    server = origin(by_request(lambda request: reply(b"x")))
    proxy = start(site(syslog, server, "timeout client 1s", "timeout server 1s", "timeout http-keep-alive 1s"))
    client = proxy.client()
    # One and a half timeouts in steps of a twentieth.
    for _ in range(30):
        client.sock.settimeout(0.05)
        try:
            assert client.sock.recv(1) == b"never"
        except TimeoutError:
            client.sock.settimeout(10)
        assert client.request().status == 200
