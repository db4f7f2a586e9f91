"""Servers without an address or a port of their own: the connection goes where the client wanted to go."""

from __future__ import annotations

import pytest

from support.client import fetch
from support.origin import named
from support.proxy import HTTP, TCP


def test_any_address_stands_for_the_address_that_the_client_connected_to(start, origin):
    server = origin(named("a"), host="127.0.0.5")
    proxy = start(f"{HTTP}listen fe\n    bind port@fe\n    http-request set-dst ipv4(127.0.0.5)\n    server s *:{server.port}\n")
    client = proxy.client()
    assert [client.request().body for _ in range(3)] == [b"a"] * 3


@pytest.mark.parametrize("address", ["0.0.0.0", "*"])
def test_without_a_port_it_is_the_one_that_the_client_connected_to(start, origin, address):
    server = origin(named("a"), host="127.0.0.5")
    rules = f"    http-request set-dst ipv4(127.0.0.5)\n    http-request set-dst-port int({server.port})\n"
    proxy = start(f"{HTTP}listen fe\n    bind port@fe\n{rules}    server s {address}\n")
    assert proxy.fetch().body == b"a"


def test_server_with_an_address_and_no_port_takes_the_clients(start, origin):
    server = origin(named("a"), host="127.0.0.5")
    proxy = start(f"{TCP}listen fe\n    bind 127.0.0.6:{server.port}\n    bind fd@fe\n    server s 127.0.0.5\n")
    assert fetch(("127.0.0.6", server.port)).body == b"a"
    assert proxy.stat()["fe", "s"]["stot"] == "1"


def transparent(server: object, *lines: str) -> str:
    port = str(server).rpartition(":")[2]
    front = "".join(f"    {line}\n" for line in lines)
    dst = f"    http-request set-dst ipv4(127.0.0.5)\n    http-request set-dst-port int({port})\n"
    return f"{HTTP}listen fe\n    bind fd@fe\n    option transparent\n{dst}{front}"


def test_transparent_proxy_goes_where_the_client_wanted(start, origin, syslog):
    server, other = origin(named("a"), host="127.0.0.5"), origin(named("b"))
    lines = f"log {syslog} local0", "option httplog", "source 127.0.0.9", "cookie C insert", f"server s {other} cookie x"
    proxy = start(transparent(server, *lines))
    client = proxy.client()
    assert [client.request("/one", headers=cookie).body for cookie in ("", "Cookie: C=x\r\n", "")] == [b"a", b"b", b"a"]
    assert {conn.peer[0] for conn in (*server.connections, *other.connections)} == {"127.0.0.9"}
    assert " fe fe/<NOSRV> " in syslog.line("/one") and syslog.line("fe/s ")
    rows = proxy.stat()
    assert (rows["fe", "s"]["stot"], rows["fe", "BACKEND"]["stot"]) == ("1", "3")
    assert ("fe", "<NOSRV>") not in rows


def test_transparent_proxy_and_nobody_there(start, origin, dead, syslog):
    proxy = start(transparent(dead(), f"log {syslog} local0", "option httplog", "retries 1", "option redispatch"))
    assert proxy.fetch().status == 503
    assert " SC-- " in syslog.line("<NOSRV>")
    assert proxy.stat()["fe", "BACKEND"]["wredis"] == "0"


@pytest.mark.parametrize(
    ("line", "status", "term"),
    [("option transparent", 500, "IC"), ("server s *", 503, "SC"), ("server s *:80", 503, "SC")],
)
def test_client_that_wants_no_address(start, tmp_path, syslog, line, status, term):
    """One on a unix socket has connected to none: there is nowhere to go."""
    path = tmp_path / "s"
    head = f"{HTTP}    log {syslog} local0\n    option httplog\n    retries 0\n"
    start(f"{head}listen fe\n    bind fd@fe\n    bind unix@{path}\n    {line}\n")
    assert fetch(str(path)).status == status
    assert f" {term}-- " in syslog.line("GET / ")
