"""The keyword tables, listed by name: what a statement may be, where, and what fastlb does with it.

Knows all tables and how a statement's row is found. Must not know what any keyword means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from . import (
    balance,
    bind,
    capture,
    check,
    check_rules,
    client_address,
    compression,
    environment,
    errors,
    external_check,
    fcgi,
    filters,
    global_,
    http_options,
    legacy,
    log,
    options,
    persist,
    proxy,
    rules,
    server,
    server_link,
    server_state,
    sockets,
    stats,
    stick,
    timeouts,
    tls_global,
    unsupported,
    variables,
)
from .row import GlobalKeyword, ProxyKeyword, Row

RowT = TypeVar("RowT", bound=Row)
Table = Mapping[str, RowT | dict[str, RowT]]

GLOBAL_ROWS: tuple[GlobalKeyword, ...] = (
    *global_.GLOBAL,
    *environment.GLOBAL,
    *sockets.GLOBAL,
    *http_options.GLOBAL,
    *log.GLOBAL,
    *stats.GLOBAL,
    *variables.GLOBAL,
    *external_check.GLOBAL,
    *legacy.GLOBAL,
    *compression.GLOBAL,
    *tls_global.GLOBAL,
    *server_state.GLOBAL,
    *unsupported.GLOBAL,
)
PROXY_ROWS: tuple[ProxyKeyword, ...] = (
    *proxy.PROXY,
    *bind.PROXY,
    *server.PROXY,
    *server_link.PROXY,
    *balance.PROXY,
    *timeouts.PROXY,
    *options.PROXY,
    *client_address.PROXY,
    *http_options.PROXY,
    *check.PROXY,
    *check_rules.PROXY,
    *external_check.PROXY,
    *log.PROXY,
    *capture.PROXY,
    *errors.PROXY,
    *rules.PROXY,
    *stats.PROXY,
    *stick.PROXY,
    *compression.PROXY,
    *fcgi.PROXY,
    *filters.PROXY,
    *persist.PROXY,
    *server_state.PROXY,
    *legacy.PROXY,
    *unsupported.PROXY,
)

# What HAProxy says about the second word of a keyword of two words: (missing, unknown).
SECOND_WORD: dict[str, tuple[str, str]] = {
    "option": ("'option' expects an option name.", options.UNKNOWN),
    "timeout": (timeouts.UNKNOWN.format(""), timeouts.UNKNOWN),
    "stats": (stats.MISSING, stats.UNKNOWN),
    **capture.SECOND_WORD,
    **rules.SECOND_WORD,
    **stick.SECOND_WORD,
    **http_options.SECOND_WORD,
}
SECOND_WORD_GLOBAL: dict[str, tuple[str, str]] = {"stats": (stats.UNKNOWN_GLOBAL.format(""), stats.UNKNOWN_GLOBAL)}


def index(rows: Sequence[RowT]) -> dict[str, RowT | dict[str, RowT]]:
    """Rows by first word; keywords of two words are in a second dictionary by their second word."""
    table: dict[str, RowT | dict[str, RowT]] = {}
    for row in rows:
        first, _, second = row.name.partition(" ")
        if not second:
            table[first] = row
            continue
        group = table.setdefault(first, {})
        if isinstance(group, dict):
            group[second] = row
    return table


GLOBAL = index(GLOBAL_ROWS)
PROXY = index(PROXY_ROWS)


def rows() -> Iterator[Row]:
    """Every row of every table, for `-dKall` and the documentation."""
    yield from GLOBAL_ROWS
    yield from PROXY_ROWS
    yield from bind.BIND
    yield from server.SERVER
