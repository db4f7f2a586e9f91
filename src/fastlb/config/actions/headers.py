"""Actions on header fields: add, set, delete, replace (manual, section 4.2 "http-request add-header" and its kin).

Knows their arguments. Must not know how messages are edited (ext/fastlb_core/proxy/action_headers.pyx).
"""

from __future__ import annotations

from ..rule import RuleValue
from ..samples.types import BIN
from .row import ActionFault, ActionReader, ActionRow


def _filled(words: list[str], message: str) -> list[str]:
    """haproxy: an empty word counts as a missing one."""
    if not all(words):
        raise ActionFault(message, code="missing-argument")
    return words


def _name_and_format(reader: ActionReader) -> tuple[RuleValue, ...]:
    name, text = _filled(reader.words_left(2, "expects exactly 2 arguments"), "expects exactly 2 arguments")
    return name.lower(), reader.format(text)


def _name(reader: ActionReader) -> tuple[RuleValue, ...]:
    """`<name> [ -m <method> ]`: the method's number as the core has it."""
    (name,) = _filled([reader.word("expects at least 1 argument")], "expects at least 1 argument")
    method = "str"
    if reader.peek() == "-m":
        reader.at += 1
        method = reader.word("-m flag expects exactly 1 argument")
    known = {"str": 0, "beg": 1, "end": 2, "sub": 3, "reg": 4}
    if method not in known:
        raise reader.fault(f"-m with unsupported matching method '{method}'", hint=f"one of {', '.join(known)}")
    number = known[method]
    return (reader.regex(name) if method == "reg" else name.lower(), number)


def _name_regex_format(reader: ActionReader) -> tuple[RuleValue, ...]:
    name, pattern, text = _filled(reader.words_left(3, "expects exactly 3 arguments"), "expects exactly 3 arguments")
    return name.lower(), reader.regex(pattern), reader.format(text)


def _strict_mode(reader: ActionReader) -> tuple[RuleValue, ...]:
    word = reader.word("expects exactly 1 arguments")
    if word not in ("on", "off"):
        raise reader.fault(f"Unexpected value '{word}'. Only 'on' and 'off' are supported")
    return (word == "on",)


def _headers_bin(reader: ActionReader) -> tuple[RuleValue, ...]:
    """`<expr> [ prefix <str> ]`."""
    expression = reader.expression(BIN)
    prefix = ""
    if reader.peek() == "prefix":
        reader.at += 1
        prefix = reader.word("missing prefix value")
    return expression, prefix.lower()


def _names_bin(reader: ActionReader) -> tuple[RuleValue, ...]:
    """`<expr> [ prefix <str> ] [ -m <meth> ]`; a regex for each name would have to be compiled for each request."""
    expression, prefix = _headers_bin(reader)
    number = 0
    if reader.peek() == "-m":
        reader.at += 1
        known = {"str": 0, "beg": 1, "end": 2, "sub": 3}
        number = reader.one_of(reader.word("missing matching method"), known, "matching method")
    return expression, prefix, number


_BIN = "<expr> [ prefix <str> ]"

ACTIONS: tuple[ActionRow, ...] = (
    ActionRow("add-header", "HRA", _name_and_format, grammar="<name> <fmt>"),
    ActionRow("set-header", "HRA", _name_and_format, grammar="<name> <fmt>"),
    ActionRow("del-header", "HRA", _name, grammar="<name> [ -m <meth> ]"),
    ActionRow("replace-header", "HRA", _name_regex_format, grammar="<name> <match-regex> <replace-fmt>"),
    ActionRow("replace-value", "HRA", _name_regex_format, grammar="<name> <match-regex> <replace-fmt>"),
    ActionRow("add-headers-bin", "HRA", _headers_bin, grammar=_BIN, since="3.0 or later"),
    ActionRow("set-headers-bin", "HRA", _headers_bin, grammar=_BIN, since="3.0 or later"),
    ActionRow("del-headers-bin", "HRA", _names_bin, grammar=_BIN + " [ -m <meth> ]", since="3.0 or later"),
    ActionRow("strict-mode", "HRA", _strict_mode, grammar="{ on | off }"),
)
