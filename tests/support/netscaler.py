"""Headers of NetScaler's Client IP insertion, as its senders write them (netscaler-client-ip-insertion-protocol.txt)."""

from __future__ import annotations

import ipaddress
import struct

MAGIC = 305419896


def ip_header(source: str, destination: str, protocol: int = 6, options: bytes = b"") -> bytes:
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    if len(ends) == 8:
        first = bytes([0x45 + len(options) // 4, 0])
        return first + struct.pack("!HHHBBH", 40 + len(options), 1, 0, 64, protocol, 0) + ends + options
    return bytes([0x60, 0, 0, 0, 0, 20, protocol, 64]) + ends


def tcp_header(source: int, destination: int, options: bytes = b"") -> bytes:
    return struct.pack("!HHIIBBHHH", source, destination, 1, 2, (5 + len(options) // 4) << 4, 2, 100, 0, 0) + options


def old(packet: bytes, magic: int = MAGIC, length: int | None = None) -> bytes:
    return struct.pack("!II", magic, len(packet) if length is None else length) + packet


def new(packet: bytes, magic: int = MAGIC, kind: int = 1, length: int | None = None) -> bytes:
    rest = len(packet) if length is None else length
    return struct.pack("!IIHH", magic, len(packet) + 12, kind, rest) + packet


V4 = ip_header("192.0.2.1", "198.51.100.2") + tcp_header(1111, 80)
V6 = ip_header("2001:db8::1", "2001:db8::2") + tcp_header(2222, 80)
