"""PROXY protocol headers, versions 1 and 2 (the protocol's text, sections 2.1 and 2.2): an encoder and a decoder of our own."""

from __future__ import annotations

import ipaddress
import socket
import struct

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def v1(source: str, destination: str, source_port: int, destination_port: int) -> bytes:
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {source_port} {destination_port}\r\n".encode()


def v2(source: str, destination: str, source_port: int, destination_port: int, local: bool = False, tlvs: bytes = b"") -> bytes:
    """Version 2; `local` sends the LOCAL command, `tlvs` are appended as they are."""
    packed = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    body = packed + struct.pack("!HH", source_port, destination_port) + tlvs
    family = 0x21 if ":" in source else 0x11
    return SIGNATURE + struct.pack("!BBH", 0x20 if local else 0x21, family, len(body)) + body


def decode_v2(data: bytes) -> tuple[str, str, int, int, bytes]:
    """(source, destination, source port, destination port, TLV bytes) of a whole version 2 header for TCP."""
    assert data[:12] == SIGNATURE, data
    command, family, length = struct.unpack("!BBH", data[12:16])
    assert command == 0x21 and len(data) == 16 + length, data
    size, kind = {0x11: (4, socket.AF_INET), 0x21: (16, socket.AF_INET6)}[family]
    rest = data[16:]
    source, destination = (socket.inet_ntop(kind, rest[i * size : (i + 1) * size]) for i in range(2))
    source_port, destination_port = struct.unpack("!HH", rest[2 * size : 2 * size + 4])
    return source, destination, source_port, destination_port, rest[2 * size + 4 :]
