"""The shared arena: pieces, locks between processes, locks of dead owners."""

from __future__ import annotations

import os
import signal
import time

import pytest
from fastlb_core.bridge.lbkit import Arena

LINE = 64


def wait_for(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def fork(run: object) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            run()  # type: ignore[operator]
        finally:
            os._exit(0)
    return pid


def test_pieces_start_on_cache_lines_zeroed_and_apart() -> None:
    arena = Arena(64 * 1024)
    end = 0
    for size in (1, 63, 64, 65, 1000, 0, 4096):
        offset, is_zero = arena.alloc(size)
        assert offset % LINE == 0 and offset >= end and is_zero
        end = offset + max(size, 1)


def test_full_arena_gives_nothing_and_stays_usable() -> None:
    arena = Arena(64 * 1024)
    assert arena.alloc(arena.size) is None
    assert arena.alloc(2**64 - 1) is None
    assert arena.alloc(100) is not None


def test_more_workers_than_mask_bits_are_refused() -> None:
    with pytest.raises(MemoryError):
        Arena(4096, 65)


def test_lock_excludes_other_processes() -> None:
    arena = Arena(4096)
    children = [fork(lambda: arena.add(200_000)) for _ in range(4)]
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    assert arena.value == 4 * 200_000
    assert arena.owner == 0 and arena.generation == 0


def test_held_lock_names_its_owner_and_refuses_others() -> None:
    arena = Arena(4096)
    assert arena.try_lock()
    assert arena.owner == os.getpid() and not arena.try_lock()
    arena.unlock()
    assert arena.try_lock()


def test_only_the_dead_owners_lock_is_freed() -> None:
    arena = Arena(4096)
    arena.lock_it()
    assert not arena.free_of(os.getpid() + 1)
    assert arena.owner == os.getpid() and arena.generation == 0
    assert arena.free_of(os.getpid())
    assert arena.owner == 0 and arena.generation == 1


def hold_forever(arena: Arena) -> None:
    arena.lock_it()
    signal.pause()


def test_lock_of_a_killed_owner_is_freed_and_the_waiter_goes_on() -> None:
    arena = Arena(4096)
    owner = fork(lambda: hold_forever(arena))
    wait_for(lambda: arena.owner == owner)
    waiter = fork(lambda: arena.add(1))
    os.kill(owner, signal.SIGKILL)
    os.waitpid(owner, 0)
    assert arena.value == 0
    assert arena.free_of(owner)
    os.waitpid(waiter, 0)
    assert arena.value == 1 and arena.generation == 1


def test_parent_takes_the_lock_of_a_dead_child_that_nobody_reaped() -> None:
    arena = Arena(4096)
    owner = fork(lambda: hold_forever(arena))
    wait_for(lambda: arena.owner == owner)
    os.kill(owner, signal.SIGKILL)
    try:
        assert arena.lock_parent()
        assert arena.owner == os.getpid() and arena.generation == 1
    finally:
        os.waitpid(owner, 0)
