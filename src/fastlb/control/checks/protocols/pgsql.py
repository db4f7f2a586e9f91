"""`option pgsql-check`: a start-up message, and whether the server asks for authentication or refuses.

Knows PostgreSQL's messages: a letter, a length of 4 bytes, the fields.
"""

from __future__ import annotations

import struct

from fastlb.config.check_rules import Expect, Send, Step, Verdict

_VERSION_3 = 0x00030000
_HEAD = 5
_AUTHENTICATION = 9


def _judge(data: bytes, is_final: bool) -> Verdict | None:
    if data[:1] == b"E":
        # haproxy: waits for the beginning of the first field and shows it without its letter: the severity.
        if len(data) <= _HEAD + 1 and not is_final:
            return None
        return Verdict("L7RSP", 0, data[_HEAD + 1 :].split(b"\0", 1)[0].decode("latin-1"))
    if len(data) < _AUTHENTICATION and not is_final:
        return None
    if data[:1] == b"R" and len(data) >= _AUTHENTICATION:
        return Verdict("L7OK", 0, "PostgreSQL server is ok")
    return Verdict("L7STS", 0, "PostgreSQL unknown error")


def steps(arguments: tuple[str, ...]) -> tuple[Step, ...]:
    user = arguments[1].encode("utf-8", "surrogateescape")
    message = struct.pack("!I", _VERSION_3) + b"user\0" + user + b"\0\0"
    return Send(struct.pack("!I", len(message) + 4) + message), Expect("judge", _judge)
