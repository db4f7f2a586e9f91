"""Fetches of messages and raw bytes: what haproxy cannot show in a log format, and inputs that are cut anywhere."""

from __future__ import annotations

import pytest
from fastlb_core.bridge import fetchkit, registry

from fastlb.config.samples import ACL_FETCHES, fetch_buffer, fetch_http
from support.fetch_cases import BYTES, HELLO, head
from support.fetch_words import parse


@pytest.mark.parametrize(
    ("name", "arguments", "lines", "values"),
    [
        ("req.hdr", ("x",), ("X: a, b", "X: c"), ["a", "b", "c"]),
        ("req.fhdr", ("x",), ("X: a, b", "X: c"), ["a, b", "c"]),
        ("req.hdr_val", ("x",), ("X: 1,2",), [1, 2]),
        ("req.cook", ("a",), ("Cookie: a=1; b=2; a=3", "Cookie: a=4"), ["1", "3", "4"]),
        ("req.cook_names", (), ("Cookie: a=1; b=2",), ["a,b"]),
    ],
)
def test_an_acl_sees_every_value(
    name: str, arguments: tuple[str, ...], lines: tuple[str, ...], values: list[object]
) -> None:
    assert fetchkit.fetch(name, *arguments, request=head(*lines), iterate=True) == values


def test_an_acl_sees_only_addresses_of_a_list() -> None:
    found = fetchkit.fetch("req.hdr_ip", "x", request=head("X: a, 1.2.3.4:80, ::1, b"), iterate=True)
    assert [str(value) for value in found] == ["1.2.3.4", "::1"]


def test_every_supported_fetch_has_a_function() -> None:
    rows = (*fetch_http.FETCHES, *fetch_buffer.FETCHES, *ACL_FETCHES.values())
    missing = {row.core or row.name for row in rows if row.status == "supported"} - set(registry.names()[0])
    assert not missing


def test_a_cut_hello_waits_for_more() -> None:
    for length in range(len(HELLO)):
        assert fetchkit.fetch("req.ssl_sni", bytes_in=HELLO[:length], final=False) == fetchkit.MAY_CHANGE, length
    assert fetchkit.fetch("req.ssl_sni", bytes_in=HELLO, final=False) == "www.example.com"
    assert fetchkit.fetch("req.ssl_keyshare_groups", bytes_in=HELLO) == b"\0\x1d"
    assert fetchkit.fetch("req.ssl_sigalgs", bytes_in=HELLO) == b"\x04\x03\x08\x04"


def test_inputs_cut_anywhere_are_survived() -> None:
    for content in BYTES.inputs:
        for length in range(len(content)):
            for expression in BYTES.expressions:
                name, arguments = parse(expression)
                fetchkit.fetch(name, *arguments, bytes_in=content[:length])
