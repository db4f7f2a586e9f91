"""Stick tables for the core: numbers for names.

Knows what bridge/layout_stick takes. Must not know its memory.
"""

from __future__ import annotations

from typing import Any

from ..config.model import StickTable
from ..config.stick_types import DATA_NUMBERS, KEY_TYPES


def table_values(table: StickTable) -> dict[str, Any]:
    """The table as bridge/layout_stick.pxd wants it."""
    return {
        "key_type": KEY_TYPES[table.type][0],
        "key_size": table.length,
        "size": table.size,
        "expire_ms": table.expire_ms or 0,
        "nopurge": table.nopurge,
        "srvkey_addr": table.srvkey == "addr",
        "store": [(DATA_NUMBERS[data.name], data.elements, data.period_ms) for data in table.store],
    }
