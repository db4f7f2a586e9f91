"""The master's line to the control process: JSON objects, one a line, both ways over a unix socket pair.

Knows the framing and that the other end may vanish at any time. Must not know what the objects mean.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket

_MAX_LINE = 65536
_MOST_FILES = 8  # that come with one receive
_MAX_FILE = 64 << 20


class Channel:
    """The master's end; `theirs` is what the control process inherits."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._ours.setblocking(False)
        self._received = b""
        self._files: list[int] = []

    def fileno(self) -> int:
        return self._ours.fileno()

    def close_theirs(self) -> None:
        """In the master once the control process has its copy, so that its death is seen as end of file."""
        self.theirs.close()

    def close(self) -> None:
        self._ours.close()
        self.theirs.close()
        for fd in self._files:
            os.close(fd)
        self._files.clear()

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
        """The objects that arrived since the last call; None when the other end is gone.

        One that says "has_file" came with a file in memory, whose bytes are its "content".
        """
        try:
            received, fds, _, _ = socket.recv_fds(self._ours, _MAX_LINE, _MOST_FILES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        self._files += fds
        if not received:
            return None
        *lines, self._received = (self._received + received).split(b"\n")
        self._received = self._received[-_MAX_LINE:]
        messages = []
        for line in lines:
            with contextlib.suppress(ValueError):
                message = json.loads(line)
                if isinstance(message, dict):
                    if message.get("has_file"):
                        message["content"] = self._next_file()
                    messages.append(message)
        return messages

    def _next_file(self) -> bytes:
        if not self._files:
            return b""
        with os.fdopen(self._files.pop(0), "rb") as file:
            return os.pread(file.fileno(), min(os.fstat(file.fileno()).st_size, _MAX_FILE), 0)
