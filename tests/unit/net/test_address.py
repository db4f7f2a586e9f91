"""Socket addresses as text equal inet_ntop's; readers take one spelling only."""

from __future__ import annotations

import socket

import pytest
from fastlb_core.bridge import netkit
from hypothesis import example, given
from hypothesis import strategies as st

groups = st.lists(st.sampled_from([b"\0\0", b"\0\1", b"\xff\xff", b"\x20\x01", b"\0\xab"]), min_size=8, max_size=8).map(b"".join)


@given(st.binary(min_size=4, max_size=4))
def test_ipv4_text_equals_inet_ntop(address: bytes) -> None:
    text = netkit.write_v4(address)
    assert text.decode() == socket.inet_ntop(socket.AF_INET, address)
    assert netkit.read_v4(text) == address


@given(st.one_of(groups, st.binary(min_size=16, max_size=16)))
@example(bytes(16))
@example(bytes(15) + b"\1")
@example(bytes(12) + b"\1\2\3\4")
@example(bytes(10) + b"\xff\xff\1\2\3\4")
def test_ipv6_text_equals_inet_ntop(address: bytes) -> None:
    text = netkit.write_v6(address)
    assert text.decode() == socket.inet_ntop(socket.AF_INET6, address)
    assert netkit.read_v6(text) == address


@given(st.integers(0, 2**32 - 1))
def test_numbers_are_decimal(number: int) -> None:
    assert netkit.write_u32(number) == str(number).encode()


@given(st.text("0123456789.", max_size=16))
def test_ipv4_reader_takes_what_inet_pton_takes(text: str) -> None:
    try:
        expected = socket.inet_pton(socket.AF_INET, text)
    except OSError:
        expected = None
    assert netkit.read_v4(text.encode()) == expected


@pytest.mark.parametrize("text", [b"", b"-1", b"+1", b" 1", b"1 ", b"01", b"65536", b"99999", b"100000", b"1a"])
def test_port_has_one_spelling(text: bytes) -> None:
    assert netkit.read_port(text) == -1


def test_unix_address_has_no_text() -> None:
    assert netkit.write_ip(socket.AF_UNIX.to_bytes(2, "little") + bytes(26)) == b""
