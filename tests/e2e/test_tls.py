"""TLS on the client's side: handshakes, records, names, certificates of clients, and what is logged when it fails."""

from __future__ import annotations

import base64
import hashlib
import os
import ssl
from pathlib import Path

import pytest

from support import proxy_protocol
from support.certificates import Authority, Made, self_signed
from support.logline import parse
from support.origin import answers, by_request, echo, named, reply
from support.poll import poll
from support.proxy import HTTP, TCP
from support.secure import SecureClient, client_context, step_by_step
from support.sockets import connect

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
GET = b"GET /%d HTTP/1.1\r\nHost: a.test\r\n\r\n"


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return self_signed("a.test").write(tmp_path / "a.pem")


def site(syslog, server, bind: str, *rules: str, mode: str = "http", lines: str = "", glob: str = "") -> str:
    base = HTTP if mode == "http" else TCP
    more = "".join(f"    {rule}\n" for rule in rules)
    return (
        f"global\n    log {syslog} local0\n{glob}{base}    log global\n    option {mode}log\n{lines}"
        f"frontend fe\n    bind fd@fe {bind}\n{more}    default_backend be\nbackend be\n    server s1 {server}\n"
    )


def only(version: str) -> ssl.SSLContext:
    return client_context(minimum_version=VERSIONS[version], maximum_version=VERSIONS[version])


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_one_after_the_other_and_pipelined(start, origin, syslog, pem, version):
    proxy = start(site(syslog, origin(by_request(lambda request: reply(request.target.encode()))), f"ssl crt {pem}"))
    client = SecureClient(proxy.addresses["fe"], context=only(version))
    assert client.tls.version() == f"TLSv{version}"
    assert [client.request(f"/{number}").body for number in range(3)] == [b"/0", b"/1", b"/2"]
    client.send(GET % 3 + GET % 4)
    assert [client.read_response().body for _ in range(2)] == [b"/3", b"/4"]
    client.tls.unwrap()
    assert " fe~ be/s1 " in syslog.line("/4")


@pytest.mark.parametrize("version", VERSIONS)
def test_flights_in_single_bytes(start, origin, syslog, pem, version):
    """So does a client that is slow; and the answer ends with the close alert, not with a cut."""
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem}"))
    answer = step_by_step(proxy.addresses["fe"], b"GET / HTTP/1.0\r\n\r\n", only(version))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\na")


def test_bodies_longer_than_any_buffer(start, origin, syslog, pem):
    big = hashlib.sha256(b"seed").digest() * 100_000
    proxy = start(site(syslog, origin(by_request(lambda request: reply(request.body))), f"ssl crt {pem}"))
    client = SecureClient(proxy.addresses["fe"])
    for _ in range(2):
        assert client.request("/", "POST", body=big).body == big
    client.close()
    assert parse(syslog.wait("POST / ", count=2)[1])["status"] == "200"


def test_tcp_mode_relays_both_ways_until_both_ends_have_closed(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(echo), f"ssl crt {pem}", mode="tcp"))
    client = SecureClient(proxy.addresses["fe"])
    for size in (1, 100, 20_000, 300_000):
        client.send(b"x" * size)
        assert client.read_exact(size) == b"x" * size
    client.tls.unwrap()
    client.close()
    assert " fe~ be/s1 " in syslog.line("fe~")


def test_upgraded_connection_is_a_tunnel(start, origin, syslog, pem):
    def switch(conn):
        conn.read_request()
        conn.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
        echo(conn)

    proxy = start(site(syslog, origin(switch), f"ssl crt {pem}"))
    client = SecureClient(proxy.addresses["fe"])
    assert client.request(headers="Connection: upgrade\r\nUpgrade: x\r\n").status == 101
    client.send(b"hello")
    assert client.read_exact(5) == b"hello"


def test_proxy_header_comes_before_the_handshake(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(named("a")), f"accept-proxy ssl crt {pem}"))
    header = proxy_protocol.v2("192.0.2.1", "198.51.100.2", 1111, 443)
    client = SecureClient(proxy.addresses["fe"], before=header)
    assert client.request("/pp").status == 200
    assert parse(syslog.line("/pp"))["client"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "SSL handshake failure"),
        (b"\x16\x03\x01\x02\x00\x01", "Connection closed during SSL handshake"),
        (b"", "Connection closed during SSL handshake"),
    ],
)
def test_failed_handshakes_are_logged(start, origin, syslog, pem, sent, told):
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem}"))
    sock = connect(proxy.addresses["fe"])
    sock.sendall(sent)
    if told != "SSL handshake failure":
        sock.close()
    assert syslog.line(told).endswith(f"] fe/1: {told}")
    assert SecureClient(proxy.addresses["fe"]).request().status == 200


def test_handshake_ends_in_time(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem}", "timeout client 300ms"))
    client = proxy.client()
    client.send(b"\x16\x03\x01")
    assert client.is_closed()
    syslog.line("fe/1: Timeout during SSL handshake")


def test_silent_connections_are_not_logged_with_dontlognull(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem}", "option dontlognull"))
    connect(proxy.addresses["fe"]).close()
    assert SecureClient(proxy.addresses["fe"]).request("/seen").status == 200
    syslog.line("/seen")
    assert not [line for line in syslog.lines if "handshake" in line]


