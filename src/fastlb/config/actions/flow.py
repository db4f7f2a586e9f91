"""Actions that decide about a request or connection: accept, reject, deny, return, tarpit, redirect, silent-drop.

Knows their arguments. Must not know how answers are sent (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from ..rule import RuleValue
from .row import ActionReader, ActionRow


def _nothing(reader: ActionReader) -> tuple[RuleValue, ...]:
    return ()


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("accept", "cstr", _nothing, is_final=True, core="allow"),
    ActionRow("allow", "HRAS", _nothing, is_final=True),
    ActionRow("reject", "cstrH", _nothing, is_final=True),
)
