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
