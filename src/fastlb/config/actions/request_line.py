"""Actions on the request line and the status: set-method, set-path, replace-uri, normalize-uri, set-status.

Knows their arguments (manual, section 4.2). Must not know how they act (ext/fastlb_core/proxy).
"""

from __future__ import annotations

from ..rule import RuleValue
from .row import ActionFault, ActionReader, ActionRow

# The numbers are those of ext/fastlb_core/http/normalize.pxd; an option's number is the one behind its normalizer's.
_NORMALIZERS = {
    "fragment-encode": 0,
    "fragment-strip": 1,
    "path-merge-slashes": 2,
    "path-strip-dot": 3,
    "path-strip-dotdot": 4,
    "percent-decode-unreserved": 6,
    "percent-to-uppercase": 8,
    "query-sort-by-name": 10,
}
_NORMALIZER_OPTIONS = {
    "path-strip-dotdot": "full",
    "percent-decode-unreserved": "strict",
    "percent-to-uppercase": "strict",
}


def _format(reader: ActionReader) -> tuple[RuleValue, ...]:
    message = "expects exactly 1 argument <format>"
    text = reader.word(message)
    if not text or reader.has_word():
        raise ActionFault(message, code="missing-argument")
    return (reader.format(text),)


def _regex_and_format(reader: ActionReader) -> tuple[RuleValue, ...]:
    message = "expects exactly 2 arguments <match-regex> and <replace-format>"
    pattern, text = reader.words_left(2, message)
    if not pattern or not text or reader.has_word():
        raise ActionFault(message, code="missing-argument")
    return reader.regex(pattern), reader.format(text)


def _normalizer(reader: ActionReader) -> tuple[RuleValue, ...]:
    """haproxy: 2.6 takes an option's place for a condition's where there is none; the manual's grammar counts here."""
    name = reader.word("missing argument <normalizer>")
    number = reader.one_of(name, _NORMALIZERS, "normalizer")
    if option := _NORMALIZER_OPTIONS.get(name):
        if reader.peek() == option:
            reader.at += 1
            number += 1
        elif reader.has_word():
            raise ActionFault(f"unknown argument '{reader.peek()}' for '{name}' normalizer", reader.at)
    return (number,)


def _status(reader: ActionReader) -> tuple[RuleValue, ...]:
    message = "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>"
    word = reader.word(message)
    status = reader.integer(word, "expects an integer status code between 100 and 999", 100, 999)
    reason: RuleValue = None
    if reader.peek() == "reason" and reader.at + 1 < len(reader.words):
        reader.at += 1
        reason = reader.word(message)
    return status, reason


ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("set-method", "H", _format, grammar="<fmt>"),
    ActionRow("set-path", "H", _format, grammar="<fmt>"),
    ActionRow("set-pathq", "H", _format, grammar="<fmt>"),
    ActionRow("set-query", "H", _format, grammar="<fmt>"),
    ActionRow("set-uri", "H", _format, grammar="<fmt>"),
    ActionRow("replace-path", "H", _regex_and_format, grammar="<match-regex> <replace-fmt>"),
    ActionRow("replace-pathq", "H", _regex_and_format, grammar="<match-regex> <replace-fmt>"),
    ActionRow("replace-uri", "H", _regex_and_format, grammar="<match-regex> <replace-fmt>"),
    ActionRow("normalize-uri", "H", _normalizer, grammar="<normalizer> [ full | strict ]"),
    ActionRow("set-status", "RA", _status, grammar="<status> [reason <str>]"),
)
