"""TLS on the servers' side: whom the proxy believes, which name it asks for, which connections are used again, checks."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from support.certificates import Authority, self_signed
from support.origin import by_request, echo, named, reply, silent
from support.poll import poll
from support.proxy import HTTP, TCP
from support.secure import checked, secured, server_context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority()
    (tmp_path / "ca.pem").write_bytes(made.crt)
    return made


def backend(server, options: str, *lines: str, mode: str = HTTP) -> str:
    more = "".join(f"    {line}\n" for line in lines)
    front = f"{mode}    retries 0\nfrontend fe\n    bind fd@fe\n    default_backend be\n"
    return f"{front}backend be\n{more}    server s1 {server} {options}\n"


def test_request_over_tls(start, origin, tmp_path):
    context = server_context(self_signed("a.test").write(tmp_path / "s.pem"))
    proxy = start(backend(origin(secured(by_request(lambda request: reply(request.body)), context)), "ssl verify none"))
    client = proxy.client()
    for body in (b"x", b"y" * 3_000_000, b"z"):
        assert client.request("/", "POST", body=body).body == body


def test_tcp_mode_over_tls(start, origin, tmp_path):
    context = server_context(self_signed("a.test").write(tmp_path / "s.pem"))
    proxy = start(backend(origin(secured(echo, context)), "ssl verify none", mode=TCP))
    client = proxy.client()
    client.send(b"x" * 200_000)
    assert client.read_exact(200_000) == b"x" * 200_000


@pytest.mark.parametrize(
    ("name", "options", "status"),
    [
        ("a.test", "", 200),
        ("a.test", "verifyhost a.test", 200),
        ("a.test", "verifyhost b.test", 503),
        ("*.a.test", "verifyhost x.a.test", 200),
        ("a.test", "sni str(a.test)", 200),
        ("a.test", "sni str(b.test)", 503),
    ],
)
def test_certificate_and_name_are_verified(start, origin, tmp_path, authority, name, options, status):
    context = server_context(authority.issue(name).write(tmp_path / "s.pem"))
    server = origin(secured(named("a"), context))
    proxy = start(backend(server, f"ssl verify required ca-file {tmp_path}/ca.pem {options}"))
    assert proxy.fetch().status == status


def test_strangers_are_not_believed(start, origin, tmp_path, authority):
    context = server_context(self_signed("a.test").write(tmp_path / "s.pem"))
    proxy = start(backend(origin(secured(named("a"), context)), f"ssl verify required ca-file {tmp_path}/ca.pem"))
    assert proxy.fetch().status == 503
    assert proxy.stat()["be", "s1"]["econ"] == "1"


def test_plain_server_is_no_tls_server(start, origin, tmp_path):
    def plain(conn):
        conn.send(b"HTTP/1.1 200 OK\r\n\r\n")
        conn.fill()

    proxy = start(backend(origin(plain), "ssl verify none"))
    assert proxy.fetch().status == 503


def test_client_certificate_is_shown(start, origin, tmp_path, authority):
    context = server_context(authority.issue("a.test").write(tmp_path / "s.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "ca.pem")
    own = authority.issue("proxy", client=True).write(tmp_path / "own.pem")
    server = origin(secured(named("a"), context))
    assert start(backend(server, f"ssl verify none crt {own}")).fetch().status == 200


def test_connections_are_used_again_for_the_same_name_only(start, origin, tmp_path):
    names: list[str | None] = []
    context = server_context(self_signed("a.test").write(tmp_path / "s.pem"))
    server = origin(secured(named("a"), context, names))
    proxy = start(backend(server, "ssl verify none sni req.hdr(x)", "http-reuse always"))
    client = proxy.client()
    for name in ("a", "b", "a", "b", "a"):
        assert client.request("/", headers=f"X: {name}.test\r\n").status == 200
    assert names == ["a.test", "b.test"]


def test_sessions_are_resumed(start, origin, tmp_path):
    context = server_context(self_signed("a.test").write(tmp_path / "s.pem"))
    server = origin(secured(named("a"), context))
    shown = "http-response set-header resumed %[ssl_bc_is_resumed]"
    proxy = start(backend(server, "ssl verify none", "http-reuse never", shown))
    assert [proxy.fetch().get("resumed") for _ in range(3)] == ["0", "1", "1"]
    proxy = start(backend(server, "ssl verify none no-ssl-reuse", "http-reuse never", shown))
    assert [proxy.fetch().get("resumed") for _ in range(3)] == ["0", "0", "0"]


def test_proxy_header_goes_first(start, origin, tmp_path):
    context = server_context(self_signed("a.test").write(tmp_path / "s.pem"))
    lines: list[bytes] = []

    def script(conn):
        while not (lines and lines[-1].endswith(b"\n")):
            lines.append((lines.pop() if lines else b"") + conn.sock.recv(1))
        secured(named("a"), context)(conn)

    assert start(backend(origin(script), "ssl verify none send-proxy")).fetch().status == 200
    assert lines[0].startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")


def test_connect_of_a_tcp_check_speaks_tls_only_where_it_says_so(start, origin):
    """Manual, "tcp-check connect": what the server line says about connections holds for `default`."""
    server = origin(named("a"))
    send = "tcp-check send GET\\ /\\ HTTP/1.0\\r\\n\\r\\n"
    rules = (f"tcp-check connect port {server.port}", send, "tcp-check expect string 200")
    proxy = start(backend(server, "verify none check-ssl check inter 100ms", "option tcp-check", *rules))
    poll(lambda: proxy.stat()["be", "s1"]["check_status"] == "L7OK", "L7OK")


def test_a_handshake_that_never_ends_is_a_timeout_of_layer_6(start, origin):
    server = origin(silent)
    for lines in ((), ("option tcp-check", "tcp-check connect default")):
        proxy = start(backend(server, "verify none check-ssl check inter 200ms fall 1", *lines))
        poll(lambda one=proxy: one.stat()["be", "s1"]["check_status"] == "L6TOUT", "L6TOUT")


@pytest.mark.parametrize(
    ("options", "lines", "check", "state"),
    [
        ("ssl verify none", (), "L6OK", "UP"),
        ("ssl verify none", ("option tcp-check", "tcp-check connect default"), "L6OK", "UP"),
        ("ssl verify none alpn h2,http/1.1", ("option httpchk",), "L7OK", "UP"),
        ("ssl verify none", ("option httpchk",), "L7OK", "UP"),
        ("verify none check-ssl", (), "L6OK", "UP"),
        ("ssl verify none no-check-ssl", (), "L4OK", "UP"),
        ("ssl verify required ca-file {ca}", (), "L6RSP", "DOWN"),
        ("ssl verify required ca-file {own}", (), "L6OK", "UP"),
        ("ssl verify required ca-file {own} check-sni b.test", (), "L6RSP", "DOWN"),
    ],
)
def test_checks_speak_tls(start, origin, tmp_path, authority, options, lines, check, state):
    pem = self_signed("a.test").write(tmp_path / "s.pem")
    server = origin(checked(secured(named("a"), server_context(pem))))
    options = options.format(ca=tmp_path / "ca.pem", own=pem)
    proxy = start(backend(server, f"{options} check inter 100ms fall 1", *lines))
    poll(lambda: proxy.stat()["be", "s1"]["check_status"] == check, check)
    proxy.wait_state("be", "s1", state)
