"""Log targets of the model as targets and sinks of the program."""

from __future__ import annotations

import socket
import struct

import pytest
from fastlb_core.bridge import programkit
from fastlb_core.bridge.constants import LOG_FORMATS, LOG_KINDS, LOG_SINKS

from fastlb.compile.program import CompileError
from fastlb.config.log_model import LogTarget
from fastlb.config.model import Address, Global

from .conftest import HERE, ipv4, program_of, px


def target(**fields: object) -> LogTarget:
    address = fields.pop("address", ipv4("127.0.0.1", 514))
    return LogTarget(HERE, address, **fields)  # type: ignore[arg-type]


def test_log_global_comes_before_the_proxys_own() -> None:
    glob = Global(logs=[target(facility="local1")])
    program = program_of(px("frontend", "f", log_global=True, logs=[target(facility="daemon")]), glob=glob)
    assert [t["facility"] for t in programkit.proxy(program, 0)["log_targets"]] == [17, 3]
    assert [t["facility"] for t in programkit.program(program)["log_targets"]] == [17]


def test_equal_places_share_one_sink() -> None:
    glob = Global(logs=[target(), target(level="err"), target(address=None, fd=1), target(address=Address("unix", "/dev/log"))])
    program = program_of(*(px("frontend", f"f{i}", log_global=True) for i in range(3)), glob=glob)
    assert program.log_sinks == (
        (LOG_SINKS["udp"], struct.pack("=H", socket.AF_INET) + b"\x02\x02\x7f\0\0\1" + bytes(8), -1),
        (LOG_SINKS["fd"], b"", 1),
        (LOG_SINKS["unix"], struct.pack("=H", socket.AF_UNIX) + b"/dev/log\0", -1),
    )
    assert [[t["sink"] for t in programkit.proxy(program, i)["log_targets"]] for i in range(3)] == [[0, 0, 1, 2]] * 3


@pytest.mark.parametrize(
    "log_format, mode, kind",
    [("", "http", ""), ("tcplog", "http", "tcplog"), ("httplog", "http", "httplog"), ("httplog", "tcp", "tcplog")],
)
def test_kind_of_line(log_format: str, mode: str, kind: str) -> None:
    program = program_of(px("frontend", "f", mode=mode, log_format=log_format, logs=[target()]))
    assert programkit.proxy(program, 0)["log_kind"] == LOG_KINDS[kind]


def test_proxy_without_targets_logs_nothing() -> None:
    program = program_of(px("frontend", "f", mode="http", log_format="httplog"), glob=Global(logs=[target()]))
    assert programkit.proxy(program, 0)["log_kind"] == LOG_KINDS["none"]


@pytest.mark.parametrize(
    "name, with_hostname, send_hostname, expected",
    [
        ("rfc3164", False, None, "local"),
        ("rfc3164", False, "h", "rfc3164"),
        ("rfc3164", True, None, "rfc3164"),
        ("rfc5424", False, None, "rfc5424"),
        ("raw", False, "h", "raw"),
    ],
)
def test_host_name_is_shown_where_it_was_asked_for(
    name: str, with_hostname: bool, send_hostname: str | None, expected: str
) -> None:
    line = target(format=name, with_hostname=with_hostname)
    program = program_of(px("frontend", "f", logs=[line]), glob=Global(log_send_hostname=send_hostname))
    assert programkit.proxy(program, 0)["log_targets"][0]["format"] == LOG_FORMATS[expected]


def test_levels_length_and_sampling() -> None:
    line = target(level="notice", min_level="err", max_length=2000, sample_ranges=[(1, 1), (3, 5)], sample_size=10)
    values = programkit.proxy(program_of(px("frontend", "f", logs=[line])), 0)["log_targets"][0]
    assert (values["level"], values["min_level"], values["max_length"]) == (5, 3, 2000)
    assert (values["sample_size"], values["ranges"]) == (10, [1, 1, 3, 5])


def test_more_ranges_than_there_is_room_for_name_the_line() -> None:
    line = target(sample_ranges=[(i, i) for i in range(1, 10)], sample_size=10)
    with pytest.raises(CompileError, match=r"\[haproxy.cfg:12\] : log : more than 8"):
        program_of(px("frontend", "f", logs=[line]))


def test_tag_is_the_proxys_the_globals_or_fastlb() -> None:
    proxies = px("frontend", "f", log_tag="mine"), px("frontend", "g")
    assert [programkit.proxy(program_of(*proxies), i)["log_tag"] for i in range(2)] == [b"mine", b"fastlb"]
    assert programkit.proxy(program_of(*proxies, glob=Global(log_tag="all")), 1)["log_tag"] == b"all"
