"""A server's answer to an HTTP check, as far as a verdict needs it: status, header fields, body.

Knows HTTP/1's framing (RFC 9112). Must not know what is expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_STATUS_LINE = re.compile(rb"HTTP/\d\.\d +(\d{3,})(?: +([^\r\n]*))?\r?\Z")
_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """headers: names in lower case. body: what came of it, chunks put together. is_complete: nothing more will come."""

    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    is_complete: bool = True


class BadAnswer(ValueError):
    """What came is no HTTP answer, or broke off within its head."""


def read_answer(received: bytes, is_final: bool) -> Answer | None:
    """The answer in what came so far, None while its head is not complete; is_final: no more will come. Raises BadAnswer.

    haproxy: the head must be complete, interim answers count as final ones, any version number passes.
    """
    if not received.startswith(b"HTTP/"[: len(received)]):
        raise BadAnswer
    end = _HEAD_END.search(received)
    if end is None:
        if is_final:
            raise BadAnswer
        return None
    line, *fields = received[: end.start()].split(b"\n")
    match = _STATUS_LINE.match(line)
    if match is None:
        raise BadAnswer
    headers = tuple(_field(field.rstrip(b"\r")) for field in fields)
    body, is_complete = _body(received[end.end() :], headers, int(match[1]), is_final)
    return Answer(int(match[1][:9]), match[2] or b"", headers, body, is_complete)


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not name or b" " in name:
        raise BadAnswer
    return name.lower(), value.strip(b" \t")


def _body(raw: bytes, headers: tuple[tuple[bytes, bytes], ...], status: int, is_final: bool) -> tuple[bytes, bool]:
    fields = dict(headers)
    if status in (204, 304) or status < 200:
        return b"", True
    if fields.get(b"transfer-encoding", b"").lower().endswith(b"chunked"):
        body, at_end = _chunks(raw)
        return body, at_end or is_final
    if b"content-length" in fields:
        length = fields[b"content-length"]
        if not length.isdigit():
            raise BadAnswer
        return raw[: int(length)], len(raw) >= int(length) or is_final
    return raw, is_final


def _chunks(raw: bytes) -> tuple[bytes, bool]:
    """What is there of a chunked body, and whether the last chunk was."""
    parts: list[bytes] = []
    rest = raw
    while True:
        line, end, rest = rest.partition(b"\n")
        if not end:
            return b"".join(parts), False
        try:
            size = int(line.split(b";")[0].strip() or b"x", 16)
        except ValueError:
            raise BadAnswer from None
        if size <= 0:
            return b"".join(parts), True
        parts.append(rest[:size])
        if len(rest) < size:
            return b"".join(parts), False
        rest = rest[size:].removeprefix(b"\r").removeprefix(b"\n")
