"""The master's signals as a queue that its loop reads.

Knows the wake-up descriptor of Python's signal module. Must not know what a signal asks for.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

HANDLED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGCHLD,
)


class SignalQueue:
    """Catches HANDLED; `fileno` becomes readable when one arrived."""

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def install(self) -> None:
        """Takes the signals over from their default actions. A write to a closed stderr must not end the master."""
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in HANDLED:
            signal.signal(number, _ignore)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)

    def fileno(self) -> int:
        return self._read_fd

    def take(self) -> list[int]:
        """The signals that arrived since the last call, in their order, each once."""
        try:
            return list(dict.fromkeys(os.read(self._read_fd, 512)))
        except BlockingIOError:
            return []

    def close_in_child(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor has got the number already."""


def die_of(number: int) -> None:
    """Ends this process by the signal's default action, as if it had never been caught."""
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    signal.pause()
