"""The sample fetch of variables (manual, section 7.3.2).

Knows its arguments. Must not know stores or slots.
"""

from __future__ import annotations

from .check_words import variable
from .row import FetchRow
from .types import ANY, Source
from .values import Value


def _var(values: list[Value]) -> list[Value]:
    return [variable(values[0] if values else ""), *values[1:]]


FETCHES: tuple[FetchRow, ...] = (
    FetchRow("var", ANY, (Source.INTERNAL,), "any? str?", manual="7.3.2", check=_var),
)
