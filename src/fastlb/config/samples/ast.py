"""Parsed expressions and log formats: the typed tree between the text of a rule and the program.

Knows rows and values. Must not know how they are written (config/expressions.py, config/logformat.py) nor how they run.
"""

from __future__ import annotations

from dataclasses import dataclass

from .row import ConverterRow, FetchRow
from .types import SAME, SampleType
from .values import Value


@dataclass(frozen=True, slots=True)
class Conversion:
    """One converter of a chain with its arguments (`check` has seen them)."""

    row: ConverterRow
    arguments: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """A sample fetch, its arguments, and the converters behind it. text: as written, for messages."""

    row: FetchRow
    arguments: tuple[Value, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    text: str = ""

    @property
    def output(self) -> SampleType:
        """The type of the result, as far as it is known before it runs."""
        output = self.row.output
        for conversion in self.conversions:
            if conversion.row.output is not SAME:
                output = conversion.row.output
        return output
