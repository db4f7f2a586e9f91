"""`tcp-request content switch-mode http`: one port for HTTP and for what is not."""

from __future__ import annotations

from support.origin import OriginConnection, by_request, reply
from support.proxy import TCP


def greet(conn: OriginConnection) -> None:
    conn.has_more()
    conn.send(b"SSH-2.0-origin\r\n")
    conn.read_to_end()


def test_one_port_serves_http_and_other_protocols(start, origin):
    web = origin(by_request(_path))
    ssh = origin(greet)
    proxy = start(
        f"{TCP}frontend fe\n    bind fd@fe\n    tcp-request inspect-delay 10s\n    tcp-request content switch-mode http if HTTP\n"
        "    tcp-request content accept if { req.len gt 3 } !HTTP\n    http-request set-header X-Path %[path]\n"
        f"    use_backend web if {{ path -m found }}\n    default_backend ssh\nbackend web\n    mode http\n    server s {web}\n"
        f"backend ssh\n    server s {ssh}\n"
    )
    client = proxy.client()
    for target in ("/one", "/two"):
        assert client.request(target).body == target.encode()
    client.close()
    client = proxy.client()
    client.send(b"SSH-2.0-client\r\n")
    assert client.read_line() == b"SSH-2.0-origin"


def test_request_that_comes_in_single_bytes_is_switched(start, origin):
    web = origin(by_request(_path))
    proxy = start(
        f"{TCP}frontend fe\n    bind fd@fe\n    tcp-request inspect-delay 10s\n    tcp-request content switch-mode http if HTTP\n"
        f"    http-request set-header X-Path %[path]\n    default_backend web\nbackend web\n    mode http\n    server s {web}\n"
    )
    client = proxy.client()
    for byte in b"GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n":
        client.send(bytes([byte]))
    assert client.read_response().body == b"/slow"


def _path(request) -> bytes:
    return reply((request.get("x-path") or "").encode())
