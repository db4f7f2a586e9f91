"""The pool of splice pipes: reuse, the limit, and that nothing of one transfer can reach another."""

from __future__ import annotations

import fcntl
import os

import pytest
from fastlb_core.bridge import netkit


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_empty_pipe_is_used_again() -> None:
    pool = netkit.PipePool(4)
    first = pool.take()
    pool.give(first[0])
    assert pool.counts == (1, 0, 1)
    assert pool.take() == first
    assert pool.counts == (0, 1, 1)


def test_pipe_that_is_not_empty_is_closed() -> None:
    pool = netkit.PipePool(4)
    fd_read, fd_write, _ = pool.take()
    os.write(fd_write, b"left behind")
    pool.give(fd_read, 11)
    assert pool.counts == (0, 0, 1)
    assert not is_open(fd_read)
    assert not is_open(fd_write)


def test_no_more_pipes_than_the_limit() -> None:
    pool = netkit.PipePool(2)
    first, second = pool.take(), pool.take()
    assert pool.take() is None
    pool.give(first[0])
    assert pool.take() == first
    pool.give(second[0])


def test_limit_of_zero_means_none() -> None:
    assert netkit.PipePool(0).take() is None


def test_pipe_is_non_blocking_large_and_not_inherited() -> None:
    pool = netkit.PipePool(1)
    fd_read, fd_write, size = pool.take()
    for fd in (fd_read, fd_write):
        assert not os.get_blocking(fd)
        assert not os.get_inheritable(fd)
    assert size == fcntl.fcntl(fd_write, fcntl.F_GETPIPE_SZ) >= 4096
    with pytest.raises(BlockingIOError):
        os.read(fd_read, 1)


def test_destroying_twice_closes_the_free_pipes_once() -> None:
    pool = netkit.PipePool(3)
    pipes = [pool.take() for _ in range(3)]
    for fd_read, _, _ in pipes:
        pool.give(fd_read)
    pool.destroy()
    pool.destroy()
    assert pool.counts == (0, 0, 3)
    assert not any(is_open(fd) for pipe in pipes for fd in pipe[:2])
