"""Going to the background, and the pid file.

Knows double fork and how the starting process learns the outcome: it waits on a pipe, so that `fastlb -D` ends with 0 only
once the workers serve. Must not know what is being started.
"""

from __future__ import annotations

import contextlib
import os


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
    """The life of a daemon's start: `enter` in the terminal's process, then `succeeded` or `failed` in the daemon."""

    def __init__(self) -> None:
        self._report_fd = -1

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

    def succeeded(self) -> None:
        """Lets go of the terminal, then lets the starting process end with 0."""
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        if null > 2:
            os.close(null)
        self._report(0)

    def failed(self, status: int) -> None:
        self._report(status)

    def _report(self, status: int) -> None:
        if self._report_fd < 0:
            return
        with contextlib.suppress(OSError):
            os.write(self._report_fd, bytes([status & 0xFF]))
        os.close(self._report_fd)
        self._report_fd = -1
