"""Administrative changes: states, log lines and their levels as seen on HAProxy 2.6."""

from __future__ import annotations

import asyncio

import pytest

from fastlb.config import model
from fastlb.control import ports, sockaddr
from fastlb.control.servers import Servers

from .conftest import Rig, backend, server

LEFT = ". 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
ONLINE = " and 0 backup servers online. 0 sessions requeued, 0 total in queue."


def after(rig: Rig, *changes: str) -> list[list[str]]:
    """The log lines of each change of the first server: names of methods of Servers."""

    async def run() -> list[list[str]]:
        control = rig.build()
        one = control.directory.servers[0]
        told = []
        for change in changes:
            method = getattr(Servers, f"set_{change}")
            arguments = [", changed from CLI"] if change in ("running", "stopped", "stopping") else []
            method(control.servers, one, *arguments)
            told.append(rig.log.take())
        return told

    return asyncio.run(run())


def rig_of(**settings: object) -> Rig:
    return Rig(backend("be", server("s", check=True, **settings), server("t")))


def test_maintenance_stops_an_up_server_with_an_alert() -> None:
    rig = rig_of()
    assert after(rig, "maint") == [[f"<129>Server be/s is going DOWN for maintenance{LEFT}"]]
    state = rig.arena.servers[0]
    assert (state.admin, state.state, state.health, state.down_trans) == (ports.ADMIN_FMAINT, ports.STATE_STOPPED, 0, 1)


def test_maintenance_of_a_down_server_is_a_notice() -> None:
    assert after(rig_of(), "stopped", "maint")[1] == ["<133>Server be/s was DOWN and now enters maintenance."]


def test_maintenance_after_drain_is_an_alert_and_ends_the_drain() -> None:
    rig = rig_of()
    told = after(rig, "drain", "maint")
    assert told == [
        [f"<133>Server be/s enters drain state. 1 active{ONLINE}"],
        [f"<129>Server be/s is going DOWN for maintenance{LEFT}"],
    ]
    assert rig.arena.servers[0].admin == ports.ADMIN_FMAINT


def test_ready_leaves_maintenance_one_failure_from_down() -> None:
    rig = rig_of()
    rig.arena.servers[0].check_flags = ports.CHECK_CONFIGURED | ports.CHECK_ENABLED
    assert after(rig, "maint", "ready")[1] == ["<133>Server be/s is UP/READY (leaving forced maintenance)."]
    state = rig.arena.servers[0]
    assert (state.admin, state.state, state.health) == (0, ports.STATE_RUNNING, state.rise)


def test_drain_leaves_maintenance_and_says_both() -> None:
    rig = rig_of()
    assert after(rig, "maint", "drain")[1] == [
        "<133>Server be/s is UP/DRAIN (leaving forced maintenance).",
        "<133>Server be/s remains in forced drain mode.",
    ]
    assert rig.arena.servers[0].admin == ports.ADMIN_FDRAIN


@pytest.mark.parametrize(("first", "word"), [("drain", "UP"), ("stopped", "DOWN")])
def test_ready_leaves_drain_in_the_state_of_the_checks(first: str, word: str) -> None:
    told = after(rig_of(), first, "drain", "ready") if first == "stopped" else after(rig_of(), "drain", "ready")
    assert told[-1] == [f"<133>Server be/s is {word} (leaving forced drain)."]


def test_draining_a_down_server_tells_what_is_left() -> None:
    assert after(rig_of(), "stopped", "drain")[1] == [f"<133>Server be/s enters drain state{LEFT}"]


def test_going_down_during_drain_is_a_notice_and_the_drain_remains() -> None:
    assert after(rig_of(), "drain", "stopped")[1] == [
        f"<133>Server be/s is DOWN, changed from CLI{LEFT}",
        "<133>Server be/s remains in forced drain mode.",
    ]


def test_stopping_takes_no_new_streams_and_coming_back_says_up() -> None:
    assert after(rig_of(), "stopping", "running") == [
        [f"<133>Server be/s is stopping, changed from CLI. 1 active{ONLINE}"],
        [f"<133>Server be/s is UP, changed from CLI. 2 active{ONLINE}"],
    ]


def test_the_same_change_twice_is_silent() -> None:
    told = after(rig_of(), "maint", "maint", "ready", "ready", "drain", "drain", "stopped", "stopped")
    assert [bool(lines) for lines in told] == [True, False, True, False, True, False, True, False]


