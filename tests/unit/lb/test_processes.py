"""Many processes on one balancer: no slot is lost or made up, and a killed one's slots come back."""

from __future__ import annotations

import os
import signal
import time

import pytest
from fastlb_core.bridge.lbkit import Balancer

ALGORITHMS = [b"roundrobin", b"static-rr", b"leastconn", b"first", b"map-based", b"consistent", b"random"]
N_WORKERS = 4
every = pytest.mark.parametrize("algorithm", ALGORITHMS)


def fork_worker(balancer: Balancer, worker: int, run: object) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            balancer.enter(worker)
            run()  # type: ignore[operator]
            status = 0
        finally:
            os._exit(status)
    return pid


def totals(balancer: Balancer, n: int) -> tuple[list[int], list[int]]:
    servers = [balancer.server(i) for i in range(n)]
    return [one["served"] for one in servers], [sum(one["held"]) for one in servers]


@every
def test_counts_are_exact_over_processes(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{"weight": i + 1, "maxconn": 5} for i in range(8)], n_workers=N_WORKERS)
    children = [fork_worker(balancer, worker, lambda: balancer.churn(30_000, 10)) for worker in range(N_WORKERS)]
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    assert totals(balancer, 8) == ([0] * 8, [0] * 8)
    assert 0 < max(balancer.server(i)["served_max"] for i in range(8)) <= 5
    assert balancer.is_sound() and balancer.backend()["lock_owner"] == 0


def test_roundrobin_turns_are_exact_over_processes() -> None:
    weights = [1, 2, 5, 8]
    balancer = Balancer(b"roundrobin", [{"weight": w} for w in weights], n_workers=N_WORKERS)

    def hold() -> None:
        for _ in range(sum(weights) * 16 * 10):
            assert balancer.pick()[0] == "ok"

    for pid in [fork_worker(balancer, worker, hold) for worker in range(N_WORKERS)]:
        assert os.waitpid(pid, 0)[1] == 0
    assert totals(balancer, 4)[0] == [w * 16 * 10 * N_WORKERS for w in weights]


def churn_for_ever(balancer: Balancer) -> None:
    while True:
        balancer.churn(1_000_000, 20)


@every
@pytest.mark.parametrize("round_", range(4))
def test_killed_worker_gives_everything_back(algorithm: bytes, round_: int) -> None:
    n = 6
    balancer = Balancer(algorithm, [{"weight": i + 1, "maxconn": 30} for i in range(n)], n_workers=N_WORKERS)
    balancer.enter(N_WORKERS - 1)
    mine = [balancer.pick(key)[1] for key in range(5)]
    survivor = fork_worker(balancer, 0, lambda: balancer.churn(50_000, 7))
    victims = {worker: fork_worker(balancer, worker, lambda: churn_for_ever(balancer)) for worker in (1, 2)}
    deadline = time.monotonic() + 10
    while not all(any(balancer.server(i)["held"][w] for i in range(n)) for w in victims) and time.monotonic() < deadline:
        pass
    for pid in victims.values():
        os.kill(pid, signal.SIGKILL)
    for worker, pid in victims.items():
        os.waitpid(pid, 0)
        balancer.recover(pid, worker)
    assert os.waitpid(survivor, 0)[1] == 0
    expected = [mine.count(i) for i in range(n)]
    assert totals(balancer, n) == (expected, expected)
    assert balancer.is_sound() and balancer.backend()["lock_owner"] == 0
    assert balancer.churn(1000, 3) > 0


@every
def test_lock_of_a_worker_killed_inside_is_freed_and_the_structure_made_anew(algorithm: bytes) -> None:
    balancer = Balancer(algorithm, [{}, {}, {}], n_workers=N_WORKERS)

    def die_inside() -> None:
        for key in range(9):
            balancer.pick(key)
        balancer.hold_lock()
        balancer.scramble()
        os.kill(os.getpid(), signal.SIGKILL)

    victim = fork_worker(balancer, 1, die_inside)
    os.waitpid(victim, 0)
    assert balancer.backend()["lock_owner"] == victim
    assert balancer.recover(victim, 1)
    assert totals(balancer, 3) == ([0] * 3, [0] * 3)
    assert balancer.backend()["generation"] == 1 and balancer.is_sound()
    assert 0 in {balancer.pick(key)[1] for key in range(0, 2**32, 2**26 + 1)}


def test_worker_that_waits_for_a_dead_ones_lock_rebuilds_and_goes_on() -> None:
    balancer = Balancer(b"roundrobin", [{}, {}], n_workers=N_WORKERS)

    def die_inside() -> None:
        balancer.hold_lock()
        balancer.scramble()
        os.kill(os.getpid(), signal.SIGKILL)

    victim = fork_worker(balancer, 1, die_inside)
    os.waitpid(victim, 0)
    waiting = fork_worker(balancer, 0, lambda: balancer.churn(1000, 2))
    balancer.recover(victim, 1)
    assert os.waitpid(waiting, 0)[1] == 0
    assert totals(balancer, 2) == ([0, 0], [0, 0])


def test_second_dead_worker_that_is_not_reaped_yet_does_not_stop_the_recovery() -> None:
    balancer = Balancer(b"leastconn", [{}, {}], n_workers=N_WORKERS)

    def die_inside() -> None:
        balancer.hold_lock()
        os.kill(os.getpid(), signal.SIGKILL)

    first = fork_worker(balancer, 1, lambda: None)
    os.waitpid(first, 0)
    second = fork_worker(balancer, 2, die_inside)
    os.waitid(os.P_PID, second, os.WEXITED | os.WNOWAIT)
    assert balancer.recover(first, 1)
    os.waitpid(second, 0)
    assert balancer.backend()["lock_owner"] == 0
