"""The `map` family of converters (manual, section 7.3.1 "map").

Knows their forms: what is matched how, and what a value is read as. Must not know files' contents.
"""

from __future__ import annotations

from .row import ConverterRow

CONVERTERS: tuple[ConverterRow, ...] = ()
