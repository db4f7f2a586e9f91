"""What `cookie` says of a backend; part of the typed model (model.py). Must not know keywords."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Location


@dataclass(slots=True)
class CookiePersistence:
    """`cookie <name> ...` of a backend (manual, section 4.2).

    flags: the words that stand alone, "dynamic" among them.
    max_idle_s, max_life_s: seconds, 0 for no limit. attributes: of `attr`, as written.
    """

    location: Location
    name: str
    flags: set[str] = field(default_factory=set)
    domains: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    max_idle_s: int = 0
    max_life_s: int = 0
