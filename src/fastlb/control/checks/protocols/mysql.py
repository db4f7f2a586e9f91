"""`option mysql-check`: the server's greeting, and with a user what it says to a log-in without a password.

Knows the packets of MySQL's client protocol: length (3 bytes, little endian), number, payload.
"""

from __future__ import annotations

import struct

from fastlb.config.check_rules import Expect, Judge, Send, Step, Verdict

_ERROR = 0xFF
_QUIT = b"\x01\x00\x00\x00\x01"
_CAPABILITIES_41 = 0x8200  # CLIENT_PROTOCOL_41 and CLIENT_SECURE_CONNECTION
_CAPABILITIES_OLD = 0x8000
_UTF8 = 0x21


def _login(user: bytes, is_old: bool) -> bytes:
    """The log-in packet without a password."""
    if is_old:
        payload = struct.pack("<H", _CAPABILITIES_OLD) + b"\x00\x00\x01" + user + b"\x00\x00"
    else:
        flags = struct.pack("<H", _CAPABILITIES_41) + b"\x00\x00"
        payload = flags + b"\x00\x80\x00\x01" + bytes([_UTF8]) + bytes(23) + user + b"\x00\x00"
    return struct.pack("<I", len(payload) | 1 << 24) + payload


def _packet(data: bytes) -> tuple[bytes, bytes] | None:
    """The first packet's payload and what follows it, None while it is not complete."""
    if len(data) < 4:
        return None
    length = int.from_bytes(data[:3], "little")
    return (data[4 : 4 + length], data[4 + length :]) if len(data) >= 4 + length else None


def _judge(n_packets: int) -> Judge:
    """The verdict on the greeting, and on the answer to the log-in where there is one."""

    def judge(data: bytes, is_final: bool) -> Verdict | None:
        rest, version = data, ""
        for number in range(n_packets):
            packet = _packet(rest)
            if packet is None:
                return Verdict("L7RSP") if is_final else None
            payload, rest = packet
            if payload[:1] == bytes([_ERROR]):
                return Verdict("L7STS", int.from_bytes(payload[1:3], "little"), payload[3:].decode("latin-1"))
            if number == 0:
                version = payload[1:].split(b"\0", 1)[0].decode("latin-1")
        return Verdict("L7OK", 0, version)

    return judge


def steps(arguments: tuple[str, ...]) -> tuple[Step, ...]:
    if not arguments:
        return (Expect("judge", _judge(1)),)
    user = arguments[1].encode("utf-8", "surrogateescape")
    return Send(_login(user, "pre-41" in arguments[2:]) + _QUIT), Expect("judge", _judge(2))
