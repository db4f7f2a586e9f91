"""Actions on filters: set-bandwidth-limit.

Knows its arguments (manual, section 4.2). Must not know how it acts (ext/fastlb_core/proxy/action_filters.pyx), nor whether the
filter exists: that is known when all files are read (config/filter_references.py).
"""

from __future__ import annotations

from collections.abc import Callable

from ..rule import RuleValue
from ..samples.types import SINT
from ..values import TimeFault, ValueFault, parse_size, parse_time
from .row import ActionFault, ActionReader, ActionRow


def _amount(reader: ActionReader, option: str, parse: Callable[[str], int]) -> RuleValue:
    """A size or a time where the word begins with a digit, else an expression that gives one."""
    if not reader.has_word():
        raise ActionFault(f"missing value for option '{option}'", reader.at, code="missing-argument")
    if not reader.peek()[:1].isdigit():
        return reader.expression(SINT)
    word = reader.word("")
    try:
        value = parse(word)
    except (TimeFault, ValueFault):
        value = 0
    if value <= 0:
        raise reader.fault(f"invalid value '{word}' for option '{option}' (unexpected character or null value)")
    return value


def _bandwidth(reader: ActionReader) -> tuple[RuleValue, ...]:
    """Name of the filter, limit in bytes, period in ms; None for the filter's own."""
    if reader.st.draft and reader.st.draft.kind == "defaults":
        raise ActionFault("bwlim filters cannot be declared in a 'defaults' section, nor used from there", code="wrong-section")
    if not reader.has_word():
        raise ActionFault("missing name of a bwlim filter", code="missing-argument")
    name = reader.word("")
    given: dict[str, RuleValue] = {"limit": None, "period": None}
    while (option := reader.peek()) in given:
        reader.at += 1
        given[option] = _amount(reader, option, parse_size if option == "limit" else parse_time)
    return name, given["limit"], given["period"]


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow(
        "set-bandwidth-limit",
        "trHR",
        _bandwidth,
        grammar="<name> [limit {<size> | <expr>}] [period {<time> | <expr>}]",
        since="2.7",
    ),
)
