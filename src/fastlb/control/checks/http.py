"""The HTTP/1 check: one request, one answer's head, judged by its status (manual, "option httpchk").

Knows the bytes of the request and as much of the answer as a verdict needs. Must not know when checks run.
The answer is read up to 16 KiB; a head that is longer is an invalid response, as in HAProxy with its default buffer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from fastlb.config.model import HttpCheck
from fastlb.control.checks.status import Result, Status
from fastlb.control.checks.tcp import Target, TcpProbe

_MAX_ANSWER = 16384
# What the arena keeps of a server's own words.
_MAX_REASON = 119


def request_bytes(check: HttpCheck) -> bytes:
    """The request of a check. Header names leave in lower case; HTTP/1.1 asks for the connection's end (RFC 9112, 9.6)."""
    lines = [f"{check.method} {check.uri} {check.version}"]
    lines += [f"{name.lower()}: {value}" for name, value in check.headers]
    if check.body:
        lines.append(f"content-length: {len(check.body)}")
    if check.version.endswith("/1.1"):
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + check.body


def judge(received: bytes, is_at_end: bool) -> Result | None:
    """The verdict on what was received so far; None to wait for more.

    haproxy: the head must be complete, interim answers count as final ones, any version number passes.
    """
    if not received.startswith(b"HTTP/"[: len(received)]):
        return Result(Status.L7RSP)
    if b"\r\n\r\n" not in received and b"\n\n" not in received and b"\n\r\n" not in received:
        return Result(Status.L7RSP) if is_at_end or len(received) >= _MAX_ANSWER else None
    line = received.split(b"\n", 1)[0].rstrip(b"\r")
    _version, _, rest = line.partition(b" ")
    digits, _, reason = rest.lstrip(b" ").partition(b" ")
    if not digits.isdigit() or len(digits) < 3:
        return Result(Status.L7RSP)
    code = int(digits[:9])
    if 200 <= code <= 399:
        return Result(Status.L7OK, code)
    return Result(Status.L7STS, code, reason[:_MAX_REASON].decode("utf-8", "surrogateescape"))


class HttpProbe(TcpProbe):
    """One HTTP check."""

    __slots__ = ("_received", "_request")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        target: Target,
        finished: Callable[[Result], None],
        request: bytes,
    ) -> None:
        super().__init__(loop, target, finished)
        self._request = request
        self._received = b""

    def _closes_once_connected(self) -> bool:
        return False

    def _connected(self) -> None:
        if self._send(self._proxy_header() + self._request):
            self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(_MAX_ANSWER - len(self._received))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(Result(Status.SOCKERR, -1, os.strerror(error.errno or 0)))
            return
        self._received += data
        result = judge(self._received, is_at_end=not data)
        if result is not None:
            self._end(result)
