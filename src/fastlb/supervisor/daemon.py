"""Going to the background, and the pid file.

Knows double fork and how the starting process learns the outcome: it waits on a pipe, so that `fastlb -D` ends with 0 only
once the workers serve. Must not know what is being started.
"""

from __future__ import annotations

import contextlib
import os
from typing import TextIO


class PidFile:
    """`pidfile` or -p: truncated at the start, so that no stale pid stands in it, filled once the program serves."""

    def __init__(self, path: str) -> None:
        """Creates or empties the file; raises OSError. "" for none."""
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644) if path else -1

    def write(self) -> None:
        """Writes the pid of the calling process, once."""
        if self._fd >= 0:
            os.write(self._fd, b"%d\n" % os.getpid())
            self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Background:
    """The life of a daemon's start: `enter` in the terminal's process, then in the daemon `detach` before it has children and
    `succeeded` or `failed`. Does nothing before `enter`.
    """

    def __init__(self) -> None:
        self._report_fd = -1
        self._terminal: TextIO | None = None

    def enter(self) -> None:
        """Returns in the daemon only; the process that called ends with the status that the daemon reports."""
        read_fd, self._report_fd = os.pipe()
        pid = os.fork()
        if pid:
            os.close(self._report_fd)
            os.waitpid(pid, 0)
            report = os.read(read_fd, 1)
            # End of file without a report: the daemon died, whatever the reason.
            os._exit(report[0] if report else 1)
        os.close(read_fd)
        os.setsid()
        # The second fork: not a session leader any more, so no terminal can become ours by opening it.
        if os.fork():
            os._exit(0)

    def detach(self) -> TextIO | None:
        """Gives up standard input, output and error, so that no child holds a terminal or a pipe of whoever started us.

        Returns where the daemon itself may still write until `succeeded`; None before `enter`.
        """
        if self._report_fd < 0:
            return None
        self._terminal = os.fdopen(os.dup(2), "w", errors="replace")
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        if null > 2:
            os.close(null)
        return self._terminal

    def forget_in_child(self) -> None:
        """In a child of the daemon: the terminal and the report are the daemon's."""
        self._close_terminal()
        self._report(None)

    def succeeded(self) -> None:
        """Lets go of the terminal, then lets the starting process end with 0."""
        self._close_terminal()
        self._report(0)

    def failed(self, status: int) -> None:
        self._report(status)

    def _close_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None

    def _report(self, status: int | None) -> None:
        if self._report_fd < 0:
            return
        if status is not None:
            with contextlib.suppress(OSError):
                os.write(self._report_fd, bytes([status & 0xFF]))
        os.close(self._report_fd)
        self._report_fd = -1
