"""Sinks: lines leave in batches, nothing blocks, what is not taken is counted, and a sink that comes back is found again."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from fastlb_core.bridge.constants import LOG_SINKS
from fastlb_core.bridge.logkit import Logger

from .conftest import build, inet


def unix_sink(path: Path) -> dict[str, object]:
    return {"kind": LOG_SINKS["unix"], "address": struct.pack("=H", socket.AF_UNIX) + str(path).encode() + b"\0"}


def unix_receiver(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.settimeout(2)
    return sock


def test_lines_wait_until_they_are_flushed(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    logger = Logger(build(udp))
    assert logger.due(5) == -1
    logger.text(b"a", now_ms=1000)
    logger.text(b"b", now_ms=1007)
    assert [logger.due(now) for now in (1000, 1004, 1010, 1011)] == [10, 6, 0, 0]
    assert drain() == []
    logger.flush()
    assert drain() == [b"a\n", b"b\n"]
    assert logger.due(1011) == -1


def test_full_batch_leaves_by_itself(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    logger = Logger(build(udp))
    for number in range(64):
        logger.text(b"%d" % number)
    assert len(drain()) == 64
    assert logger.due(1000) == -1


def test_batch_of_64_kilobytes_leaves_by_itself(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    logger = Logger(build(udp, {"format": 2, "max_length": 65535}))
    logger.text(b"x" * 65000)
    assert drain() == []
    logger.text(b"y" * 300)
    assert [len(line) for line in drain()] == [65001, 301]


def test_line_too_large_for_a_datagram_is_dropped_and_the_rest_sent(
    udp: dict[str, object], drain: Callable[[], list[bytes]]
) -> None:
    logger = Logger(build(udp, {"format": 2, "max_length": 65535}))
    logger.text(b"before")
    logger.text(b"x" * 65535)
    logger.text(b"after")
    logger.flush()
    assert drain() == [b"before\n", b"after\n"]
    assert logger.dropped == 1


def test_udp_receiver_that_is_not_there_costs_nothing_but_lines() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
    logger = Logger(build({"kind": LOG_SINKS["udp"], "address": inet(*address)}))
    for _ in range(5):
        for number in range(10):
            logger.text(b"%d" % number)
        logger.flush()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.settimeout(2)
        logger.text(b"back again")
        logger.flush()
        assert sock.recv(100) == b"back again\n"


def test_unix_sink_is_found_again_after_its_daemon_restarted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with unix_receiver(path) as sock:
        logger = Logger(build(unix_sink(path)))
        logger.text(b"one")
        logger.flush()
        assert sock.recv(100) == b"one\n"
    path.unlink()
    logger.text(b"lost", now_ms=2000)
    logger.flush()
    assert logger.dropped == 1
    with unix_receiver(path) as sock:
        logger.text(b"too early", now_ms=2500)
        logger.flush()
        assert logger.dropped == 2
        logger.text(b"two", now_ms=4000)
        logger.flush()
        assert sock.recv(100) == b"two\n"
    assert logger.dropped == 2


def test_unix_daemon_that_restarts_between_two_lines_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with unix_receiver(path):
        logger = Logger(build(unix_sink(path)))
    path.unlink()
    with unix_receiver(path) as sock:
        logger.text(b"one")
        logger.text(b"two")
        logger.flush()
        assert [sock.recv(100), sock.recv(100)] == [b"one\n", b"two\n"]
    assert logger.dropped == 0


def test_unix_sink_that_appears_later_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logger = Logger(build(unix_sink(path)))
    logger.text(b"lost", now_ms=1000)
    logger.flush()
    assert logger.dropped == 1
    with unix_receiver(path) as sock:
        logger.text(b"seen", now_ms=3000)
        logger.flush()
        assert sock.recv(100) == b"seen\n"


def test_unix_daemon_that_does_not_read_never_blocks(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with unix_receiver(path) as sock:
        logger = Logger(build(unix_sink(path)))
        for number in range(10_000):
            logger.text(b"%d" % number)
        logger.flush()
        sock.setblocking(False)
        n_received = 0
        while True:
            try:
                sock.recv(100)
            except BlockingIOError:
                break
            n_received += 1
    assert 0 < n_received < 10_000
    assert logger.dropped == 10_000 - n_received


def test_pipe_that_is_not_read_never_blocks_and_gets_whole_lines() -> None:
    fd_read, fd_write = os.pipe()
    logger = Logger(build({"kind": LOG_SINKS["fd"], "fd": fd_write}))
    for number in range(20_000):
        logger.text(b"line %d" % number)
    logger.flush()
    assert os.get_blocking(fd_write)
    os.set_blocking(fd_read, False)
    content = b""
    while True:
        try:
            content += os.read(fd_read, 65536)
        except BlockingIOError:
            break
    lines = content.splitlines(keepends=True)
    assert all(line.startswith(b"line ") and line.endswith(b"\n") for line in lines)
    assert logger.dropped == 20_000 - len(lines) > 0
    os.close(fd_read)
    logger.text(b"nobody reads")
    logger.flush()
    os.close(fd_write)


def test_lines_are_appended_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("wb") as file:
        logger = Logger(build({"kind": LOG_SINKS["fd"], "fd": file.fileno()}))
        for number in range(1000):
            logger.text(b"%d" % number)
        logger.flush()
        assert path.read_bytes() == b"".join(b"%d\n" % number for number in range(1000))
    assert logger.dropped == 0


def test_socket_as_descriptor_never_blocks() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        logger = Logger(build({"kind": LOG_SINKS["fd"], "fd": ours.fileno()}))
        for _ in range(100):
            logger.text(b"x" * 1000)
            logger.flush()
        assert theirs.recv(1001, socket.MSG_WAITALL) == b"x" * 1000 + b"\n"
        for _ in range(10_000):
            logger.text(b"x" * 1000)
        assert logger.dropped > 0


def test_closed_descriptor_drops_lines() -> None:
    fd_read, fd_write = os.pipe()
    os.close(fd_read)
    logger = Logger(build({"kind": LOG_SINKS["fd"], "fd": fd_write}))
    os.close(fd_write)
    for number in range(70):
        logger.text(b"%d" % number)
    logger.flush()
    assert logger.dropped == 70
