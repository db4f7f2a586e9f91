"""What sections say that are neither global nor proxies: users, pages of errors, name servers.

Part of the typed model (model.py), which has the others: logs in log_model.py, `fcgi-app` beside the proxy that stands for it.
Must not know keywords.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Address, Location


@dataclass(slots=True)
class User:
    """A `user` of a userlist. password: as crypt(3) writes it, or the very word where is_plain. None: nobody can log in."""

    name: str
    password: str | None = None
    is_plain: bool = False
    groups: list[str] = field(default_factory=list)


@dataclass(slots=True)
class UserList:
    """`userlist`: users and groups (name -> the users that its line names; a user's line may name groups as well)."""

    location: Location
    name: str
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class HttpErrors:
    """`http-errors`: status -> the complete bytes to send."""

    location: Location
    name: str
    pages: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NameServer:
    """One `nameserver` line; is_tcp: asked over a stream."""

    name: str
    address: Address
    is_tcp: bool = False


_HOLD_MS = {"nx": 30_000, "refused": 30_000, "timeout": 30_000, "other": 30_000, "valid": 10_000, "obsolete": 0}


@dataclass(slots=True)
class Resolvers:
    """A `resolvers` section (manual, section 5.3.2), milliseconds. hold_ms: by status."""

    location: Location
    name: str
    servers: list[NameServer] = field(default_factory=list)
    payload_size: int = 512
    retries: int = 3
    resolve_ms: int = 1000
    retry_ms: int = 1000
    hold_ms: dict[str, int] = field(default_factory=lambda: dict(_HOLD_MS))
