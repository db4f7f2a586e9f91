"""`option ssl-hello-chk`: an SSLv3 client hello (RFC 6101, section 5.6.1.2), answered by a handshake or an alert."""

from __future__ import annotations

import struct
import time

from fastlb.config.check_rules import Expect, Send, Step, Verdict

_HANDSHAKE, _ALERT = 0x16, 0x15
_LEAST = 5
_VERSION = b"\x03\x00"
_CIPHERS = (*range(0x01, 0x1C), *range(0x2F, 0x3B))


def _hello() -> bytes:
    ciphers = b"".join(struct.pack("!H", cipher) for cipher in _CIPHERS)
    random = struct.pack("!I", int(time.time()) & 0xFFFFFFFF) + b"fastlb health check, fastlb "
    body = _VERSION + random + b"\x00" + struct.pack("!H", len(ciphers)) + ciphers + b"\x01\x00"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return bytes([_HANDSHAKE]) + _VERSION + struct.pack("!H", len(message)) + message


def _judge(data: bytes, is_final: bool) -> Verdict | None:
    if len(data) < _LEAST and not is_final:
        return None
    return Verdict("L6OK" if data[0] in (_HANDSHAKE, _ALERT) else "L6RSP")


def steps(arguments: tuple[str, ...]) -> tuple[Step, ...]:
    return Send(_hello()), Expect("judge", _judge, error_status="L6RSP", timeout_status="L6TOUT")
