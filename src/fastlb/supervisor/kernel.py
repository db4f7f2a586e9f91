"""prctl(2) and capset(2), which Python's library lacks.

Knows the constants of <sys/prctl.h> and <linux/capability.h>. Must not know who is to be killed or renamed.
"""

from __future__ import annotations

import ctypes
import os

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38

_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = {"cap_net_bind_service": 10, "cap_net_admin": 12, "cap_net_raw": 13, "cap_sys_admin": 21}

_libc: ctypes.CDLL | None = None


def _prctl(option: int, argument: object) -> None:
    zero = ctypes.c_ulong(0)
    _check(_library().prctl(option, argument, zero, zero, zero))


def _library() -> ctypes.CDLL:
    global _libc
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    return _libc


def _check(status: int) -> None:
    if status != 0:
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


def keep_capabilities() -> None:
    """A change of user leaves the permitted capabilities as they are; `limit_capabilities` must follow."""
    _prctl(_PR_SET_KEEPCAPS, ctypes.c_ulong(1))


def limit_capabilities(names: tuple[str, ...]) -> None:
    """This process has these capabilities and no others. Raises OSError."""
    bits = sum(1 << _CAPABILITIES[name] for name in names)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable, of the low and of the high word.
    sets = (ctypes.c_uint32 * 6)(bits, bits, 0, 0, 0, 0)
    _check(_library().capset(header, sets))
