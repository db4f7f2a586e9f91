"""The master's child processes: starting one, and how one ended.

Knows fork and wait statuses, and how long to wait before a child that keeps dying is started again. Must not know what
the children do.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

CONTROL = "Control"
WORKER = "Worker"

_STEADY_S = 10.0  # a child that lived so long died of something new
_DELAYS_S = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)

# What a terminal or an operator may send to the whole process group: the master decides, the children do not notice.
_MASTERS_SIGNALS = (
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGQUIT,
)


@dataclass(slots=True)
class Child:
    """One place for a child process, whether one runs there or not.

    role: CONTROL or WORKER. index: the worker's number. pid: 0 while none runs. started_at, restart_at: seconds of the
    monotonic clock; restart_at is None unless the place waits to be filled again. n_failures: deaths in a row.
    is_ready: the child serves. is_killed: we ended it. last_end: how it ended unasked, "" if it never did.
    """

    role: str
    index: int = 0
    pid: int = 0
    started_at: float = 0.0
    restart_at: float | None = None
    n_failures: int = 0
    is_ready: bool = False
    is_killed: bool = False
    last_end: str = ""

    @property
    def name(self) -> str:
        return f"{self.role} {self.index}" if self.role == WORKER else self.role

    def plan_restart(self, now: float) -> float:
        """Notes that the child died unasked; returns after how many seconds it is due again."""
        self.n_failures = 0 if now - self.started_at > _STEADY_S else self.n_failures
        delay = _DELAYS_S[min(self.n_failures, len(_DELAYS_S) - 1)]
        self.n_failures += 1
        self.restart_at = now + delay
        return delay


def spawn(run: Callable[[], int]) -> int:
    """Forks; the child runs `run()` and ends with the status it returns. Returns the child's pid.

    The child starts with the master's handlers gone and all signals blocked until `adopt_signals` ran in it.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        raise
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return pid
    status = 1
    try:
        _adopt_signals()
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        status = run()
    except BaseException:
        # Not the traceback module: after a chroot there is nothing to import from.
        sys.excepthook(*sys.exc_info())
    finally:
        # No interpreter shutdown: the parent's objects are not the child's to take down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _adopt_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in _MASTERS_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def describe(wait_status: int) -> str:
    """A wait status in haproxy's words: "exited with code 139 (Segmentation fault)"."""
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        return f"exited with code {128 + number} ({signal.strsignal(number)})"
    return f"exited with code {os.WEXITSTATUS(wait_status)} (Exit)"
