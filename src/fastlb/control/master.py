"""What the master tells the control process: JSON objects, one a line (fastlb/supervisor/channel.py has the other end).

Knows the framing and which events an operator wants in the log. The end of file says that the master is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

from fastlb.control.logs import format as fmt
from fastlb.control.logs.journal import Journal

_MAX_LINE = 65536


class MasterChannel:
    """Reads the master's events. channel: a connected socket.

    on_end: called once when the master is gone. on_stopping: no connection is accepted any more. on_replaced: neither, and
    another generation serves.
    """

    def __init__(
        self,
        channel: socket.socket,
        journal: Journal,
        on_end: Callable[[], None],
        on_stopping: Callable[[], None] = lambda: None,
        on_replaced: Callable[[], None] = lambda: None,
    ) -> None:
        self._channel = channel
        self._journal = journal
        self._on_end = on_end
        self._on_stopping = on_stopping
        self._on_replaced = on_replaced
        self._received = b""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watches the channel from here on."""
        self._channel.setblocking(False)
        loop.add_reader(self._channel.fileno(), self._readable, loop)

    def _readable(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            received = self._channel.recv(_MAX_LINE)
        except BlockingIOError:
            return
        except ConnectionError:
            received = b""
        if not received:
            loop.remove_reader(self._channel.fileno())
            self._on_end()
            return
        *lines, rest = (self._received + received).split(b"\n")
        self._received = rest[-_MAX_LINE:]
        for line in lines:
            with contextlib.suppress(ValueError):
                self.take(json.loads(line))

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
        elif event.get("event") == "reload-failed":
            self._journal.program(fmt.WARNING, "Reload refused: the running configuration stays in force.")
