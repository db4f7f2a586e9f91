"""NetScaler's Client IP insertion: both forms, whole and cut, and what is refused."""

from __future__ import annotations

import pytest
from fastlb_core.bridge import netkit
from hypothesis import given
from hypothesis import strategies as st

from support.netscaler import MAGIC, V4, V6, ip_header, new, old, tcp_header

from .test_proxy_protocol import UNTOUCHED, inet, inet6

OPTIONS = bytes(8)
PAIR4 = (inet("192.0.2.1", 1111) + bytes(12), inet("198.51.100.2", 80) + bytes(12))
PAIR6 = (inet6("2001:db8::1", 2222), inet6("2001:db8::2", 80))
GOOD = [
    (old(V4), PAIR4),
    (new(V4), PAIR4),
    (old(V6), PAIR6),
    (new(V6), PAIR6),
    (old(ip_header("192.0.2.1", "198.51.100.2", options=OPTIONS) + tcp_header(1111, 80, OPTIONS)), PAIR4),
    (new(V4 + bytes(40)), PAIR4),
]
BAD = {
    "magic number": old(V4, MAGIC ^ 1),
    "type": new(V4, kind=2),
    "IP version": old(b"\x55" + V4[1:]),
    "IP header of 16 bytes": old(b"\x44" + V4[1:]),
    "IP header beyond the length": old(b"\x4f" + V4[1:]),
    "UDP": old(ip_header("192.0.2.1", "198.51.100.2", 17) + tcp_header(1, 2)),
    "UDP over IPv6": new(ip_header("::1", "::2", 17) + tcp_header(1, 2)),
    "no room for TCP": old(V4, length=39) + bytes(40),
    "no room for IPv6": new(V6, length=59) + bytes(40),
    "no length": new(V4, length=0),
    "a length that nobody has": old(V4, length=4097),
    "a length of 4 gigabytes": old(V4, length=2**32 - 1),
}


@pytest.mark.parametrize(("header", "pair"), GOOD)
@pytest.mark.parametrize("rest", [b"", b"GET / HTTP/1.1\r\n"])
def test_header_gives_the_clients_addresses(header, pair, rest):
    assert netkit.parse(header + rest, MAGIC) == (netkit.OK, len(header), *pair)


@pytest.mark.parametrize(("header", "pair"), GOOD)
def test_every_beginning_waits_for_more(header, pair):
    for length in range(len(header)):
        assert netkit.parse(header[:length], MAGIC) == (netkit.NEED_MORE, 0, UNTOUCHED, UNTOUCHED)


@pytest.mark.parametrize("header", BAD.values(), ids=BAD.keys())
def test_broken_header_is_refused(header):
    assert netkit.parse(header, MAGIC)[:2] == (netkit.ERROR, 0)


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_number_are_read_within_bounds(data):
    result, used, _, _ = netkit.parse(old(b"")[:4] + data, MAGIC)
    assert result in (netkit.OK, netkit.NEED_MORE, netkit.ERROR)
    assert used <= len(data) + 4
