"""Listening addresses: TCP, ranges, lists, IPv6, unix and abstract sockets, inherited descriptors; servers on them too."""

from __future__ import annotations

import os
import stat

import pytest

from support.client import Client, fetch
from support.origin import named
from support.poll import poll
from support.proxy import HTTP
from support.sockets import HeldPort, held_range, is_listening


def site(server, *binds: str, options: str = "") -> str:
    lines = "".join(f"    bind {bind}\n" for bind in binds)
    return f"{HTTP}frontend fe\n{lines}{options}    default_backend be\nbackend be\n    server s1 {server}\n"


def answers_at(address) -> bool:
    poll(lambda: is_listening(address), f"a listener at {address!r}")
    return fetch(address).body == b"a"


def test_address_and_port(start, origin):
    port = HeldPort()
    start(site(origin(named("a")), f"127.0.0.1:{port.port}"))
    assert answers_at(("127.0.0.1", port.port))
    port.close()


def test_several_addresses_in_one_line_and_several_lines(start, origin):
    ports = [HeldPort() for _ in range(3)]
    start(
        site(origin(named("a")), f"127.0.0.1:{ports[0].port},127.0.0.1:{ports[1].port}", f"127.0.0.1:{ports[2].port} name third")
    )
    assert all(answers_at(("127.0.0.1", port.port)) for port in ports)
    for port in ports:
        port.close()


def test_port_range(start, origin):
    ports = held_range(3)
    start(site(origin(named("a")), f"127.0.0.1:{ports[0].port}-{ports[2].port}"))
    assert all(answers_at(("127.0.0.1", port.port)) for port in ports)
    for port in ports:
        port.close()


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ipv4@127.0.0.1:{}"])
def test_forms_of_an_ipv4_address(start, origin, form):
    port = HeldPort()
    start(site(origin(named("a")), form.format(port.port)))
    assert answers_at(("127.0.0.1", port.port))
    port.close()


@pytest.mark.parametrize("form", ["[::1]:{}", "::1:{}", "ipv6@::1:{}"])
def test_forms_of_an_ipv6_address(start, origin, form):
    port = HeldPort("::1")
    start(site(origin(named("a")), form.format(port.port)))
    assert answers_at(("::1", port.port))
    port.close()


@pytest.mark.parametrize(("option", "both"), [("v4v6", True), ("v6only", False)])
def test_ipv6_any_address_with_and_without_ipv4(start, origin, option, both):
    port = HeldPort("::1")
    start(site(origin(named("a")), f":::{port.port} {option}"))
    assert answers_at(("::1", port.port))
    assert is_listening(("127.0.0.1", port.port)) is both
    port.close()


def test_unix_socket_with_mode(start, origin, tmp_path):
    path = f"{tmp_path}/web.sock"
    start(site(origin(named("a")), f"{path} mode 640"))
    assert answers_at(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640


def test_unix_prefix_and_abstract_socket(start, origin, tmp_path):
    name = f"flb-{os.getpid()}-{tmp_path.name}"
    start(site(origin(named("a")), f"unix@{tmp_path}/u.sock", f"abns@{name}"))
    assert answers_at(f"{tmp_path}/u.sock")
    # haproxy: an abstract name is padded with zero bytes to the whole size of sun_path.
    assert answers_at(("\0" + name).ljust(108, "\0"))


def test_server_on_a_unix_socket(start, origin, tmp_path):
    server = origin(named("a"), path=f"{tmp_path}/origin.sock")
    proxy = start(site(server, "fd@fe"))
    assert [proxy.fetch().body for _ in range(3)] == [b"a"] * 3


def test_server_on_ipv6(start, origin):
    server = origin(named("a"), host="::1")
    proxy = start(site(f"[::1]:{server.port}", "fd@fe"))
    assert proxy.fetch().body == b"a"


def test_server_source_address(start, origin):
    server = origin(named("a"))
    proxy = start(site(f"{server} source 127.0.0.77", "fd@fe"))
    proxy.fetch()
    assert server.connections[0].peer[0] == "127.0.0.77"


def test_two_frontends_and_a_listen_share_backends(start, origin):
    server = origin(named("a"))
    proxy = start(
        f"{HTTP}frontend one\n    bind fd@one\n    default_backend be\nfrontend two\n    bind fd@two\n    default_backend be\n"
        f"backend be\n    server s1 {server}\nlisten three\n    bind fd@three\n    server s1 {server}\n"
    )
    assert [proxy.fetch(name=name).body for name in ("one", "two", "three")] == [b"a"] * 3
    assert [request.target for request in server.requests] == ["/"] * 3


def test_bind_maxconn_limits_one_listener(start, origin):
    proxy = start(site(origin(named("a")), "fd@fe maxconn 1", "fd@other"))
    first = proxy.client()
    assert first.request().status == 200
    second = proxy.client()
    second.send(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert proxy.fetch(name="other").body == b"a"
    first.close()
    assert second.read_response().status == 200


def test_disabled_frontend_listens_nowhere(start, origin):
    port, other = HeldPort(), HeldPort()
    server = origin(named("a"))
    start(
        f"{HTTP}frontend off\n    bind 127.0.0.1:{port.port}\n    disabled\n    default_backend be\n"
        f"frontend on\n    bind 127.0.0.1:{other.port}\n    default_backend be\nbackend be\n    server s1 {server}\n"
    )
    assert answers_at(("127.0.0.1", other.port))
    assert not is_listening(("127.0.0.1", port.port))
    port.close()
    other.close()


def test_many_listeners(start, origin):
    ports = [HeldPort() for _ in range(50)]
    start(site(origin(named("a")), *(f"127.0.0.1:{port.port}" for port in ports)))
    assert all(answers_at(("127.0.0.1", port.port)) for port in ports)
    for port in ports:
        port.close()


@pytest.mark.parametrize("word", ["tfo", "defer-accept", "backlog 16", "name x", "interface lo"])
def test_bind_options_that_leave_service_as_it_is(start, origin, word):
    port = HeldPort()
    start(site(origin(named("a")), f"127.0.0.1:{port.port} {word}"))
    poll(lambda: is_listening(("127.0.0.1", port.port)), "the listener")
    assert Client(("127.0.0.1", port.port)).request().body == b"a"
    port.close()
