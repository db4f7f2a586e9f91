"""Default, tcplog and httplog lines, compared with what Debian's haproxy 2.6 wrote for the same streams."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from fastlb_core.bridge.logkit import Logger, Record
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import UNIX, build, inet, inet6

AT = 1_795_424_495_821_000  # microseconds since 1970
DATE = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(AT // 1_000_000)) + ".821"
HTTP = {"accept_real_us": AT, "client": inet("127.0.0.1", 48644)}

LINES = [
    (
        {"be": 1, "srv": 0, "times": (0, 0, 0, 4, 4), "status": 200, "bytes_out": 61, "target": b"/x?y=1", "term": b"----"},
        f'127.0.0.1:48644 [{DATE}] fe be/s1 0/0/0/4/4 200 61 - - ---- 1/1/0/0/0 0/0 "GET /x?y=1 HTTP/1.1"',
    ),
    (
        {"times": (-1, -1, -1, -1, 0), "status": 400, "term": b"PR--", "flags": ("bad",)},
        f'127.0.0.1:48644 [{DATE}] fe fe/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"',
    ),
    (
        {"be": 1, "times": (0, 302, -1, -1, 302), "status": 503, "bytes_out": 217, "term": b"sQ--", "queues": (0, 3)},
        f'127.0.0.1:48644 [{DATE}] fe be/<NOSRV> 0/302/-1/-1/302 503 217 - - sQ-- 1/1/0/0/0 0/3 "GET / HTTP/1.1"',
    ),
    (
        {"be": 1, "srv": 0, "times": (0, 0, 0, 0, 0), "bytes_out": 54, "flags": ("plus",), "conns": (1, 1, 1, 1)},
        f'127.0.0.1:48644 [{DATE}] fe be/s1 0/0/0/0/+0 200 +54 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"',
    ),
    (
        {"client": inet6("::1", 36072), "be": 1, "srv": 0, "times": (0, 0, -1, -1, 0), "status": 503, "bytes_out": 217,
         "term": b"SC--", "retries": 1, "flags": ("redispatched",)},
        f'::1:36072 [{DATE}] fe be/s1 0/0/-1/-1/0 503 217 - - SC-- 1/1/0/0/+1 0/0 "GET / HTTP/1.1"',
    ),
    (
        {"client": UNIX, "be": 1, "srv": 0, "times": (0, 0, -1, -1, 0), "status": 503, "bytes_out": 217, "term": b"SC--"},
        f'unix:7 [{DATE}] fe be/s1 0/0/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
    ),
    (
        {"status": 0, "times": (12345, 67, 890, 1, 2147483647), "bytes_out": 2**64 - 1, "conns": (99, 100, 1234567, 10)},
        f'127.0.0.1:48644 [{DATE}] fe fe/<NOSRV> 12345/67/890/1/2147483647 -1 18446744073709551615 - - ---- '
        '99/100/1234567/10/0 0/0 "GET / HTTP/1.1"',
    ),
    (
        {"method": b"GET", "target": b'/!"#$%&\'(){|}~\x7f\xc3\xa9\t', "version": b"HTTP/1.0"},
        f'127.0.0.1:48644 [{DATE}] fe fe/<NOSRV> 0/0/0/0/0 200 0 - - ---- 1/1/0/0/0 0/0 '
        '"GET /!#22#23$%&\'(){|}~#7F#C3#A9#09 HTTP/1.0"',
    ),
    (
        {"target": b"/" + b"a" * 1019, "version": b""},
        f'127.0.0.1:48644 [{DATE}] fe fe/<NOSRV> 0/0/0/0/0 200 0 - - ---- 1/1/0/0/0 0/0 "GET /' + "a" * 1019 + '"',
    ),
]


@pytest.mark.parametrize("facts, expected", LINES)
def test_httplog_line_equals_haproxys(
    udp: dict[str, object], receiver: socket.socket, facts: dict[str, object], expected: str
) -> None:
    program = build(udp, {"format": 2, "max_length": 8192})
    logger = Logger(program)
    logger.stream(Record(program, 0, **{**HTTP, **facts}))
    logger.flush()
    assert receiver.recv(9000).decode() == expected + "\n"


TCP_LINES = [
    (
        {"be": 1, "srv": 0, "times": (0, 1, 0, 0, 30), "bytes_out": 5},
        f"127.0.0.1:48644 [{DATE}] fe be/s1 1/0/30 5 -- 1/1/0/0/0 0/0",
    ),
    (
        {"be": 1, "srv": 0, "times": (0, 1, -1, -1, 0), "term": b"SC--"},
        f"127.0.0.1:48644 [{DATE}] fe be/s1 1/-1/0 0 SC 1/1/0/0/0 0/0",
    ),
    (
        {"times": (0, -1, -1, -1, 5007), "bytes_out": 212, "flags": ("plus",), "retries": 3},
        f"127.0.0.1:48644 [{DATE}] fe fe/<NOSRV> -1/-1/+5007 +212 -- 1/1/0/0/3 0/0",
    ),
]


@pytest.mark.parametrize("facts, expected", TCP_LINES)
def test_tcplog_line_equals_haproxys(
    udp: dict[str, object], receiver: socket.socket, facts: dict[str, object], expected: str
) -> None:
    program = build(udp, kind="tcplog", mode="tcp")
    logger = Logger(program)
    logger.stream(Record(program, 0, **{**HTTP, **facts}))
    logger.flush()
    assert receiver.recv(9000).decode() == expected + "\n"


@pytest.mark.parametrize(
    "mode, client, local, expected",
    [
        ("http", inet("127.0.0.1", 38564), inet("127.0.0.1", 18183), "Connect from 127.0.0.1:38564 to 127.0.0.1:18183 (fe/HTTP)"),
        ("tcp", inet6("::1", 51446), inet6("::1", 18188), "Connect from ::1:51446 to ::1:18188 (fe/TCP)"),
        ("http", UNIX, UNIX, "Connect to unix:7 (fe/HTTP)"),
    ],
)
def test_default_line_equals_haproxys(
    udp: dict[str, object], receiver: socket.socket, mode: str, client: bytes, local: bytes, expected: str
) -> None:
    program = build(udp, kind="", mode=mode)
    logger = Logger(program)
    logger.stream(Record(program, 0, client=client, local=local))
    logger.flush()
    assert receiver.recv(9000).decode() == expected + "\n"


def test_proxy_without_log_kind_writes_nothing(udp: dict[str, object], drain: Callable[[], list[bytes]]) -> None:
    program = build(udp, kind="none")
    logger = Logger(program)
    logger.stream(Record(program, 0, **HTTP))
    logger.flush()
    assert drain() == []


@given(st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=30))
@settings(max_examples=50)
def test_accept_dates_equal_strftime_in_any_order(seconds: list[int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(2)
        program = build({"kind": 0, "address": inet(*sock.getsockname())})
        logger = Logger(program)
        for second in seconds:
            logger.stream(Record(program, 0, client=HTTP["client"], accept_real_us=second * 1_000_000 + 7_999))
        logger.flush()
        for second in seconds:
            date = time.strftime("%d/%b/%Y:%H:%M:%S", time.localtime(second))
            assert f"[{date}.007]" in sock.recv(9000).decode()


@given(st.binary(min_size=1, max_size=3000), st.integers(80, 65535))
@settings(max_examples=50)
def test_any_request_line_stays_printable_and_within_the_length(target: bytes, max_length: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(2)
        program = build({"kind": 0, "address": inet(*sock.getsockname())}, {"format": 0, "max_length": max_length})
        logger = Logger(program)
        logger.stream(Record(program, 0, **HTTP, method=target, target=target, version=target))
        logger.flush()
        line = sock.recv(70000)
        assert len(line) <= max_length + 1
        assert line.endswith(b"\n")
        assert all(32 <= byte < 127 for byte in line[:-1])
