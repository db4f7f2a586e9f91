"""prctl(2) calls that Python's library lacks.

Knows the constants of <sys/prctl.h>. Must not know who is to be killed or renamed.
"""

from __future__ import annotations

import ctypes
import os

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38

_libc: ctypes.CDLL | None = None


def _prctl(option: int, argument: object) -> None:
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if _libc.prctl(option, argument, zero, zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent(signal_number: int) -> None:
    """This process gets the signal when its parent dies.

    The kernel forgets this when the process changes its user: call it after that (prctl(2), PR_SET_PDEATHSIG).
    """
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal_number))


def allow_core_dumps() -> None:
    """Undoes the loss of core dumps and of /proc access that comes with a change of user."""
    _prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(1))


def set_name(name: str) -> None:
    """The name that `ps` and `top` show, at most 15 bytes."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def forbid_new_privileges() -> None:
    """No program that this process runs can gain privileges through set-user-id bits."""
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
