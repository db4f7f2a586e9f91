"""Sample fetches of the proxy's own state and of connections (manual, sections 7.3.2 to 7.3.4).

Knows their types, arguments and where they may be used. Must not know how they are computed.
"""

from __future__ import annotations

from .row import FetchRow
from .types import ADDR, BIN, BOOL, SINT, STR, Source

_IN = (Source.INTERNAL,)

FETCHES: tuple[FetchRow, ...] = (
    FetchRow("always_true", BOOL, _IN, manual="7.3.2"),
    FetchRow("always_false", BOOL, _IN, manual="7.3.2"),
    FetchRow("str", STR, _IN, "str", manual="7.3.2"),
    FetchRow("int", SINT, _IN, "int", manual="7.3.2"),
    FetchRow("bool", BOOL, _IN, "any", manual="7.3.2"),
    FetchRow("bin", BIN, _IN, "any", manual="7.3.2"),
    FetchRow("src", ADDR, (Source.CLIENT_ADDRESS,), manual="7.3.3"),
    FetchRow("src_port", SINT, (Source.CLIENT_ADDRESS,), manual="7.3.3"),
)
