"""`do-log`: a log line in the middle of a rule set (manual of 3.1, section 4.4).

Knows its arguments. Must not know profiles beyond their names (config/log_profiles.py).
"""

from __future__ import annotations

from ..rule import RuleValue
from ..samples.values import LogProfileRef
from .row import ActionFault, ActionReader, ActionRow


def _do_log(reader: ActionReader) -> tuple[RuleValue, ...]:
    if not reader.has_word():
        return (None,)
    word = reader.word("")
    if word != "profile":
        raise ActionFault(f"unexpected argument '{word}'", reader.at - 1, 0, "do-log [profile <name>]", "unexpected-argument")
    if not reader.has_word():
        raise ActionFault("'profile' expects the name of a log-profile section", code="missing-argument")
    return (LogProfileRef(reader.word("")),)


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("do-log", "cstrHRA", _do_log, grammar="[profile <name>]", manual="4.4", since="3.1"),
)
