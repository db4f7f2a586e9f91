"""Python's view of the arena: what master and control read and change, and what is left of a dead process."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from collections.abc import Callable

import pytest
from fastlb_core.bridge.builder import Program, ProgramBuilder
from fastlb_core.bridge.lbkit import hold_balancer, occupy
from fastlb_core.bridge.snapshot import Snapshot

STOPPED, STARTING, RUNNING = 0, 1, 2
N_WORKERS = 3


def sockaddr(port: int) -> bytes:
    return struct.pack("=HHI8x", socket.AF_INET, socket.htons(port), 0x0100007F)


def build() -> Program:
    builder = ProgramBuilder(n_workers=N_WORKERS, maxconn=100)
    proxy = builder.add_proxy("web", id=2, caps=3, mode=1, balance="roundrobin", maxconn=50)
    for number in range(3):
        slowstart_ms = 10_000 if number == 2 else 0
        address = sockaddr(8000 + number)
        builder.add_server(proxy, f"s{number}", id=number + 1, address=address, weight=10, maxconn=20, slowstart_ms=slowstart_ms)
    builder.add_listener(proxy, "sock-1", id=1, fds=[0] * N_WORKERS)
    return builder.finish()


@pytest.fixture
def program() -> Program:
    return build()


@pytest.fixture
def snapshot(program: Program) -> Snapshot:
    return Snapshot(program)


def fork(run: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            run()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    return pid


def test_reads_what_was_built(snapshot: Snapshot) -> None:
    overall, proxy, server = snapshot.globals(), snapshot.proxy_state(0), snapshot.server_state(1)
    assert (overall.master_pid, overall.n_workers, overall.maxconn) == (os.getpid(), N_WORKERS, 100)
    assert (proxy.n_active, proxy.n_backup, proxy.total_weight, proxy.fe_maxconn) == (3, 0, 480, 50)
    assert (server.uweight, server.eweight, server.maxconn, server.state) == (10, 160, 20, RUNNING)
    assert server.address == sockaddr(8001)
    assert snapshot.counters("server", 2).http_rsp == (0,) * 6


@pytest.mark.parametrize(("kind", "index"), [("frontend", 1), ("backend", -1), ("server", 3), ("listener", 1)])
def test_unknown_object_is_an_error(snapshot: Snapshot, kind: str, index: int) -> None:
    with pytest.raises(IndexError):
        snapshot.counters(kind, index)


def test_unknown_kind_is_an_error(snapshot: Snapshot) -> None:
    with pytest.raises(ValueError, match="kind"):
        snapshot.counters("table", 0)


def test_changes_reach_the_balancer_at_once(snapshot: Snapshot) -> None:
    snapshot.set_admin(0, 0x01)
    assert snapshot.proxy_state(0).n_active == 2
    snapshot.set_admin(0, 0)
    snapshot.set_weight(1, 0)
    assert (snapshot.proxy_state(0).n_active, snapshot.proxy_state(0).total_weight) == (2, 320)
    snapshot.set_weight(1, 256)
    snapshot.set_state(0, STOPPED)
    assert snapshot.proxy_state(0).total_weight == 4096 + 160
    with pytest.raises(ValueError, match="weight"):
        snapshot.set_weight(1, 257)


def test_slowstart_begins_ramps_and_ends(snapshot: Snapshot) -> None:
    snapshot.set_state(2, STOPPED)
    snapshot.set_state(2, STARTING)
    begun = snapshot.server_state(2)
    assert (begun.state, begun.eweight) == (STARTING, 10)
    snapshot.refresh(2, begun.slowstart_until_ms - 5000)
    assert (snapshot.server_state(2).eweight, snapshot.server_state(2).throttle) == (80, 50)
    snapshot.refresh(2, begun.slowstart_until_ms)
    assert (snapshot.server_state(2).eweight, snapshot.server_state(2).state) == (160, RUNNING)


def test_starting_without_slowstart_runs_at_once(snapshot: Snapshot) -> None:
    snapshot.set_state(0, STOPPED)
    snapshot.set_state(0, STARTING)
    assert snapshot.server_state(0).state == RUNNING


def test_address_and_check_results_are_stored(snapshot: Snapshot) -> None:
    snapshot.set_address(0, sockaddr(9000))
    snapshot.set_check(0, flags=6, health=2, status=7, code=200, duration_ms=3, description="OK \u00e9" + "x" * 300, time_ms=5)
    snapshot.set_server_times(0, last_change_ms=1, down_time_ms=2, down_trans=3)
    state = snapshot.server_state(0)
    assert state.address == sockaddr(9000)
    assert (state.check_flags, state.health, state.check_status, state.check_code, state.check_duration_ms) == (6, 2, 7, 200, 3)
    assert state.check_desc.startswith("OK \u00e9xxx") and len(state.check_desc.encode()) == 127
    assert (state.last_change_ms, state.down_time_ms, state.down_trans) == (1, 2, 3)
    snapshot.set_address(0, b"\x0a\x00" + bytes(26))
    assert snapshot.server_state(0).address == b"\x0a\x00" + bytes(26)
    with pytest.raises(ValueError, match="IP address"):
        snapshot.set_address(0, b"\x01\x00/run/x" + bytes(20))


def test_command_is_stored_before_the_worker_wakes(snapshot: Snapshot) -> None:
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    snapshot.set_wake_fd(1, fd)
    snapshot.command_worker(1, 2)
    assert os.eventfd_read(fd) == 1 and snapshot.workers()[1].command == 2
    snapshot.command_worker(0, 2)
    os.close(fd)


def test_state_that_a_worker_has_set_itself_stays(snapshot: Snapshot) -> None:
    snapshot.set_worker(0, 1234, RUNNING)
    snapshot.set_worker(0, 1234)
    assert (snapshot.workers()[0].pid, snapshot.workers()[0].state) == (1234, RUNNING)


def test_dead_worker_gives_back_its_part_only(program: Program, snapshot: Snapshot) -> None:
    def work() -> None:
        occupy(program, 1, 0, fronts=7, backs=5, queued=2, picks=9)

    occupy(program, 0, 0, fronts=3, backs=2, queued=1, picks=6)
    pid = fork(work)
    snapshot.set_worker(1, pid)
    os.waitpid(pid, 0)
    state = snapshot.proxy_state(0)
    assert (state.fe_conns, state.be_conns, state.queued, snapshot.globals().n_conns) == (10, 7, 3, 10)
    fd = os.eventfd(0, os.EFD_NONBLOCK)
    snapshot.set_wake_fd(0, fd)
    snapshot.recover_worker(1)
    state = snapshot.proxy_state(0)
    assert (state.fe_conns, state.be_conns, state.queued, snapshot.globals().n_conns) == (3, 2, 1, 3)
    assert (state.fe_conns_max, state.be_conns_max) == (10, 7)
    assert sum(snapshot.server_state(i).served for i in range(3)) == 6
    assert snapshot.server_state(0).queued == 1
    assert snapshot.counters("frontend", 0).cum_conn == 10
    assert sum(snapshot.counters("server", i).cum_lbconn for i in range(3)) == 15
    assert (snapshot.workers()[1].pid, snapshot.workers()[1].state) == (0, 4)
    assert os.eventfd_read(fd) == 1, "the worker that waits is woken: slots are free now"
    os.close(fd)


def test_recovering_twice_changes_nothing(program: Program, snapshot: Snapshot) -> None:
    pid = fork(lambda: occupy(program, 1, 0, fronts=2, backs=2, picks=2))
    snapshot.set_worker(1, pid)
    os.waitpid(pid, 0)
    snapshot.recover_worker(1)
    snapshot.recover_worker(1)
    state = snapshot.proxy_state(0)
    assert (state.fe_conns, state.be_conns, snapshot.globals().n_conns) == (0, 0, 0)
    assert snapshot.counters("frontend", 0).cum_conn == 2


def test_control_that_dies_with_the_lock_does_not_stop_the_workers(program: Program, snapshot: Snapshot) -> None:
    pid = fork(lambda: hold_balancer(program, 0))
    os.waitpid(pid, 0)
    snapshot.recover_process(pid)
    occupy(program, 0, 0, picks=3)
    assert sum(snapshot.server_state(i).served for i in range(3)) == 3


def test_clear_counters_keeps_gauges(program: Program, snapshot: Snapshot) -> None:
    occupy(program, 0, 0, fronts=3, picks=4)
    snapshot.clear_counters(True)
    assert snapshot.counters("frontend", 0).cum_conn == 0
    assert snapshot.proxy_state(0).fe_conns == 3 and snapshot.proxy_state(0).fe_conns_max == 3
    assert sum(snapshot.server_state(i).served for i in range(3)) == 4
    occupy(program, 0, 0, fronts=1)
    assert snapshot.counters("frontend", 0).cum_conn == 1


def test_limits_and_states_of_frontends_are_set(snapshot: Snapshot) -> None:
    snapshot.set_frontend_state(0, 2)
    snapshot.set_frontend_maxconn(0, 7)
    snapshot.set_global_maxconn(9)
    assert (snapshot.proxy_state(0).fe_state, snapshot.proxy_state(0).fe_maxconn, snapshot.globals().maxconn) == (2, 7, 9)
    snapshot.set_rate_limits(tls_rate=5)
    snapshot.set_rate_limits(comp_rate=2**32 - 1, conn_rate=3)
    assert snapshot.globals().limits == (3, 0, 5, 2**32 - 1)


def test_changes_by_another_process_are_seen(snapshot: Snapshot) -> None:
    pid = fork(lambda: snapshot.set_weight(0, 33))
    os.waitpid(pid, 0)
    deadline = time.monotonic() + 5
    while snapshot.server_state(0).eweight != 33 * 16:
        assert time.monotonic() < deadline
