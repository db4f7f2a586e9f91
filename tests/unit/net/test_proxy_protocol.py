"""The PROXY protocol: what is read, what is refused, and that what is written equals HAProxy's bytes."""

from __future__ import annotations

import socket
import struct

import pytest
from fastlb_core.bridge import netkit
from hypothesis import given
from hypothesis import strategies as st

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
UNTOUCHED = b"\xee" * 28


def inet(host: str, port: int) -> bytes:
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_pton(socket.AF_INET, host) + bytes(8)


def inet6(host: str, port: int) -> bytes:
    packed = socket.inet_pton(socket.AF_INET6, host)
    return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + packed + bytes(4)


UNIX = struct.pack("=H", socket.AF_UNIX) + bytes(26)


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body)) + body


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def with_checksum(error: int = 0) -> bytes:
    head = v2(0x21, 0x11, b"\1\2\3\4\5\6\7\x08\0\x50\1\xbb" + b"\3\0\4" + bytes(4))
    return head[:-4] + struct.pack("!I", crc32c(head) ^ error)


V4_PAIR = (inet("1.2.3.4", 80), inet("5.6.7.8", 443))
V6_PAIR = (inet6("2001:db8::1", 1), inet6("::5", 65535))

GOOD = {
    "v1-tcp4": (b"PROXY TCP4 1.2.3.4 5.6.7.8 80 443\r\n", V4_PAIR),
    "v1-tcp6": (b"PROXY TCP6 2001:db8::1 ::5 1 65535\r\n", V6_PAIR),
    "v1-tcp6-mapped": (b"PROXY TCP6 ::ffff:1.2.3.4 ::5 0 2\r\n", (inet6("::ffff:1.2.3.4", 0), inet6("::5", 2))),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1-unknown-with-text": (b"PROXY UNKNOWN ffff::1 junk 1 2\r\n", None),
    "v2-tcp4": (v2(0x21, 0x11, b"\1\2\3\4\5\6\7\x08\0\x50\1\xbb"), V4_PAIR),
    "v2-tcp6": (v2(0x21, 0x21, V6_PAIR[0][8:24] + V6_PAIR[1][8:24] + b"\0\1\xff\xff"), V6_PAIR),
    "v2-local": (v2(0x20, 0, b""), None),
    "v2-local-skips-anything": (v2(0x20, 0x11, b"\3\0\4"), None),
    "v2-noop-tlv": (v2(0x21, 0x11, b"\1\2\3\4\5\6\7\x08\0\x50\1\xbb" + b"\4\0\0"), V4_PAIR),
    "v2-unknown-tlv": (v2(0x21, 0x11, b"\1\2\3\4\5\6\7\x08\0\x50\1\xbb" + b"\xe0\0\2ab"), V4_PAIR),
    "v2-checksum": (with_checksum(), V4_PAIR),
}

BAD = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01",
    "lower-case": b"proxy TCP4 1.2.3.4 5.6.7.8 80 443\r\n",
    "address-out-of-range": b"PROXY TCP4 999.1.1.1 1.1.1.1 1 2\r\n",
    "three-parts": b"PROXY TCP4 1.1.1 1.1.1.1 1 2\r\n",
    "five-parts": b"PROXY TCP4 1.1.1.1.1 1.1.1.1 1 2\r\n",
    "leading-zero-address": b"PROXY TCP4 01.1.1.1 1.1.1.1 1 2\r\n",
    "leading-zero-port": b"PROXY TCP4 1.1.1.1 1.1.1.1 01 2\r\n",
    "port-too-high": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n",
    "port-sign": b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 2\r\n",
    "port-empty": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 \r\n",
    "no-ports": b"PROXY TCP4 1.1.1.1 1.1.1.1\r\n",
    "two-spaces": b"PROXY TCP4  1.1.1.1 1.1.1.1 1 2\r\n",
    "trailing-space": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 2 \r\n",
    "fifth-field": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 2 3\r\n",
    "v4-as-tcp6": b"PROXY TCP6 1.2.3.4 1.1.1.1 1 2\r\n",
    "v6-as-tcp4": b"PROXY TCP4 ::1 ::1 1 2\r\n",
    "zone": b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
    "udp": b"PROXY UDP4 1.1.1.1 1.1.1.1 1 2\r\n",
    "unknown-run-on": b"PROXY UNKNOWNX\r\n",
    "nothing": b"PROXY \r\n",
    "bare-newline": b"PROXY TCP4 1.1.1.1 1.1.1.1 1 2\n",
    "bare-return": b"PROXY TCP4 1.1.1.1\r 1.1.1.1 1 2\r\n",
    "nul": b"PROXY TCP6 ::1\0 ::1 1 2\r\n",
    "v1-long": b"PROXY TCP4 " + b"1" * 200,
    "v1-line-of-108": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "v2-version-1": v2(0x11, 0x11, bytes(12)),
    "v2-command-2": v2(0x22, 0x11, bytes(12)),
    "v2-datagram": v2(0x21, 0x12, bytes(12)),
    "v2-unix": v2(0x21, 0x31, bytes(216)),
    "v2-unspecified": v2(0x21, 0, b""),
    "v2-unknown-family": v2(0x21, 0x41, bytes(12)),
    "v2-addresses-cut": v2(0x21, 0x11, bytes(11)),
    "v2-tlv-too-long": v2(0x21, 0x11, bytes(12) + b"\4\0\5ab"),
    "v2-stray-bytes": v2(0x21, 0x11, bytes(12) + b"\4\0"),
    "v2-checksum-wrong": with_checksum(1),
    "v2-checksum-short": v2(0x21, 0x11, bytes(12) + b"\3\0\3abc"),
    "v2-65535": SIGNATURE + b"\x21\x11\xff\xff" + bytes(10),
}


