"""Actions on stick tables: track-sc, sc-inc-gpc, sc-add-gpc, sc-set-gpt.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy/action_tracking.pyx).
"""

from __future__ import annotations

from collections.abc import Callable

from ..rule import RuleValue
from ..samples.values import TableRef
from ..stick_types import DATA_NUMBERS, MAX_ELEMENTS
from .row import ActionFault, ActionReader, ActionRow

Parse = Callable[[ActionReader], tuple[RuleValue, ...]]
# `tune.stick-counters` at most (TRACK_MAX of track.pxd); a name for each, because the number is part of the word.
MAX_COUNTERS = 12


def _counter(reader: ActionReader, text: str, bad: str, most: str) -> int:
    """The number of a tracked counter. bad, most: HAProxy's words for no number, and for one too high."""
    if not text.isascii() or not text.isdigit():
        raise ActionFault(bad)
    last = reader.st.reading.configuration.global_.stick_counters - 1
    if int(text) > last:
        raise ActionFault(most.format(last), hint="tune.stick-counters says how many there are")
    return int(text)


def _track(number: int | None) -> Parse:
    """`track-sc<n> <key> [table <table>]`: counter, key, table."""

    def parse(reader: ActionReader) -> tuple[RuleValue, ...]:
        # haproxy: without a number it is the first counter.
        counter = _counter(reader, str(number or 0), "", f"{number} track-sc number exceeding {{0}} (MAX_SESS_STKCTR-1) value")
        key = reader.expression()
        table = ""
        if reader.peek() == "table":
            reader.at += 1
            table = reader.word("missing table name")
        return counter, key, TableRef(table)

    return parse


def _ids(reader: ActionReader, name: str, is_array: bool) -> tuple[int, int]:
    """(index, counter) of what stands in the parenthesis; without one both are 0, as with HAProxy."""
    text = reader.parenthesis
    if text is None:
        return 0, 0
    word = f"{name}({text})"
    if not is_array:
        bad = f"invalid stick table track ID. Expects {word}(<Track ID>)"
        return 0, _counter(reader, text, bad, "invalid stick table track ID. The max allowed ID is {0}")
    kind = "gpt" if name.endswith("gpt") else "gpc"
    usage = f"Expects {name}(<{kind.upper()} ID>,<Track ID>)"
    first, comma, second = text.partition(",")
    if not comma or (first and not (first.isascii() and first.isdigit())):
        raise ActionFault(f"Missing {kind} ID '{word}'. {usage}")
    counter = _counter(
        reader,
        second,
        f"invalid stick table track ID '{word}'. {usage}",
        f"invalid stick table track ID '{word}'. The max allowed ID is {{0}}",
    )
    # haproxy: an element that no table can have is taken, and does nothing.
    return min(int(first or 0), MAX_ELEMENTS), counter


def _value(reader: ActionReader) -> RuleValue:
    """A number, or an expression that gives one; haproxy: at the end of the line it is 0."""
    if reader.at >= len(reader.words):
        return 0
    word = reader.words[reader.at] if reader.has_word() else ""
    digits = word[1:] if word.startswith("-") else word
    if digits.isascii() and digits.isdigit():
        reader.at += 1
        return int(word) & 0xFFFFFFFF
    return reader.expression()


def _inc(name: str, data: str) -> Parse:
    """Counter, data type, index, how many."""

    def parse(reader: ActionReader) -> tuple[RuleValue, ...]:
        index, counter = _ids(reader, name, data == "gpc")
        return counter, DATA_NUMBERS[data], index, 1

    return parse


def _with_value(name: str, data: str) -> Parse:
    """Counter, data type, index, value."""

    def parse(reader: ActionReader) -> tuple[RuleValue, ...]:
        index, counter = _ids(reader, name, data in ("gpc", "gpt"))
        return counter, DATA_NUMBERS[data], index, _value(reader)

    return parse


def _tracks() -> list[ActionRow]:
    grammar = "<key> [table <table>]"
    return [
        ActionRow(f"track-sc{'' if number is None else number}", "cstHR", _track(number), grammar=grammar, core="track-sc")
        for number in (None, *range(MAX_COUNTERS))
    ]


def _both(name: str, grammar: str, parse: Parse, core: str, since: str = "") -> list[ActionRow]:
    """The action with its parenthesis, which HAProxy does not insist on."""
    return [ActionRow(name, "cstrHRA", parse, True, grammar, since=since, core=core, needs_parenthesis=False)]


ACTIONS: tuple[ActionRow, ...] = (
    *_tracks(),
    *_both("sc-inc-gpc", "(<idx>,<sc-id>)", _inc("sc-inc-gpc", "gpc"), "sc-add-gpc"),
    *_both("sc-inc-gpc0", "(<sc-id>)", _inc("sc-inc-gpc0", "gpc0"), "sc-add-gpc"),
    *_both("sc-inc-gpc1", "(<sc-id>)", _inc("sc-inc-gpc1", "gpc1"), "sc-add-gpc"),
    *_both("sc-add-gpc", "(<idx>,<sc-id>) { <int> | <expr> }", _with_value("sc-add-gpc", "gpc"), "sc-add-gpc", "2.8"),
    *_both("sc-set-gpt", "(<idx>,<sc-id>) { <int> | <expr> }", _with_value("sc-set-gpt", "gpt"), "sc-set-gpt"),
    *_both("sc-set-gpt0", "(<sc-id>) { <int> | <expr> }", _with_value("sc-set-gpt0", "gpt0"), "sc-set-gpt"),
)
