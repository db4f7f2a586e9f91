"""Sample fetches of HTTP messages and of buffer contents (manual, sections 7.3.5 and 7.3.6).

Knows their types, arguments and where they may be used. Must not know how they are computed.
"""

from __future__ import annotations

from .row import FetchRow
from .types import SINT, STR, Source

FETCHES: tuple[FetchRow, ...] = (
    FetchRow("path", STR, (Source.REQUEST_HEADERS,), manual="7.3.6"),
    FetchRow("status", SINT, (Source.RESPONSE_HEADERS,), manual="7.3.6"),
    FetchRow("path_beg", STR, (Source.REQUEST_HEADERS,), manual="7.3.6", core="path", match="beg"),
)
