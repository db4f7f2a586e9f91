"""Servers and listeners of the model as those of the program."""

from __future__ import annotations

import itertools
import socket
import struct

import pytest
from fastlb_core.bridge import programkit
from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import CAPS, LISTENER_FLAGS, MODES, SERVER_FLAGS

from fastlb.compile.program import CompileError, GivenListener
from fastlb.config.link_model import Source
from fastlb.config.model import Address, Bind

from .conftest import HERE, ipv4, program_of, px, server

STOPPED, RUNNING = 0, 2
CMAINT, RMAINT = 4, 32
CONFIGURED, ENABLED, PAUSED = 2, 4, 8  # HAProxy's bits of a check's state


def compiled(**fields: object) -> dict[str, object]:
    return programkit.server(program_of(px("backend", "b", servers=[server("s", **fields)])), 0)


def test_plain_server_is_up_without_checks() -> None:
    values = compiled()
    assert values == {
        "name": b"s", "proxy_name": b"b", "id": 1, "lb_index": 0, "flags": 0, "minconn": 0, "maxqueue": 0, "port_offset": 0,
        "send_proxy": 0, "address": struct.pack("=H", socket.AF_INET) + b"\x1f\x40\x7f\0\0\1" + bytes(8), "source": b"",
        "pool_max_conn": -1, "pool_purge_ms": 5000, "slowstart_ms": 0, "admin": 0, "state": RUNNING, "uweight": 1, "iweight": 1,
        "maxconn": 0, "health": 2, "rise": 2, "fall": 3, "check_flags": 0, "is_usable": True,
    }  # fmt: skip


def test_checked_server_starts_one_failure_from_down() -> None:
    values = compiled(check=True, rise=5, fall=7)
    assert (values["state"], values["health"], values["check_flags"]) == (RUNNING, 5, CONFIGURED | ENABLED)
    assert values["flags"] == SERVER_FLAGS["check"]


def test_disabled_server_is_in_maintenance() -> None:
    values = compiled(check=True, disabled=True)
    assert (values["admin"], values["state"], values["health"]) == (CMAINT, STOPPED, 0)
    assert values["check_flags"] == CONFIGURED | ENABLED | PAUSED
    assert not values["is_usable"]


def test_server_whose_name_is_not_known_is_in_maintenance_for_that_reason() -> None:
    values = compiled(address=Address("ipv4", "", 80, 80, name="app.example"), disabled=True)
    assert (values["admin"], values["is_usable"]) == (RMAINT, False)


def test_server_of_weight_0_takes_no_new_stream() -> None:
    assert not compiled(weight=0)["is_usable"]


def test_all_that_a_server_line_sets() -> None:
    values = compiled(
        address=Address("ipv4", "10.0.0.1", port_offset=-5), source=Source(ipv4("10.0.0.9", 0)), weight=100, backup=True,
        maxconn=50, minconn=10, maxqueue=20, slowstart_ms=30_000, send_proxy=2, tfo=True, pool_max_conn=0, pool_purge_delay_ms=1,
    )  # fmt: skip
    assert values["flags"] == sum(SERVER_FLAGS[name] for name in ("backup", "tfo", "source", "map-port"))
    assert values["source"] == struct.pack("=H", socket.AF_INET) + b"\0\0\x0a\0\0\x09" + bytes(8)
    wanted = {"port_offset": -5, "uweight": 100, "maxconn": 50, "minconn": 10, "maxqueue": 20, "slowstart_ms": 30_000}
    wanted |= {"send_proxy": 2, "pool_max_conn": 0, "pool_purge_ms": 1}
    assert {name: values[name] for name in wanted} == wanted


def test_backends_source_is_for_servers_without_their_own() -> None:
    servers = [server("a"), server("b", source=Source(ipv4("10.0.0.2", 0)))]
    program = program_of(px("backend", "b", source=Source(ipv4("10.0.0.1", 0)), servers=servers))
    assert [programkit.server(program, i)["source"][4:8] for i in range(2)] == [b"\x0a\0\0\1", b"\x0a\0\0\2"]


@pytest.mark.parametrize(
    "address, expected",
    [
        (Address("ipv6", "2001:db8::1", 80, 80), b"\0\x50" + bytes(4) + b"\x20\x01\x0d\xb8" + bytes(11) + b"\1" + bytes(4)),
        (Address("unix", "/run/s.sock"), b"/run/s.sock\0"),
        (Address("abns", "name"), (b"\0name").ljust(108, b"\0")),
        (Address("unix", "/run/\udcff"), b"/run/\xff\0"),
        (Address("abns", "\udcff"), (b"\0\xff").ljust(108, b"\0")),
    ],
)
def test_addresses_of_other_families(address: Address, expected: bytes) -> None:
    assert compiled(address=address)["address"][2:] == expected


