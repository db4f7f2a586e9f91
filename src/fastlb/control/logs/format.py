"""The header of a log line in each of the formats of a `log` line (manual, section 4.2 "log ... format").

Knows levels, facilities and dates. Must not know sockets. The worker formats its own lines in C; both must agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO, DEBUG = range(8)

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit", "alert"),
    *("cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)

# Read the time zone now: after a chroot there is no /etc/localtime.
time.tzset()

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who speaks: `hostname` is "" unless log-send-hostname gives one; `pid` is the program's."""

    tag: str
    hostname: str
    pid: int


def priority(facility: str, level: int) -> int:
    """The number between the angle brackets (RFC 5424, section 6.2.1)."""
    return FACILITIES.index(facility) * 8 + level


def level_of(name: str) -> int:
    return LEVELS.index(name)


def header(style: str, facility: str, level: int, origin: Origin, now: float) -> str:
    """What stands before the message; `now` is seconds since the epoch. KeyError for an unknown format."""
    return _HEADERS[style](priority(facility, level), level, origin, now)


def _rfc3164_date(now: float) -> str:
    local = time.localtime(now)
    return f"{_MONTHS[local.tm_mon - 1]} {local.tm_mday:2d} {local.tm_hour:02d}:{local.tm_min:02d}:{local.tm_sec:02d}"


def iso_date(now: float) -> str:
    """Microseconds and the offset with a colon, as HAProxy writes them (RFC 3339)."""
    seconds = int(now)
    local = time.localtime(seconds)
    offset = time.strftime("%z", local)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)}.{int((now - seconds) * 1e6):06d}{offset[:3]}:{offset[3:]}"


def _rfc3164(number: int, level: int, origin: Origin, now: float) -> str:
    # haproxy: without log-send-hostname
    return f"<{number}>{_rfc3164_date(now)} {origin.hostname or 'localhost'} {origin.tag}[{origin.pid}]: "


def _local(number: int, level: int, origin: Origin, now: float) -> str:
    return f"<{number}>{_rfc3164_date(now)} {origin.tag}[{origin.pid}]: "


def _rfc5424(number: int, level: int, origin: Origin, now: float) -> str:
    return f"<{number}>1 {iso_date(now)} {origin.hostname or '-'} {origin.tag} {origin.pid} - - "


_HEADERS: dict[str, Callable[[int, int, Origin, float], str]] = {
    "rfc3164": _rfc3164,
    "local": _local,
    "rfc5424": _rfc5424,
    "raw": lambda number, level, origin, now: "",
    "short": lambda number, level, origin, now: f"<{level}>",
    "timed": lambda number, level, origin, now: f"<{level}>{iso_date(now)} ",
    "priority": lambda number, level, origin, now: f"<{number}>",
    "iso": lambda number, level, origin, now: f"{iso_date(now)} ",
}
