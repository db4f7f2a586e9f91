"""Fetches of constants and of the process: what they give without traffic, and HAProxy's words for bad arguments."""

from __future__ import annotations

import os
import re
import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from fastlb_core.bridge.registry import names
from fastlb_core.bridge.statekit import Frontend, fetch

from fastlb.config.expressions import ExpressionFault, parse_expression
from fastlb.config.samples import FETCHES
from fastlb.config.samples.row import FetchRow
from fastlb.config.samples.types import Source

NOW_US = 1_700_000_000_123_456
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("always_true", (), True),
        ("always_false", (), False),
        ("str", ("",), ""),
        ("str", ("a b",), "a b"),
        ("int", (-(2**63),), -(2**63)),
        ("bool", (1,), True),
        ("bin", (b"\x00\xff",), b"\x00\xff"),
        ("ipv4", (IPv4Address("1.2.3.4"),), IPv4Address("1.2.3.4")),
        ("ipv6", (IPv6Address("::1"),), IPv6Address("::1")),
        ("meth", (b"GET",), ("method", 1)),
        ("meth", (b"get",), b"get"),
        ("zero", (), 0),
        ("one", (), 1),
        ("no_value", (), None),
        ("date", (0, 0), 1_700_000_000),
        ("date", (-1, 0), 1_699_999_999),
        ("date", (5, 1), 1_700_000_000_128),
        ("date", (0, 2), NOW_US),
        ("date", (2**63 - 1, 0), -(2**63) + 1_699_999_999),
        ("date_us", (), 123_456),
        ("env", (b"",), None),
        ("env", (b"PATH" * 200,), None),
        ("env", (b"NOT\0SET",), None),
        ("hostname", (), socket.gethostname()),
        ("pid", (), 77),
        ("thread", (), 3),
        ("rand", (0,), 0),
        ("rand", (1,), 0),
        ("wait_end", (), True),
    ],
)
def test_fetch_gives(name: str, args: tuple[object, ...], value: object) -> None:
    assert fetch(name, *args, real_us=NOW_US, pid=77, worker=3) == value


def test_env_is_the_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTLB_FETCHED", "yes")
    assert fetch("env", b"FASTLB_FETCHED") == os.environ["FASTLB_FETCHED"]


def test_wait_end_has_no_answer_while_bytes_may_come() -> None:
    assert fetch("wait_end", final=False) is None


def test_random_numbers_stay_in_their_range_and_reach_all_of_it() -> None:
    assert {fetch("rand", 4) for _ in range(200)} == {0, 1, 2, 3}
    assert all(0 <= fetch("rand") < 2**32 for _ in range(100))
    # haproxy: a negative range is one of 32 bits without a sign.
    assert all(0 <= fetch("rand", -1) < 2**32 for _ in range(100))


def test_processes_do_not_share_their_random_numbers() -> None:
    assert len({tuple(fetch("rand", pid=pid) for _ in range(4)) for pid in (1, 2, 1, 2)}) == 4


@pytest.mark.parametrize("version", [4, 7])
def test_uuids_are_well_formed_and_differ(version: int) -> None:
    found = {fetch("uuid", version, real_us=NOW_US) for _ in range(50)}
    assert len(found) == 50
    assert all(UUID.fullmatch(text) and text[14] == str(version) for text in found)
    if version == 7:
        assert all(int(text[:8] + text[9:13], 16) == NOW_US // 1000 for text in found)


@pytest.mark.parametrize("name", ["uuid", "hostname"])
def test_full_scratch_area_fails_the_fetch(name: str) -> None:
    assert fetch(name, 4, room=35) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bool(x)", "invalid args in fetch method 'bool' : Expects 'true', 'false', '0' or '1'"),
        ("bool", "invalid args in fetch method 'bool' : Expects 'true', 'false', '0' or '1'"),
        ("bin(0g)", "invalid args in fetch method 'bin' : an hex digit is expected (found 'g')"),
        ("bin(414)", "invalid args in fetch method 'bin' : an even number of hex digit is expected"),
        ("bin", "invalid args in fetch method 'bin' : (null)"),
        ("date(1,q)", "invalid args in fetch method 'date' : expects 's', 'ms' or 'us', got 'q'"),
        ("date(x)", "fetch method 'date' : failed to parse 'x' as type 'integer' at position 1"),
        ("date(,ms)", "fetch method 'date' : expected ')' before ',ms)'"),
        ("nbsrv(a,b)", "fetch method 'nbsrv' : expected ')' before ',b)'"),
        ("uuid(3)", "invalid args in fetch method 'uuid' : Unsupported UUID version: '3'"),
        ("ipv4(1.2)", "fetch method 'ipv4' : failed to parse '1.2' as type 'IPv4 address' at position 1"),
        ("ipv6(1.2.3.4)", "fetch method 'ipv6' : failed to parse '1.2.3.4' as type 'IPv6 address' at position 1"),
        ("int()", "fetch method 'int' : expected type 'integer' at position 1, but got nothing"),
        ("fc_rtt(ns)", "invalid args in fetch method 'fc_rtt' : expects 'us' or 'ms', got 'ns'"),
        (
            "ssl_c_i_dn(CN,0,x)",
            "invalid args in fetch method 'ssl_c_i_dn' : only rfc2253 or a blank value are currently supported as the format "
            "argument.",
        ),
        (
            "ssl_fc_cipherlist_bin(x)",
            "fetch method 'ssl_fc_cipherlist_bin' : failed to parse 'x' as type 'integer' at position 1",
        ),
    ],
)
def test_bad_argument_is_refused_in_haproxys_words(text: str, message: str) -> None:
    with pytest.raises(ExpressionFault) as caught:
        parse_expression(text)
    assert caught.value.message == message


_ALONE = [row for row in FETCHES.values() if row.status == "supported" and row.manual in ("7.3.2", "7.3.3", "7.3.4", "8.4")]


@pytest.mark.parametrize("row", [row for row in _ALONE if not row.arguments.startswith("server")], ids=lambda row: row.name)
def test_fetch_bears_a_connection_without_a_stream(row: FetchRow) -> None:
    """`tcp-request connection` evaluates before there is a stream, an address or a backend."""
    takes_proxy = row.arguments.startswith(("backend", "frontend"))
    arguments = [Frontend()] if takes_proxy else []
    value = fetch(row.core or row.name, *arguments, is_accepted=True)
    assert value is None or isinstance(value, (bool, int, str, bytes, IPv4Address, IPv6Address, tuple))
    if Source.BACKEND in row.sources or Source.SERVER in row.sources or Source.SERVER_CONNECTION in row.sources:
        assert not value


def test_every_supported_fetch_has_its_function() -> None:
    known = set(names()[0])
    assert [row.name for row in FETCHES.values() if row.status == "supported" and (row.core or row.name) not in known] == []


def test_unsupported_fetches_say_why() -> None:
    assert [row.name for row in FETCHES.values() if row.status == "unsupported" and not row.note] == []
