"""Converters of text, numbers, encodings, dates and addresses (manual, section 7.3.1).

Knows their types and arguments. Must not know how they are computed (ext/fastlb_core/program/conv_text.pyx and its kin).
"""

from __future__ import annotations

from .row import ConverterRow
from .types import STR

CONVERTERS: tuple[ConverterRow, ...] = (
    ConverterRow("lower", STR, STR),
    ConverterRow("upper", STR, STR),
)