def test_name_chooses_the_certificate(start, origin, syslog, tmp_path):
    for number, names in enumerate([("first.test",), ("a.test", "b.test"), ("*.w.test",), ("exact.w.test",)]):
        self_signed(*names).write(tmp_path / f"{number}.pem")
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {tmp_path}"))
    shown = {}
    for name in ("a.test", "B.TEST", "x.w.test", "exact.w.test", "x.y.w.test", "other.test", None):
        shown[name] = SecureClient(proxy.addresses["fe"], name).common_name()
    assert shown == {
        "a.test": "a.test",
        "B.TEST": "a.test",
        "x.w.test": "*.w.test",
        "exact.w.test": "exact.w.test",
        "x.y.w.test": "first.test",
        "other.test": "first.test",
        None: "first.test",
    }


def test_filters_of_a_list_replace_the_names_of_a_certificate(start, origin, syslog, pem, tmp_path):
    """Manual, "crt-list": with a filter the names inside the certificate are not used, with "!*" none is."""
    for name in ("a.test", "b.test"):
        self_signed(name).write(tmp_path / f"{name}.pem")
    lines = tmp_path / "list"
    lines.write_text(
        f"{tmp_path}/a.test.pem !*\n{tmp_path}/b.test.pem [ssl-min-ver TLSv1.3] b.test\n{pem} [ssl-max-ver TLSv1.2] c.test\n"
    )
    proxy = start(site(syslog, origin(named("a")), f"ssl crt-list {lines} strict-sni"))

    def shakes(name: str, version: str) -> bool:
        try:
            SecureClient(proxy.addresses["fe"], name, only(version)).close()
        except OSError:
            return False
        return True

    asked = [(name, version) for name in ("a.test", "b.test", "c.test") for version in VERSIONS]
    assert [one for one in asked if shakes(*one)] == [("b.test", "1.3"), ("c.test", "1.2")]


def test_records_may_be_as_long_as_they_can_be(start, origin, syslog, pem):
    server = origin(answers(reply(b"a" * 40_000)))
    proxy = start(site(syslog, server, f"ssl crt {pem}", glob="    tune.ssl.hard-maxrecord 100000\n"))
    assert SecureClient(proxy.addresses["fe"]).request("/").body == b"a" * 40_000


def test_strict_sni_refuses_other_names(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem} strict-sni"))
    assert SecureClient(proxy.addresses["fe"], "a.test").request().status == 200
    for name in ("b.test", None):
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            SecureClient(proxy.addresses["fe"], name)


def test_kind_of_key_follows_the_client(start, origin, syslog, tmp_path):
    """Both kinds for the same name: ECDSA for those that take it."""
    self_signed("a.test", key="rsa").write(tmp_path / "a.pem.rsa")
    self_signed("a.test").write(tmp_path / "a.pem.ecdsa")
    kind = "http-response set-header kind %[ssl_f_key_alg]"
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {tmp_path}/a.pem", kind))
    for name in ("a.test", None):
        assert SecureClient(proxy.addresses["fe"], name).request().get("kind") == "id-ecPublicKey"
        context = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
        assert SecureClient(proxy.addresses["fe"], name, context).request().get("kind") == "rsaEncryption"


def test_alpn_is_the_first_in_common(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem} alpn http/1.1,http/1.0"))
    context = client_context()
    context.set_alpn_protocols(["h2", "http/1.0", "http/1.1"])
    assert SecureClient(proxy.addresses["fe"], context=context).tls.selected_alpn_protocol() == "http/1.1"
    context.set_alpn_protocols(["h2"])
    assert SecureClient(proxy.addresses["fe"], context=context).tls.selected_alpn_protocol() is None


SHOWN = "http-response set-header shown %[ssl_c_used],%[ssl_fc_has_crt],%[ssl_c_verify],%[ssl_c_err],%[ssl_c_s_dn(cn)]"


def with_pair(made: Made, tmp_path: Path) -> ssl.SSLContext:
    context = client_context()
    context.load_cert_chain(made.write(tmp_path / "client.pem"))
    return context


def test_clients_certificate_is_asked_for(start, origin, syslog, pem, tmp_path):
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    bind = f"ssl crt {pem} verify required ca-file {tmp_path}/ca.pem"
    proxy = start(site(syslog, origin(named("a")), bind, SHOWN))
    known = with_pair(authority.issue("alice", client=True), tmp_path)
    assert SecureClient(proxy.addresses["fe"], context=known).request().get("shown") == "1,1,0,0,alice"
    for context in (client_context(), with_pair(self_signed("mallory"), tmp_path)):
        with pytest.raises((ssl.SSLError, OSError)):
            SecureClient(proxy.addresses["fe"], context=context).tls.recv(1)
    syslog.wait("fe/1: SSL handshake failure", count=2)


