"""The PROXY protocol on the client's side (accept-proxy) and on the server's side (send-proxy, send-proxy-v2)."""

from __future__ import annotations

import pytest

from support import proxy_protocol
from support.logline import parse
from support.origin import echo, named
from support.proxy import HTTP, TCP

stricter = pytest.mark.fastlb_only(reason="2.6 reads less closely than the protocol's text")
TLV = b"\x02\x00\x03abc"


def site(syslog, server: str, mode: str = "http", bind: str = "accept-proxy", *lines: str) -> str:
    options = "".join(f"    {line}\n" for line in lines)
    base = HTTP if mode == "http" else TCP
    return (
        f"global\n    log {syslog} local0\n{base}    log global\n    option {mode}log\n{options}"
        f"frontend fe\n    bind fd@fe {bind}\n    default_backend be\nbackend be\n    server s1 {server}\n"
    )


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (proxy_protocol.v1("192.0.2.1", "198.51.100.2", 1111, 80), "192.0.2.1:1111"),
        (proxy_protocol.v1("2001:db8::1", "2001:db8::2", 65535, 80), "2001:db8::1:65535"),
        (proxy_protocol.v2("192.0.2.1", "198.51.100.2", 1111, 80), "192.0.2.1:1111"),
        (proxy_protocol.v2("2001:db8::1", "2001:db8::2", 2, 80), "2001:db8::1:2"),
        (proxy_protocol.v2("192.0.2.1", "198.51.100.2", 1111, 80, tlvs=TLV), "192.0.2.1:1111"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1:{port}"),
        # The protocol: whatever stands between UNKNOWN and CRLF is ignored.
        pytest.param(b"PROXY UNKNOWN ffff:: ffff:: 1 2\r\n", "127.0.0.1:{port}", marks=stricter),
        (proxy_protocol.v2("192.0.2.1", "198.51.100.2", 1111, 80, local=True), "127.0.0.1:{port}"),
    ],
)
def test_accepted_address_is_the_clients_in_log_and_header(start, origin, syslog, header, client):
    server = origin(named("a"))
    proxy = start(site(syslog, server, "http", "accept-proxy", "option forwardfor"))
    conn = proxy.client()
    conn.send(header + b"GET /pp HTTP/1.1\r\nHost: a\r\n\r\n")
    assert conn.read_response().status == 200
    line = parse(syslog.line("/pp"))
    expected = client.format(port=conn.port)
    assert f"{line['client']}:{line['port']}" == expected
    assert server.requests[0].get("x-forwarded-for") == expected.rpartition(":")[0]


@stricter
def test_accepted_header_in_single_bytes(start, origin, syslog):
    proxy = start(site(syslog, origin(named("a"))))
    conn = proxy.client()
    for byte in proxy_protocol.v2("192.0.2.1", "198.51.100.2", 1111, 80) + b"GET /x HTTP/1.0\r\n\r\n":
        conn.send(bytes([byte]))
    assert conn.read_response().status == 200
    assert parse(syslog.line("/x"))["client"] == "192.0.2.1"


V1, V2 = b"PROXY TCP4 ", proxy_protocol.SIGNATURE
REQUEST = b"GET / HTTP/1.0\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(REQUEST, id="missing"),
        pytest.param(V1 + b"999.1.1.1 1.1.1.1 1 2\r\n" + REQUEST, id="bad address", marks=stricter),
        pytest.param(V1 + b"1.1.1.1 1.1.1.1 99999 2\r\n" + REQUEST, id="bad port", marks=stricter),
        pytest.param(V1 + b"1.1.1.1\r\n" + REQUEST, id="short"),
        pytest.param(V1 + b"1" * 200, id="long"),
        pytest.param(b"PROXY \r\n" + REQUEST, id="empty"),
        pytest.param(V2 + b"\x31\x11\x00\x0c" + b"\x01" * 12 + REQUEST, id="version 3"),
        pytest.param(V2 + b"\x21\x11\x00\x04" + b"\x01" * 4 + REQUEST, id="version 2 too short"),
    ],
)
def test_wrong_header_closes_without_an_answer(start, origin, syslog, data):
    server = origin(named("a"))
    proxy = start(site(syslog, server))
    conn = proxy.client()
    conn.send(data)
    assert conn.is_closed()
    assert server.connections == []


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_send_proxy_v1_names_both_ends(start, origin, syslog, mode):
    lines = []

    def script(conn):
        lines.append(conn.read_line())
        named("a")(conn)

    proxy = start(site(syslog, f"{origin(script)} send-proxy", mode, ""))
    conn = proxy.client()
    assert conn.request().status == 200
    address, port = proxy.addresses["fe"]
    assert lines == [f"PROXY TCP4 127.0.0.1 {address} {conn.port} {port}".encode()]


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_send_proxy_v2_names_both_ends(start, origin, syslog, mode):
    seen = []

    def script(conn):
        head = conn.read_exact(16)
        seen.append(proxy_protocol.decode_v2(head + conn.read_exact(int.from_bytes(head[14:16], "big"))))
        named("a")(conn)

    proxy = start(site(syslog, f"{origin(script)} send-proxy-v2", mode, ""))
    conn = proxy.client()
    assert conn.request().status == 200
    address, port = proxy.addresses["fe"]
    assert seen == [("127.0.0.1", address, conn.port, port, b"")]


def test_header_of_one_proxy_is_understood_by_the_next(start, origin, syslog):
    server = origin(named("a"))
    second = start(site(syslog, server, "http", "accept-proxy", "option forwardfor"))
    address, port = second.addresses["fe"]
    first = start(site(syslog, f"{address}:{port} send-proxy-v2", "http", ""))
    conn = first.client(source="127.0.0.5")
    assert conn.request().status == 200
    assert server.requests[0].get("x-forwarded-for") == "127.0.0.5"


def test_ipv6_client_to_ipv6_header(start, origin, syslog):
    lines = []

    def script(conn):
        lines.append(conn.read_line())
        named("a")(conn)

    proxy = start(site(syslog, f"{origin(script)} send-proxy"))
    conn = proxy.client()
    conn.send(proxy_protocol.v2("2001:db8::1", "2001:db8::2", 7, 80) + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert conn.read_response().status == 200
    assert lines == [b"PROXY TCP6 2001:db8::1 2001:db8::2 7 80"]


def test_tcp_data_after_the_header_is_passed_on(start, origin, syslog):
    proxy = start(site(syslog, origin(echo), "tcp"))
    conn = proxy.client()
    conn.send(proxy_protocol.v1("192.0.2.1", "198.51.100.2", 1, 2) + b"payload")
    assert conn.read_exact(7) == b"payload"


@pytest.mark.parametrize("byte_by_byte", (False, True))
def test_what_is_no_header_is_logged_with_its_reason(start, origin, syslog, byte_by_byte):
    form = 'error-log-format "E %ci %ts %[fc_err] %[fc_err_str]"'
    proxy = start(site(syslog, origin(named("a")), "http", "accept-proxy", form))
    client = proxy.client()
    for piece in [bytes([byte]) for byte in b"PROXY SCTP 1.2.3.4 "] if byte_by_byte else [b"PROXY SCTP 1.2.3.4 "]:
        client.send(piece)
    client.send(b"5.6.7.8 1 2\r\n")
    assert client.is_closed()
    assert parse(syslog.line("E ")).message == "E 127.0.0.1 PR 17 Received an unhandled protocol in the PROXY protocol header"
