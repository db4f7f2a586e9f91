"""What the master and the control process say to each other: JSON objects, one a line (supervisor/channel.py: the other end).

Knows the framing, which events an operator wants in the log, and what may be asked for. What is too long for a line comes as a
file in memory. The end of file says that the master is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from fastlb.control.logs import format as fmt
from fastlb.control.logs.journal import Journal

_MAX_LINE = 65536
_MOST_FILES = 4  # that come with one receive
_ANSWER_TIMEOUT_S = 60.0
_ROSTER_TIMEOUT_S = 10.0


class MasterChannel:
    """Reads the master's events. channel: a connected socket."""

    def __init__(self, channel: socket.socket, journal: Journal) -> None:
        self._channel = channel
        self._journal = journal
        self._on_end: Callable[[], None] = lambda: None
        self._on_stopping: Callable[[], None] = lambda: None
        self._on_replaced: Callable[[], None] = lambda: None
        self._received = b""
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._numbers = itertools.count(1)
        self._roster_answers: dict[int, asyncio.Future[dict[str, Any]]] = {}

    def start(
        self,
        loop: asyncio.AbstractEventLoop,
        on_end: Callable[[], None],
        on_stopping: Callable[[], None] = lambda: None,
        on_replaced: Callable[[], None] = lambda: None,
    ) -> None:
        """Watches the channel from here on.

        on_end: called once when the master is gone. on_stopping: no connection is accepted any more. on_replaced: neither, and
        another generation serves.
        """
        self._on_end, self._on_stopping, self._on_replaced = on_end, on_stopping, on_replaced
        self._channel.setblocking(False)
        loop.add_reader(self._channel.fileno(), self._readable, loop)

    async def read_certificates(self) -> dict[str, Any]:
        """What the files of certificates say now (tls/files.py). Raises TimeoutError or ConnectionError without an answer."""
        async with self._asking:
            self._answer = asyncio.get_running_loop().create_future()
            self._channel.send(b'{"command": "read-certificates"}\n')
            try:
                async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                    return await self._answer
            finally:
                self._answer = None

    async def change_roster(self, change: str, content: str) -> list[tuple[int, int]]:
        """Has the master "add" or "remove" a server (control/roster.py), so that whatever it starts from now on knows that.

        Returns the workers that it had started before, (number, pid). Raises TimeoutError or ConnectionError without an answer,
        ValueError with its reason where it refuses.
        """
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._roster_answers[number] = future
        try:
            self._send_file({"command": "roster", "change": change, "number": number, "has_file": True}, content.encode())
            async with asyncio.timeout(_ROSTER_TIMEOUT_S):
                answer = await future
        finally:
            del self._roster_answers[number]
        if answer.get("fault"):
            raise ValueError(answer["fault"])
        return [(int(worker), int(pid)) for worker, pid in answer["workers"]]

    def _send_file(self, message: dict[str, Any], content: bytes) -> None:
        fd = os.memfd_create("fastlb", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(fd), "wb") as file:
                file.write(content)
            socket.send_fds(self._channel, [json.dumps(message).encode() + b"\n"], [fd])
        except BlockingIOError:
            raise ConnectionError("the master does not read") from None
        finally:
            os.close(fd)

    def _readable(self, loop: asyncio.AbstractEventLoop) -> None:
        fds: list[int] = []
        try:
            received, fds, _, _ = socket.recv_fds(self._channel, _MAX_LINE, _MOST_FILES)
        except BlockingIOError:
            return
        except ConnectionError:
            received = b""
        for fd in fds:
            self._take_file(fd)
        if not received:
            loop.remove_reader(self._channel.fileno())
            self._on_end()
            return
        *lines, rest = (self._received + received).split(b"\n")
        self._received = rest[-_MAX_LINE:]
        for line in lines:
            with contextlib.suppress(ValueError):
                self.take(json.loads(line))

    def _take_file(self, fd: int) -> None:
        with os.fdopen(fd, "rb") as file:
            file.seek(0)
            answer = json.loads(file.read())
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def take(self, event: dict[str, Any]) -> None:
        """Logs what changed in the program's own processes; the master has printed it on the terminal already."""
        if event.get("event") == "worker-died" and not event.get("expected"):
            self._journal.program(fmt.ALERT, f"Worker {event['worker']} ({event['pid']}) {event['status']}: it is restarted.")
        elif event.get("event") == "control-restarted":
            self._journal.program(fmt.ALERT, f"{event['end']}: it is restarted.")
        elif event.get("event") == "stopping":
            self._on_stopping()
        elif event.get("event") == "replaced":
            self._on_replaced()
        elif event.get("event") == "roster":
            future = self._roster_answers.get(event.get("number", 0))
            if future is not None and not future.done():
                future.set_result(event)
        elif event.get("event") == "reload-failed":
            self._journal.program(fmt.WARNING, "Reload refused: the running configuration stays in force.")
