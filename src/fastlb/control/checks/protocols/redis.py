"""`option redis-check`: PING, and +PONG as the answer."""

from __future__ import annotations

from fastlb.config.check_rules import Expect, Send, Step, Verdict

_PONG = b"+PONG\r\n"


def _judge(data: bytes, is_final: bool) -> Verdict | None:
    if _PONG in data:
        return Verdict("L7OK", 0, "Redis server is ok")
    if not is_final:
        return None
    return Verdict("L7STS", 0, data.split(b"\r", 1)[0].split(b"\n", 1)[0].split(b"\0", 1)[0].decode("latin-1"))


def steps(arguments: tuple[str, ...]) -> tuple[Step, ...]:
    return Send(b"*1\r\n$4\r\nPING\r\n"), Expect("judge", _judge, error_status="L7STS")
