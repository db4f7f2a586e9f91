"""Parses log formats: text, `%[expression]` and aliases such as `%ci` with their flags (manual, section 8.2.6).

Knows the syntax. Must not know what an alias shows (ext/fastlb_core/proxy) nor where the line goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .expressions import ExpressionFault, guess, parse_expression, unavailable
from .samples.ast import Expression
from .samples.types import Point

# Flags of an item, as bits; the numbers are those of ext/fastlb_core/program/logformat.pxd.
QUOTE, HEX, ESCAPE, BINARY, JSON, CBOR = 1, 2, 4, 8, 16, 32
FLAG_BITS = {"Q": QUOTE, "X": HEX, "E": ESCAPE}
LONG_FLAG_BITS = {"bin": BINARY, "json": JSON, "cbor": CBOR}
TYPE_BITS = {"": 0, "str": 1024, "sint": 2048, "bool": 4096}


@dataclass(frozen=True, slots=True)
class Item:
    """One piece: constant `text`, an `expression`, an `alias` by its letters, or a space of a log line (`is_space`).

    name: of a JSON or CBOR field, else "". argument: what stood in the braces beside the flags.
    """

    text: str = ""
    expression: Expression | None = None
    alias: str = ""
    flags: int = 0
    name: str = ""
    argument: str = ""
    is_space: bool = False


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A parsed format; `flags` are those of `%{...}o`, which hold for the whole line."""

    items: tuple[Item, ...] = ()
    flags: int = 0
    text: str = ""


class FormatFault(ExpressionFault):
    """A bad log format. offset: characters into the format string."""


def parse_format(
    text: str, point: Point, aliases: Mapping[str, object] | None = None, merges_spaces: bool = False
) -> LogFormat:
    """Reads a format whose expressions are evaluated at `point`. aliases: the names that may stand behind a `%`.

    merges_spaces: of log lines, where several spaces, and those around what shows nothing, are one. Raises FormatFault.
    """
    return _Reader(text, point, aliases or {}, merges_spaces).read()


@dataclass(slots=True)
class _Reader:
    text: str
    point: Point
    aliases: Mapping[str, object]
    merges_spaces: bool = False
    at: int = 0
    items: list[Item] = field(default_factory=list)
    flags: int = 0
    plain: list[str] = field(default_factory=list)

    def read(self) -> LogFormat:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == " " and self.merges_spaces:
                self._end_text()
                self.items.append(Item(is_space=True))
                self.at += 1
            elif char != "%":
                self.plain.append(char)
                self.at += 1
            elif self.text[self.at + 1 : self.at + 2] == "%":
                self.plain.append("%")
                self.at += 2
            else:
                self._item()
        self._end_text()
        return LogFormat(tuple(self.items), self.flags, self.text)

    def _end_text(self) -> None:
        if self.plain:
            self.items.append(Item(text="".join(self.plain)))
            self.plain = []

    def _item(self) -> None:
        start = self.at
        self.at += 1
        name, type_bit = self._parenthesised()
        flags, argument = self._flags(start)
        flags |= type_bit
        if self.text[self.at : self.at + 1] == "[":
            self._end_text()
            self.items.append(Item(expression=self._expression(), flags=flags, name=name))
            return
        letters = self._alias(start)
        if not letters:
            return
        if letters == "o":
            self.flags = flags
            return
        self._end_text()
        self.items.append(Item(alias=letters, flags=flags, name=name, argument=argument))

    def _parenthesised(self) -> tuple[str, int]:
        """`%(name)` and `%(name:type)` of 3.x: the field's name and type in JSON and CBOR."""
        if self.text[self.at : self.at + 1] != "(":
            return "", 0
        end = self.text.find(")", self.at)
        if end < 0:
            raise FormatFault(f"missing ')' after '{self.text[self.at + 1 :]}'", self.at)
        name, _, kind = self.text[self.at + 1 : end].partition(":")
        if kind not in TYPE_BITS:
            raise FormatFault(f"unexpected type '{kind}' for item '{name}'", self.at, "one of str, sint or bool")
        self.at = end + 1
        return name, TYPE_BITS[kind]

    def _flags(self, start: int) -> tuple[int, str]:
        if self.text[self.at : self.at + 1] != "{":
            return self.flags, ""
        end = self.text.find("}", self.at)
        if end < 0:
            raise FormatFault(f"truncated line after '{self.text[self.at + 1 :]}'", start, "write %{+Q}name")
        words = self.text[self.at + 1 : end]
        self.at = end + 1
        flags, unknown = self.flags, []
        for word in words.split(","):
            bit = LONG_FLAG_BITS.get(word[1:]) or FLAG_BITS.get(word[1:], 0)
            if word[:1] == "+" and bit:
                flags |= bit
            elif word[:1] == "-" and bit:
                flags &= ~bit
            else:
                unknown.append(word)
        return flags, ",".join(unknown)

    def _expression(self) -> Expression:
        start = self.at + 1
        if "]" not in self.text[start:]:
            raise FormatFault(f"missing ']' after '{self.text[start:]}'", self.at, "close the expression")
        try:
            parsed = parse_expression(self.text, start, "]")
        except ExpressionFault as fault:
            message = f"failed to parse sample expression <{self.text[start:]}> : {fault.message}"
            raise FormatFault(message, fault.offset, fault.hint, fault.code) from None
        if self.text[parsed.end : parsed.end + 1] != "]":
            found = self.text[parsed.end : parsed.end + 1]
            raise FormatFault(f"expected ']' after '{parsed.expression.text}', but found '{found}'", parsed.end)
        self.at = parsed.end + 1
        if missing := unavailable(parsed.expression, self.point):
            raise FormatFault(
                f"sample fetch <{self.text[start:]}> may not be reliably used here because it needs '{missing}' "
                "which is not available here",
                start,
                code="wrong-place",
            )
        return parsed.expression

    def _alias(self, start: int) -> str:
        end = self.at
        while end < len(self.text) and self.text[end].isascii() and self.text[end].isalnum():
            end += 1
        letters = self.text[self.at : end]
        if not letters:
            return self._no_alias(start)
        if letters not in self.aliases and letters != "o":
            raise FormatFault(
                f"no such format variable '{letters}'. If you wanted to emit the '%' character verbatim, you need to use '%%'",
                start,
                guess(letters, list(self.aliases)),
                "unknown-alias",
            )
        self.at = end
        return letters

    def _no_alias(self, start: int) -> str:
        """A `%` before something else than a name. haproxy: it shows that character; at the end it is a mistake."""
        rest = self.text[start : self.at]
        if rest.endswith("}"):
            raise FormatFault(f"parse argument modifier without variable name near '{rest}'", start, "write %{+Q}name")
        if self.at >= len(self.text):
            raise FormatFault(f"truncated line after '{rest}'", start, "write %% for a percent sign")
        if self.text[self.at] == " ":
            raise FormatFault(
                f"unexpected variable name near ' ' at position {self.at} line : '{self.text}'. Maybe you want to write a "
                "single '%', use the syntax '%%'",
                start,
            )
        self.plain.append(self.text[self.at])
        self.at += 1
        return ""
