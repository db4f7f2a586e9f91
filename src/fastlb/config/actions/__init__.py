"""The tables of actions, listed by name.

Knows all tables. Must not know how a rule is written (config/rules.py).
"""

from __future__ import annotations

from . import (
    answers,
    captures,
    connection,
    filters,
    flow,
    headers,
    logs,
    missing,
    request_line,
    resolve,
    service,
    tracking,
    variables,
)
from .row import ActionRow

_PRESENT: tuple[ActionRow, ...] = (
    *flow.ACTIONS,
    *answers.ACTIONS,
    *headers.ACTIONS,
    *request_line.ACTIONS,
    *resolve.ACTIONS,
    *service.ACTIONS,
    *variables.ACTIONS,
    *tracking.ACTIONS,
    *connection.ACTIONS,
    *captures.ACTIONS,
    *logs.ACTIONS,
    *filters.ACTIONS,
)
ROWS = (*_PRESENT, *missing.rows(_PRESENT))
# The same name may mean different things in different rule sets (`capture`), so the key is (letter of the set, name).
ACTIONS: dict[tuple[str, str], ActionRow] = {(letter, row.name): row for row in ROWS for letter in row.sets}