def test_optional_certificates_and_ignored_errors(start, origin, syslog, pem, tmp_path):
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    bind = f"ssl crt {pem} verify optional ca-file {tmp_path}/ca.pem crt-ignore-err all ca-ignore-err all"
    proxy = start(site(syslog, origin(named("a")), bind, SHOWN))
    assert SecureClient(proxy.addresses["fe"]).request().get("shown") == "0,0,0,0,"
    stranger = with_pair(self_signed("mallory"), tmp_path)
    assert SecureClient(proxy.addresses["fe"], context=stranger).request().get("shown") == "1,1,18,18,mallory"


def test_revoked_certificates_are_refused(start, origin, syslog, pem, tmp_path):
    authority = Authority()
    good, bad = authority.issue("good", client=True), authority.issue("bad", client=True)
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    (tmp_path / "crl.pem").write_bytes(authority.revoke(bad))
    bind = f"ssl crt {pem} verify required ca-file {tmp_path}/ca.pem crl-file {tmp_path}/crl.pem"
    proxy = start(site(syslog, origin(named("a")), bind, SHOWN))
    assert SecureClient(proxy.addresses["fe"], context=with_pair(good, tmp_path)).request().status == 200
    with pytest.raises((ssl.SSLError, OSError)):
        SecureClient(proxy.addresses["fe"], context=with_pair(bad, tmp_path)).tls.recv(1)


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_are_resumed_by_any_worker(start, origin, syslog, pem, version):
    resumed = "http-response set-header resumed %[ssl_fc_is_resumed]"
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem}", resumed), threads=2)
    context = only(version)
    first = SecureClient(proxy.addresses["fe"], "a.test", context)
    assert first.request().get("resumed") == "0"
    session = first.tls.session
    assert session is not None
    for _ in range(8):
        again = SecureClient(proxy.addresses["fe"], "a.test", context, session)
        assert again.request().get("resumed") == "1"


@pytest.mark.parametrize("size", [48, 80])
@pytest.mark.parametrize("version", VERSIONS)
def test_ticket_keys_are_shared_through_a_file(start, origin, syslog, pem, tmp_path, version, size):
    keys = tmp_path / "keys"
    keys.write_bytes(b"".join(base64.b64encode(os.urandom(size)) + b"\n" for _ in range(3)))
    server = origin(named("a"))
    resumed = "http-response set-header resumed %[ssl_fc_is_resumed]"
    one, other = (start(site(syslog, server, f"ssl crt {pem} tls-ticket-keys {keys}", resumed)) for _ in range(2))
    context = only(version)
    client = SecureClient(one.addresses["fe"], "a.test", context)
    assert client.request().get("resumed") == "0"
    again = SecureClient(other.addresses["fe"], "a.test", context, client.tls.session)
    assert again.request().get("resumed") == "1"


def test_sessions_are_resumed_without_tickets(start, origin, syslog, pem):
    resumed = "http-response set-header resumed %[ssl_fc_is_resumed]"
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem} no-tls-tickets", resumed))
    context = only("1.2")
    client = SecureClient(proxy.addresses["fe"], "a.test", context)
    client.request()
    again = SecureClient(proxy.addresses["fe"], "a.test", context, client.tls.session)
    assert again.request().get("resumed") == "1"


def test_versions_that_are_not_wanted(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem} ssl-min-ver TLSv1.3"))
    with pytest.raises(ssl.SSLError):
        SecureClient(proxy.addresses["fe"], context=only("1.2"))
    assert SecureClient(proxy.addresses["fe"], context=only("1.3")).request().status == 200


def test_plain_requests_are_told_to_come_back(start, origin, syslog, pem):
    rules = ("bind fd@plain", "http-request redirect scheme https code 308 if !{ ssl_fc }")
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem}", *rules))
    answer = proxy.fetch("/x", name="plain")
    assert (answer.status, answer.get("location")) == (308, "https://a.test/x")
    assert SecureClient(proxy.addresses["fe"]).request("/x").status == 200


def test_slow_reader_gets_all_of_it(start, origin, syslog, pem):
    """What a full socket leaves behind is sent once there is room, in order and once."""
    big = hashlib.sha256(b"slow").digest() * 400_000
    proxy = start(site(syslog, origin(answers(reply(big))), f"ssl crt {pem}"))
    client = SecureClient(proxy.addresses["fe"])
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "1", "the transfer")
    assert client.read_to_end().endswith(big)


@pytest.mark.fastlb_only(reason="workers are fastlb's")
def test_connections_leave_nothing_behind(start, origin, syslog, pem):
    proxy = start(site(syslog, origin(named("a")), f"ssl crt {pem}"))
    clients = [SecureClient(proxy.addresses["fe"]) for _ in range(50)]
    assert {client.request().status for client in clients} == {200}
    for client in clients:
        client.close()
    poll(lambda: proxy.stat()["fe", "FRONTEND"]["scur"] == "0", "the end of all connections")


def test_forwarded_header_says_https(start, origin, pem):
    server = origin(by_request(lambda request: reply(request.get("forwarded").encode())))
    proxy = start(f"{HTTP}listen fe\n    bind fd@fe ssl crt {pem}\n    option forwarded proto\n    server s1 {server}\n")
    client = SecureClient(proxy.addresses["fe"])
    assert client.request().body == b"proto=https"
    client.close()