def test_health_does_not_change_a_server_in_maintenance() -> None:
    rig = rig_of()
    assert after(rig, "maint", "running", "stopping")[1:] == [[], []]
    assert rig.arena.servers[0].state == ports.STATE_STOPPED


def test_weight_zero_on_the_last_server_is_an_emergency() -> None:
    rig = Rig(backend("be", server("s", weight=3)))

    async def run() -> None:
        control = rig.build()
        control.servers.set_weight(control.directory.servers[0], 0)

    asyncio.run(run())
    assert rig.log.take() == ["<128>backend be has no server available!"]


def test_downtime_counts_from_down_to_up() -> None:
    rig = rig_of()

    async def run() -> None:
        control = rig.build()
        one = control.directory.servers[0]
        now = 1_000_000
        control.servers.clock_ms = lambda: now
        control.servers.set_stopped(one, "")
        now += 5000
        control.servers.set_running(one, "")

    asyncio.run(run())
    assert (rig.arena.servers[0].down_time_ms, rig.arena.servers[0].down_trans) == (5000, 1)


def test_slowstart_starts_a_ramp_that_ends() -> None:
    rig = rig_of(slowstart_ms=10_000)

    async def run() -> None:
        control = rig.build()
        one = control.directory.servers[0]
        control.servers.set_stopped(one, "")
        control.servers.set_running(one, "")
        assert rig.arena.servers[0].state == ports.STATE_STARTING
        control.servers.tick()
        assert rig.arena.servers[0].state == ports.STATE_STARTING
        late = rig.arena.servers[0].slowstart_until_ms + 1
        control.servers.clock_ms = lambda: late
        control.servers.tick()
        assert rig.arena.servers[0].state == ports.STATE_RUNNING
        assert not control.servers.slow_starting

    asyncio.run(run())


def unresolved_rig() -> Rig:
    nowhere = model.Address("ipv4", "", 80, 80, name="nosuch.test")
    return rig_of(address=nowhere, disabled=True)


@pytest.mark.parametrize("change", ["ready", "running", "drain", "stopping"])
def test_a_server_without_an_address_stays_in_maintenance(change: str) -> None:
    rig = unresolved_rig()
    assert after(rig, change) == [[]]
    state = rig.arena.servers[0]
    assert (state.admin & ports.ADMIN_MAINT, state.state) == (ports.ADMIN_RMAINT, ports.STATE_STOPPED)


def test_forced_maintenance_of_a_server_without_an_address_is_remembered() -> None:
    rig = unresolved_rig()
    assert after(rig, "maint", "ready") == [[], ["<133>Server be/s is leaving forced maintenance but remains in maintenance."]]
    assert rig.arena.servers[0].admin == ports.ADMIN_RMAINT


def with_address(rig: Rig, *changes: str) -> list[str]:
    """The log lines when the first server gets an address after `changes`."""

    async def run() -> None:
        control = rig.build()
        one = control.directory.servers[0]
        for change in changes:
            getattr(control.servers, f"set_{change}")(one)
        rig.log.take()
        control.servers.set_address(one, sockaddr.pack("127.0.0.1", 81))

    asyncio.run(run())
    return rig.log.take()


def test_an_address_ends_the_maintenance_of_a_server_that_had_none() -> None:
    rig = unresolved_rig()
    rig.arena.servers[0].check_flags = ports.CHECK_CONFIGURED | ports.CHECK_ENABLED | ports.CHECK_PAUSED
    assert with_address(rig) == ["<133>Server be/s ('nosuch.test') is UP/READY (resolves again)."]
    state = rig.arena.servers[0]
    assert (state.admin, state.state, state.health) == (0, ports.STATE_RUNNING, state.rise)
    assert (state.address, state.check_flags & ports.CHECK_PAUSED) == (sockaddr.pack("127.0.0.1", 81), 0)


def test_an_address_leaves_forced_maintenance_and_drain_alone() -> None:
    rig = unresolved_rig()
    assert with_address(rig, "maint") == []
    assert rig.arena.servers[0].admin == ports.ADMIN_FMAINT
    rig = unresolved_rig()
    assert with_address(rig, "drain") == [
        "<133>Server be/s ('nosuch.test') is UP/DRAIN (resolves again).",
        "<133>Server be/s remains in forced drain mode.",
    ]
    assert rig.arena.servers[0].admin == ports.ADMIN_FDRAIN