@pytest.mark.parametrize("name", GOOD)
def test_header_is_read_whole_and_with_bytes_behind_it(name: str) -> None:
    header, addresses = GOOD[name]
    source, destination = (part.ljust(28, b"\0")[:28] for part in addresses) if addresses else (UNTOUCHED, UNTOUCHED)
    for tail in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 500):
        result, used, src, dst = netkit.parse(header + tail)
        assert (result, used) == (netkit.OK, len(header))
        size = 16 if addresses and len(addresses[0]) == 16 else 28
        assert src[:size] == source[:size]
        assert dst[:size] == destination[:size]


@pytest.mark.parametrize("name", GOOD)
def test_each_beginning_of_a_header_asks_for_more(name: str) -> None:
    header, _ = GOOD[name]
    for length in range(len(header)):
        assert netkit.parse(header[:length]) == (netkit.NEED_MORE, 0, UNTOUCHED, UNTOUCHED)


@pytest.mark.parametrize("name", BAD)
def test_broken_header_is_refused_and_writes_nothing(name: str) -> None:
    result, _, src, dst = netkit.parse(BAD[name])
    assert result == netkit.ERROR
    assert (src, dst) == (UNTOUCHED, UNTOUCHED)


@pytest.mark.parametrize("name", BAD)
def test_broken_header_is_refused_byte_by_byte(name: str) -> None:
    """Once refused, a beginning stays refused; and nothing is ever accepted on the way."""
    results = [netkit.parse(BAD[name][:length])[0] for length in range(len(BAD[name]) + 1)]
    first = results.index(netkit.ERROR)
    assert set(results[:first]) <= {netkit.NEED_MORE}
    assert set(results[first:]) == {netkit.ERROR}


def test_version_1_never_waits_beyond_107_bytes() -> None:
    line = b"PROXY TCP4 " + b"1" * 200
    assert netkit.parse(line[:106])[0] == netkit.NEED_MORE
    assert netkit.parse(line[:107])[0] == netkit.ERROR
    longest = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
    assert netkit.parse(longest)[:2] == (netkit.OK, 107)


# What Debian's haproxy 2.6 sent with send-proxy and send-proxy-v2 for the same connections.
SENT = [
    (1, inet("127.0.0.1", 37930), inet("127.0.0.1", 18191), b"PROXY TCP4 127.0.0.1 127.0.0.1 37930 18191\r\n"),
    (1, inet6("::1", 53526), inet6("::1", 18191), b"PROXY TCP6 ::1 ::1 53526 18191\r\n"),
    (1, inet6("2001:db8::1", 59712), inet("127.0.0.1", 18191), b"PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 59712 18191\r\n"),
    (1, inet("1.2.3.4", 50800), inet6("::1", 18191), b"PROXY TCP6 ::ffff:1.2.3.4 ::1 50800 18191\r\n"),
    (1, UNIX, UNIX, b"PROXY UNKNOWN\r\n"),
    (2, inet("127.0.0.1", 47088), inet("127.0.0.1", 18192), SIGNATURE + b"!\x11\0\x0c\x7f\0\0\1\x7f\0\0\1\xb7\xf0G\x10"),
    (2, inet6("::1", 51852), inet6("::1", 18192), SIGNATURE + b"!!\0$" + bytes(15) + b"\1" + bytes(15) + b"\1\xca\x8cG\x10"),
    (
        2,
        inet("1.2.3.4", 57050),
        inet6("::1", 18192),
        SIGNATURE + b"!!\0$" + bytes(10) + b"\xff\xff\1\2\3\4" + bytes(15) + b"\1\xde\xdaG\x10",
    ),
    (2, UNIX, UNIX, SIGNATURE + b" \0\0\0"),
]


@pytest.mark.parametrize("version, client, local, expected", SENT)
def test_written_header_equals_haproxys(version: int, client: bytes, local: bytes, expected: bytes) -> None:
    assert netkit.encode(version, client, local) == expected


def test_nothing_is_written_into_too_little_room() -> None:
    assert netkit.encode(1, inet("1.2.3.4", 1), inet("1.2.3.4", 2), 106) == b""


ports = st.integers(0, 65535)
v4 = st.builds(lambda a, p: inet(socket.inet_ntop(socket.AF_INET, a), p), st.binary(min_size=4, max_size=4), ports)
v6 = st.builds(lambda a, p: inet6(socket.inet_ntop(socket.AF_INET6, a), p), st.binary(min_size=16, max_size=16), ports)


@given(st.sampled_from([1, 2]), st.one_of(st.tuples(v4, v4), st.tuples(v6, v6)))
def test_what_is_written_is_read_back(version: int, pair: tuple[bytes, bytes]) -> None:
    header = netkit.encode(version, *pair)
    result, used, src, dst = netkit.parse(header + b"x")
    assert (result, used) == (netkit.OK, len(header))
    size = len(pair[0])
    assert (src[:size], dst[:size]) == pair


BEGINNINGS = [b"", b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", SIGNATURE, SIGNATURE + b"\x21\x11\0"]


@given(st.binary(max_size=300), st.sampled_from(BEGINNINGS))
def test_any_bytes_end_in_one_of_the_three_results(junk: bytes, beginning: bytes) -> None:
    result, used, _, _ = netkit.parse(beginning + junk)
    assert result in (netkit.OK, netkit.NEED_MORE, netkit.ERROR)
    assert used <= len(beginning + junk) if result == netkit.OK else True
