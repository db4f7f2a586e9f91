"""The master's line to the control process: JSON objects, one a line, both ways over a unix socket pair.

Knows the framing and that the other end may vanish at any time. Must not know what the objects mean.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket

_MAX_LINE = 65536


class Channel:
    """The master's end; `theirs` is what the control process inherits."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._ours.setblocking(False)
        self._received = b""

    def fileno(self) -> int:
        return self._ours.fileno()

    def close_theirs(self) -> None:
        """In the master once the control process has its copy, so that its death is seen as end of file."""
        self.theirs.close()

    def close(self) -> None:
        self._ours.close()
        self.theirs.close()

    def send(self, message: dict[str, object]) -> None:
        """Sends without waiting; a control process that reads nothing any more loses the message."""
        with contextlib.suppress(OSError):
            self._ours.send(json.dumps(message).encode() + b"\n")

    def send_file(self, message: dict[str, object], content: bytes) -> None:
        """Sends a file in memory, which only the two processes can read, beside the message."""
        fd = os.memfd_create("fastlb", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(fd), "wb") as file:
                file.write(content)
            with contextlib.suppress(OSError):
                socket.send_fds(self._ours, [json.dumps(message).encode() + b"\n"], [fd])
        finally:
            os.close(fd)

    def receive(self) -> list[dict[str, object]] | None:
        """The objects that arrived since the last call; None when the other end is gone."""
        try:
            received = self._ours.recv(_MAX_LINE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not received:
            return None
        *lines, self._received = (self._received + received).split(b"\n")
        self._received = self._received[-_MAX_LINE:]
        messages = []
        for line in lines:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    messages.append(message)
        return messages