@pytest.mark.parametrize("address", [Address("unix", "/" + "x" * 108), Address("fd", fd=3), Address("ipv4", "name")])
def test_address_that_cannot_be_connected_to_names_the_line(address: Address) -> None:
    with pytest.raises(CompileError, match=r"\[haproxy.cfg:12\] : 'server b/s' : "):
        compiled(address=address)


def test_servers_ids_are_per_backend() -> None:
    program = program_of(
        px("backend", "a", servers=[server("x", id=2), server("y"), server("z")]), px("backend", "b", servers=[server("x")])
    )
    assert [(entry.proxy, entry.id) for entry in program.servers] == [(0, 2), (0, 3), (0, 4), (1, 1)]
    assert [programkit.server(program, i)["lb_index"] for i in range(4)] == [0, 1, 2, 0]
    assert program.server("b", "x").index == 3


def test_listeners_with_their_descriptors_and_flags() -> None:
    web, unix = Bind(HERE, ipv4("", 80), name="web", maxconn=5, accept_proxy=True), Bind(HERE, Address("unix", "/run/l"), id=9)
    frontend = px("frontend", "f", binds=[web, unix])
    listeners = [
        GivenListener(frontend, web, ipv4("", 80), (10, 11)),
        GivenListener(frontend, web, ipv4("", 81), (12, 13)),
        GivenListener(frontend, unix, unix.address, (14, 14), is_shared=True),
    ]
    program = program_of(px("backend", "b"), frontend, listeners=listeners)
    accept_proxy = LISTENER_FLAGS["accept-proxy"] | LISTENER_FLAGS["named"]
    shared = LISTENER_FLAGS["shared"] | LISTENER_FLAGS["unix"]
    assert [programkit.listener(program, i) for i in range(3)] == [
        {"name": b"web", "proxy": 1, "id": 1, "flags": accept_proxy, "maxconn": 5, "fds": [10, 11]},
        {"name": b"web", "proxy": 1, "id": 2, "flags": accept_proxy, "maxconn": 5, "fds": [12, 13]},
        {"name": b"sock-9", "proxy": 1, "id": 9, "flags": shared, "maxconn": 0, "fds": [14, 14]},
    ]


def test_listeners_name_may_be_any_bytes() -> None:
    bind = Bind(HERE, ipv4("", 80), name="\udcff")
    frontend = px("frontend", "f", binds=[bind])
    program = program_of(frontend, listeners=[GivenListener(frontend, bind, ipv4("", 80), (10, 11))])
    assert programkit.listener(program, 0)["name"] == b"\xff"
    assert program.listeners[0].name == "\udcff"


def test_arena_is_used_up_to_a_page_and_counters_do_not_overlap() -> None:
    proxies = [px("listen", f"l{i}", servers=[server(f"s{j}") for j in range(5)]) for i in range(20)]
    for n_workers in (1, 3, 64):
        program = program_of(*proxies, n_workers=n_workers)
        assert 0 <= program.arena_size - program.arena_used - program.arena_room < 3 * 4096
        places = sorted(programkit.counter_addresses(program))
        size = programkit.COUNTERS_SIZE * (n_workers + 1)
        assert all(after - before >= size for before, after in itertools.pairwise(places))
        assert all(place % programkit.LINE == 0 for place in places)


def test_builder_refuses_what_the_core_could_not_hold() -> None:
    for n_workers in (0, 65):
        with pytest.raises(ValueError, match="n_workers"):
            ProgramBuilder(n_workers=n_workers)
    builder = ProgramBuilder(n_workers=2)
    frontend = builder.add_proxy("f", id=2, caps=CAPS["frontend"], mode=MODES["tcp"])
    with pytest.raises(ValueError, match="needs a backend"):
        builder.add_server(frontend, "s", id=1, address=b"")
    with pytest.raises(ValueError, match="weight"):
        builder.add_server(builder.add_proxy("b", id=3, caps=CAPS["backend"], mode=0), "s", id=1, address=b"", weight=257)
    with pytest.raises(ValueError, match="one descriptor for each worker"):
        builder.add_listener(frontend, "l", id=1, fds=[3])
    with pytest.raises(ValueError, match="unknown timeouts: lunch"):
        builder.add_proxy("x", id=4, caps=1, mode=0, timeouts={"lunch": 1})
    with pytest.raises(ValueError, match="timeout client"):
        builder.add_proxy("x", id=4, caps=1, mode=0, timeouts={"client": 2**31})
    with pytest.raises(ValueError, match="not a backend"):
        builder.set_default_backend(frontend, frontend)
