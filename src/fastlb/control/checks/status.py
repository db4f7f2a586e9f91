"""What a check can find: HAProxy's statuses with their numbers, short names and texts (manual, section 9.1 "check_status").

Knows the table only. The number is what stands in the arena and in `show servers state`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Status(IntEnum):
    """HAProxy's check statuses that fastlb produces; the numbers are those of `show servers state`."""

    UNK = 0
    INI = 1
    CHECKED = 3
    HANA = 4
    SOCKERR = 5
    L4OK = 6
    L4TOUT = 7
    L4CON = 8
    L6OK = 9
    L6TOUT = 10
    L6RSP = 11
    L7TOUT = 12
    L7RSP = 13
    L7OK = 15
    L7OKC = 16
    L7STS = 17
    PROCERR = 18
    PROCTOUT = 19
    PROCOK = 20


DESCRIPTIONS = {
    Status.UNK: "Unknown",
    Status.INI: "Initializing",
    Status.CHECKED: "No status change",
    Status.HANA: "Health analyze",
    Status.SOCKERR: "Socket error",
    Status.L4OK: "Layer4 check passed",
    Status.L4TOUT: "Layer4 timeout",
    Status.L4CON: "Layer4 connection problem",
    Status.L6OK: "Layer6 check passed",
    Status.L6TOUT: "Layer6 timeout",
    Status.L6RSP: "Layer6 invalid response",
    Status.L7TOUT: "Layer7 timeout",
    Status.L7RSP: "Layer7 invalid response",
    Status.L7OK: "Layer7 check passed",
    Status.L7OKC: "Layer7 check conditionally passed",
    Status.L7STS: "Layer7 wrong status",
    Status.PROCERR: "External check error",
    Status.PROCTOUT: "External check timeout",
    Status.PROCOK: "External check passed",
}

_PASSED = frozenset((Status.L4OK, Status.L6OK, Status.L7OK, Status.L7OKC, Status.PROCOK))
# Those whose code is shown.
WITH_CODE = frozenset((Status.L7OK, Status.L7OKC, Status.L7STS, Status.PROCERR, Status.PROCTOUT, Status.PROCOK))

# srv_check_result of `show servers state`
RESULT_UNKNOWN, RESULT_FAILED, RESULT_PASSED, RESULT_CONDPASS = 0, 2, 3, 4


class Result(NamedTuple):
    """How one check ended. `code` is the HTTP status, a program's exit status, or -1; `info` what was said, "" for nothing."""

    status: Status
    code: int = -1
    info: str = ""

    @property
    def has_passed(self) -> bool:
        return self.status in _PASSED

    @property
    def has_code(self) -> bool:
        """Whether its code is shown. haproxy: a program that a signal ended has -1."""
        return self.status in WITH_CODE and (self.code >= 0 or self.status is Status.PROCERR)


def known(number: int) -> Status:
    """The status for a number found in the arena; UNK for one that no version of this program wrote."""
    try:
        return Status(number)
    except ValueError:
        return Status.UNK


def result_number(status: Status) -> int:
    """srv_check_result for a finished check of that status."""
    if status in (Status.UNK, Status.INI):
        return RESULT_UNKNOWN
    if status is Status.L7OKC:
        return RESULT_CONDPASS
    return RESULT_PASSED if status in _PASSED else RESULT_FAILED
