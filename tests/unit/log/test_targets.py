"""Headers of all formats, levels, sampling, cuts and tags, as haproxy 2.6 does them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from fastlb_core.bridge.constants import LOG_FORMATS
from fastlb_core.bridge.logkit import Logger, Record

from .conftest import build, inet

NOW_US = 1_795_424_495_012_345  # 2026-11-23 09:01:35 UTC


@pytest.fixture
def zone() -> Iterator[Callable[[str], None]]:
    """Sets the process' time zone until the end of the test."""
    before = os.environ.get("TZ")

    def set_zone(name: str) -> None:
        os.environ["TZ"] = name
        time.tzset()

    yield set_zone
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    "form, with_host, without_host",
    [
        ("local", "<134>Nov 23 09:01:35 fastlb[20697]: text\n", None),
        ("rfc3164", "<134>Nov 23 09:01:35 myhost fastlb[20697]: text\n", "<134>Nov 23 09:01:35 localhost fastlb[20697]: text\n"),
        (
            "rfc5424",
            "<134>1 2026-11-23T09:01:35.012345+00:00 myhost fastlb 20697 - - text\n",
            "<134>1 2026-11-23T09:01:35.012345+00:00 - fastlb 20697 - - text\n",
        ),
        ("priority", "<134>text\n", None),
        ("short", "<6>text\n", None),
        ("timed", "<6>2026-11-23T09:01:35.012345+00:00 text\n", None),
        ("iso", "2026-11-23T09:01:35.012345+00:00 text\n", None),
        ("raw", "text\n", None),
    ],
)
def test_header_of_each_format(
    udp: dict[str, object],
    receiver: socket.socket,
    zone: Callable[[str], None],
    form: str,
    with_host: str,
    without_host: str | None,
) -> None:
    zone("UTC")
    for host, expected in ((b"myhost", with_host), (b"", without_host or with_host)):
        logger = Logger(build(udp, {"format": LOG_FORMATS[form]}, log_hostname=host))
        logger.text(b"text", now_real_us=NOW_US)
        logger.flush()
        assert receiver.recv(2000).decode() == expected


@pytest.mark.parametrize(
    "name, syslog, offset",
    [
        ("Europe/Berlin", "Nov 23 10:01:35", "+01:00"),
        ("America/St_Johns", "Nov 23 05:31:35", "-03:30"),
        ("UTC0", "Nov 23 09:01:35", "+00:00"),
    ],
)
def test_dates_are_in_local_time(
    udp: dict[str, object], receiver: socket.socket, zone: Callable[[str], None], name: str, syslog: str, offset: str
) -> None:
    zone(name)
    logger = Logger(build(udp, {"format": LOG_FORMATS["local"]}, {"format": LOG_FORMATS["iso"]}))
    logger.text(b"x", now_real_us=NOW_US)
    logger.flush()
    assert receiver.recv(2000).decode() == f"<134>{syslog} fastlb[20697]: x\n"
    assert receiver.recv(2000).decode().split(".")[1] == f"012345{offset} x\n"


def test_first_days_of_a_month_are_padded_with_a_space(
    udp: dict[str, object], receiver: socket.socket, zone: Callable[[str], None]
) -> None:
    zone("UTC")
    logger = Logger(build(udp, {"format": LOG_FORMATS["local"]}))
    logger.text(b"x", now_real_us=1_793_523_600_000_000)
    logger.flush()
    assert receiver.recv(2000) == b"<134>Nov  1 09:00:00 fastlb[20697]: x\n"


def test_line_is_cut_at_its_length_without_the_line_end(udp: dict[str, object], receiver: socket.socket) -> None:
    """haproxy: and a text has one byte less than the longest of all targets."""
    targets = [{"format": LOG_FORMATS[form], "max_length": 80} for form in ("raw", "priority")]
    logger = Logger(build(udp, *targets))
    logger.text(b"y" * 100)
    logger.flush()
    assert receiver.recv(2000) == b"y" * 79 + b"\n"
    assert receiver.recv(2000) == b"<134>" + b"y" * 75 + b"\n"


def test_header_longer_than_the_line_is_cut_too(udp: dict[str, object], receiver: socket.socket) -> None:
    logger = Logger(build(udp, {"format": LOG_FORMATS["rfc3164"], "max_length": 80}, log_hostname=b"h" * 600, log_tag=b"t" * 600))
    logger.text(b"text")
    logger.flush()
    line = receiver.recv(2000)
    assert len(line) == 81
    assert line.endswith(b"h\n")


def test_levels_filter_and_cap(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    """`log ... local0 notice err`: nothing below notice, nothing above err."""
    logger = Logger(build(udp, {"format": LOG_FORMATS["short"], "level": 5, "min_level": 3}))
    for level in range(8):
        logger.text(b"%d" % level, level=level)
    logger.flush()
    assert drain() == [b"<3>0\n", b"<3>1\n", b"<3>2\n", b"<3>3\n", b"<4>4\n", b"<5>5\n"]


def test_sampling_takes_its_ranges_of_each_round(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    """`sample 1,3-4:5`."""
    logger = Logger(build(udp, {"format": LOG_FORMATS["raw"], "sample_size": 5, "sample_ranges": [(1, 1), (3, 4)]}))
    for number in range(10):
        logger.text(b"%d" % number)
    logger.flush()
    assert drain() == [b"0\n", b"2\n", b"3\n", b"5\n", b"7\n", b"8\n"]


def test_two_targets_sample_apart(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    raw = {"format": LOG_FORMATS["raw"], "sample_size": 2}
    short = {"format": LOG_FORMATS["short"], "sample_size": 2}
    logger = Logger(build(udp, {**raw, "sample_ranges": [(1, 1)]}, {**short, "sample_ranges": [(2, 2)]}))
    for number in range(4):
        logger.text(b"%d" % number)
    logger.flush()
    assert drain() == [b"0\n", b"<6>1\n", b"2\n", b"<6>3\n"]


def test_proxys_targets_and_the_programs_are_apart(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    program = build(udp, {"format": LOG_FORMATS["raw"]})
    logger = Logger(program)
    logger.text(b"of the frontend", px=0)
    logger.text(b"of a backend without targets", px=1)
    logger.text(b"of the program")
    logger.stream(Record(program, 0, client=inet("127.0.0.1", 1), flags=("bad",)))
    logger.flush()
    lines = drain()
    assert lines[:2] == [b"of the frontend\n", b"of the program\n"]
    assert lines[2].endswith(b'"<BADREQ>"\n')
    assert len(lines) == 3
