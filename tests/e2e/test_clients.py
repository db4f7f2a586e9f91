"""Clients and scanners that others wrote, through a real proxy: curl, openssl s_client, sslscan, wrk, httpx, websockets."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
import xml.etree.ElementTree as ElementTree

import httpx
import pytest
from websockets.sync.client import connect
from websockets.sync.server import serve

from support.certificates import Authority
from support.origin import by_request, reply
from support.proxy import HTTP

MIB = 1 << 20
# The lines of WALKTHROUGH.md, section 3.
SETTINGS = """global
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
"""


def answer(request) -> bytes:
    """The request's body, or a large one for GET; in a header, its method."""
    return reply(b"x" * MIB if request.method == "GET" else request.body, headers=[f"X-Method: {request.method}"])


@pytest.fixture
def site(start, origin, tmp_path):
    """A proxy with a plain and a TLS line before one server; gives (proxy, authority's file)."""
    authority = Authority()
    pem = authority.issue("localhost", "127.0.0.1", key="rsa").write(tmp_path / "site.pem")
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    server = origin(by_request(answer))
    return (
        start(
            f"{SETTINGS}{HTTP}frontend fe\n    bind fd@fe\n    bind fd@tls ssl crt {pem}\n    default_backend be\n"
            f"backend be\n    server s1 {server}\n"
        ),
        tmp_path / "ca.pem",
    )


def run(*command: str, **options) -> subprocess.CompletedProcess[str]:
    assert shutil.which(command[0]), f"{command[0]} is missing: .ci/packages test"
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def address(proxy, name: str) -> str:
    host, port = proxy.addresses[name]
    return f"{host}:{port}"


@pytest.mark.parametrize("options", [["--http1.0"], ["--http1.1"], ["--http1.1", "-H", "Connection: close"]])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl(site, tmp_path, scheme, options):
    proxy, ca = site
    url = f"{scheme}://{address(proxy, 'tls' if scheme == 'https' else 'fe')}/"
    (tmp_path / "up").write_bytes(b"u" * MIB)
    twice = [word for name in ("down", "again") for word in ("-o", str(tmp_path / name), url)]
    down = run("curl", "-sS", "--cacert", str(ca), *options, "-w", "%{http_code}\n", *twice)
    assert down.returncode == 0, down.stderr
    assert down.stdout.split() == ["200", "200"]
    assert [(tmp_path / name).stat().st_size for name in ("down", "again")] == [MIB, MIB]
    up = ["-T", str(tmp_path / "up"), "-H", "Expect: 100-continue", "-o", str(tmp_path / "echo")]
    sent = run("curl", "-sS", "--cacert", str(ca), *options, *up, "-w", "%{http_code}", url)
    assert (sent.returncode, sent.stdout) == (0, "200"), sent.stderr
    assert (tmp_path / "echo").read_bytes() == (tmp_path / "up").read_bytes()


@pytest.mark.parametrize(("version", "name"), [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_openssl(site, version, name):
    proxy, ca = site
    command = ["openssl", "s_client", "-connect", address(proxy, "tls"), "-CAfile", str(ca), "-verify_return_error", version]
    request = "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    done = run(*command, "-servername", "localhost", "-ign_eof", input=request)
    assert done.returncode == 0, done.stderr
    assert f"New, {name}, Cipher is" in done.stdout
    assert "HTTP/1.1 200 OK" in done.stdout


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_openssl_is_refused_with_an_old_version(site, version):
    proxy, _ = site
    done = run("openssl", "s_client", "-connect", address(proxy, "tls"), version, "-cipher", "ALL:@SECLEVEL=0", input="")
    assert done.returncode != 0
    assert "alert protocol version" in done.stderr


def test_sslscan_finds_nothing_weak(site):
    proxy, _ = site
    done = run("sslscan", "--no-colour", "--xml=-", "--sni-name=localhost", address(proxy, "tls"))
    assert done.returncode == 0, done.stderr
    test = ElementTree.fromstring(done.stdout).find("ssltest")
    assert test is not None
    enabled = {f"{item.get('type')} {item.get('version')}" for item in test.iter("protocol") if item.get("enabled") == "1"}
    assert enabled == {"tls 1.2", "tls 1.3"}
    assert {item.get("supported") for item in test.iter("compression")} <= {"0"}
    assert {item.get("vulnerable") for item in test.iter("heartbleed")} <= {"0"}
    renegotiation = test.find("renegotiation")
    assert renegotiation is None or (renegotiation.get("supported"), renegotiation.get("secure")) in {
        ("0", "0"),
        ("1", "1"),
        ("0", "1"),
    }
    ciphers = list(test.iter("cipher"))
    assert ciphers
    assert {item.get("strength") for item in ciphers} <= {"strong", "acceptable"}, done.stdout
    assert all(int(item.get("bits") or 0) >= 128 for item in ciphers)


def test_wrk_sees_no_error(site):
    proxy, _ = site
    done = run("wrk", "-t1", "-c20", "-d1s", f"http://{address(proxy, 'fe')}/")
    assert done.returncode == 0, done.stderr
    assert "requests in" in done.stdout
    assert "Non-2xx" not in done.stdout
    assert "Socket errors" not in done.stdout, done.stdout


def test_httpx_over_kept_alive_connections(site):
    proxy, ca = site
    trusted = ssl.create_default_context(cafile=str(ca))
    with httpx.Client(verify=trusted, trust_env=False, timeout=30) as client:
        for name, scheme in (("fe", "http"), ("tls", "https")):
            for number in range(20):
                url = f"{scheme}://{address(proxy, name)}/{number}"
                sent = client.post(url, content=iter([b"a" * 1000, b"b" * number]))  # chunked
                assert (sent.status_code, sent.content) == (200, b"a" * 1000 + b"b" * number)
                assert sent.headers["x-method"] == "POST"
                assert client.head(url).headers["content-length"] == "0"


@pytest.fixture
def echo_server():
    """A WebSocket server that says everything back; gives its address."""

    def say_back(connection) -> None:
        for message in connection:
            connection.send(message)

    with serve(say_back, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host, port = server.socket.getsockname()
        yield f"{host}:{port}"
        server.shutdown()


@pytest.mark.parametrize("name", ["fe", "tls"])
def test_websockets(start, tmp_path, echo_server, name):
    authority = Authority()
    pem = authority.issue("localhost", "127.0.0.1").write(tmp_path / "site.pem")
    lines = f"frontend fe\n    bind fd@fe\n    bind fd@tls ssl crt {pem}\n    default_backend be\n"
    proxy = start(f"{HTTP}    timeout tunnel 60s\n{lines}backend be\n    server s1 {echo_server}\n")
    (tmp_path / "ca.pem").write_bytes(authority.crt)
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem")) if name == "tls" else None
    scheme = "wss" if name == "tls" else "ws"
    with connect(f"{scheme}://{address(proxy, name)}/chat", ssl=trusted, proxy=None) as client:
        for message in ("hello", json.dumps(list(range(5000))), b"\0" * MIB, ""):
            client.send(message)
            assert client.recv(timeout=30) == message
        client.ping().wait(30)
