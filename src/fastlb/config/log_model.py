"""The part of the model that log lines are about: targets, profiles and rings.

Knows them as plain dataclasses, as `model.py` does, which is where its objects come together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .logformat import LogFormat
    from .model import Address, Location


@dataclass(slots=True)
class LogTarget:
    """One `log` line (manual, section 4.2 "log"); `address` is None for stdout, stderr and fd targets.

    format: "rfc3164" where the line names none. with_hostname: the line names rfc3164, which asks for the host name; the
    default leaves it out unless `log-send-hostname` is set.
    """

    location: Location
    address: Address | None
    fd: int = -1
    facility: str = "local0"
    level: str = "debug"
    min_level: str = "emerg"
    format: str = "rfc3164"
    with_hostname: bool = False
    max_length: int = 1024
    sample_ranges: list[tuple[int, int]] = field(default_factory=list)
    sample_size: int = 0
    profile: str = ""  # name of a log-profile section
    ring: str = ""  # where the lines go instead of `address`; of a stream target after `resolve`
    is_stream: bool = False  # `address` is asked for by a stream
    has_length: bool = False  # the line has `len`


@dataclass(frozen=True, slots=True)
class RingServer:
    """Where a ring's lines go, over a stream; is_counted: each with its length before it (RFC 6587, 3.4.1)."""

    name: str
    address: Address
    is_counted: bool = False


@dataclass(slots=True)
class Ring:
    """A `ring` section (manual, section 3.9). size and max_length in bytes; times of 0: no limit."""

    location: Location
    name: str
    description: str = ""
    format: str = "raw"
    max_length: int = 16384
    size: int = 16384
    connect_ms: int = 0
    server_ms: int = 0
    servers: list[RingServer] = field(default_factory=list)


@dataclass(slots=True)
class LogStep:
    """`on <step>` of a log profile; without a format the proxy's own holds."""

    is_dropped: bool = False
    format: LogFormat | None = None
    sd: LogFormat | None = None


@dataclass(slots=True)
class LogProfile:
    """A `log-profile` section. tag: "" for the proxy's. steps: by name."""

    location: Location
    name: str
    tag: str = ""
    steps: dict[str, LogStep] = field(default_factory=dict)
