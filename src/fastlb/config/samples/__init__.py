"""The tables of sample fetches and converters, listed by name.

Knows all tables. Must not know how an expression is written (`config/expressions.py`).
"""

from __future__ import annotations

from . import (
    convert_hash,
    convert_map,
    convert_text,
    convert_token,
    fetch_buffer,
    fetch_http,
    fetch_layer4,
    fetch_state,
    fetch_tls,
    fetch_track,
    fetch_vars,
    missing,
)
from .row import ConverterRow, FetchRow

FETCHES: dict[str, FetchRow] = {
    row.name: row
    for row in (
        *fetch_state.FETCHES,
        *fetch_layer4.FETCHES,
        *fetch_tls.FETCHES,
        *fetch_http.FETCHES,
        *fetch_buffer.FETCHES,
        *fetch_track.FETCHES,
        *fetch_vars.FETCHES,
    )
}
CONVERTERS: dict[str, ConverterRow] = {
    row.name: row
    for row in (
        *convert_text.CONVERTERS,
        *convert_hash.CONVERTERS,
        *convert_token.CONVERTERS,
        *convert_map.CONVERTERS,
        *fetch_track.CONVERTERS,
        *fetch_state.CONVERTERS,
    )
}
FETCHES |= {row.name: row for row in missing.fetches(FETCHES)}
CONVERTERS |= {row.name: row for row in missing.converters(CONVERTERS)}
# Words that an ACL may begin with besides a fetch's name; where both have a name (`path`), the ACL takes this one.
ACL_FETCHES: dict[str, FetchRow] = {
    row.name: row for row in (*fetch_http.DERIVATIVES, *fetch_buffer.DERIVATIVES, *fetch_tls.DERIVATIVES)
}
