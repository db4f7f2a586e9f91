"""Sample fetches of stick tables and tracked counters: `sc*_`, `src_*`, `table_*` (manual, section 7.3.3).

Knows their types, arguments and where they may be used. Must not know tables' memory.
"""

from __future__ import annotations

from .row import ConverterRow, FetchRow

FETCHES: tuple[FetchRow, ...] = ()
CONVERTERS: tuple[ConverterRow, ...] = ()
