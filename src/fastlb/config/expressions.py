"""Parses sample expressions: `hdr(host),lower,map(/etc/hosts.map,none)` (manual, sections 7.3 and 7.3.1).

Knows the syntax of fetches, arguments and converters, and whether their types fit. Must not know any fetch (config/samples)
or what a rule does with the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from .diagnostics import nearest
from .keywords.row import NOT_YET, SUPPORTED
from .samples import ACL_FETCHES, CONVERTERS, FETCHES
from .samples.ast import Conversion, Expression
from .samples.row import Check, ConverterRow, FetchRow
from .samples.types import SAME, Point, can_cast
from .samples.values import ArgumentFault, ProxyRef, ServerRef, TableRef, Unset, UserListRef, Value, VariableRef
from .values import TimeFault, ValueFault, parse_size, parse_time

SCOPES = ("proc", "sess", "txn", "req", "res", "check")
_NAME_ENDS = "(,]) \t"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", " ": " ", "\\": "\\", '"': '"', "'": "'"}
_INT64 = range(-(2**63), 2**63)
# What HAProxy calls the words of an argument grammar.
_TYPES = {
    "int": "integer",
    "str": "string",
    "any": "string",
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
    "mask4": "IPv4 mask",
    "mask6": "IPv6 mask",
    "time": "delay",
    "size": "size",
    "frontend": "frontend",
    "backend": "backend",
    "server": "server",
    "table": "table",
    "userlist": "user list",
    "var": "variable",
}


class ExpressionFault(ValueError):
    """A bad expression. message: HAProxy's, without the place. offset: characters into the text; code: of the diagnostic."""

    def __init__(self, message: str, offset: int = 0, hint: str = "", code: str = "bad-expression") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint
        self.code = code


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression and where it ended in the text."""

    expression: Expression
    end: int


def parse_expression(text: str, start: int = 0, ends: str = "") -> Parsed:
    """Reads one expression from text[start:]; it must go up to the text's end, or to one of the characters `ends`.

    Raises ExpressionFault.
    """
    return _Reader(text, start, ends).expression(acl=False)


def parse_acl_expression(text: str) -> Expression:
    """As parse_expression, for an ACL: derivatives (`path_beg`) are fetches too. Raises ExpressionFault."""
    return _Reader(text, 0, "").expression(acl=True).expression


def find_fetch(name: str, acl: bool) -> FetchRow | None:
    """The row of a name; an ACL may begin with a derivative (`path_beg`) as well, which no expression may use."""
    return (ACL_FETCHES.get(name) if acl else None) or FETCHES.get(name)


def unavailable(expression: Expression, point: Point) -> str:
    """What the expression needs that is not there at `point`, in HAProxy's words, or ""."""
    sources = expression.row.sources
    if not sources or any(source.points & point for source in sources):
        return ""
    return ",".join(source.words for source in sources)


class _Reader:
    """One pass over the text."""

    def __init__(self, text: str, start: int, ends: str) -> None:
        self.text = text
        self.at = start
        self.start = start
        self.ends = ends

    def expression(self, acl: bool) -> Parsed:
        row = self._fetch(acl)
        what = f"fetch method '{row.name}'"
        arguments = self._arguments(row.arguments, row.check, what, row.name, is_fetch=True)
        conversions: list[Conversion] = []
        output = row.output
        while self._peek() == ",":
            self.at += 1
            offset = self.at
            # haproxy: commas with nothing between them, and one at the end, are taken for one.
            if self._peek() == "," or not self._peek():
                continue
            converter = self._converter()
            if not can_cast(output, converter.input):
                raise ExpressionFault(f"converter '{converter.name}' cannot be applied", offset, self._types(output, converter))
            values = self._arguments(converter.arguments, converter.check, f"converter '{converter.name}'", converter.name)
            conversions.append(Conversion(converter, values))
            output = output if converter.output is SAME else converter.output
        if self.at < len(self.text) and self._peek() not in self.ends:
            rest = self.text[self.at :]
            raise ExpressionFault(
                f"missing comma after {self._last(row.name, conversions)}", self.at, f"'{rest}' is one too many"
            )
        text = self.text[self.start : self.at]
        return Parsed(Expression(row, arguments, tuple(conversions), text), self.at)

    def _last(self, fetch: str, conversions: list[Conversion]) -> str:
        return f"converter '{conversions[-1].row.name}'" if conversions else f"fetch keyword '{fetch}'"

    def _types(self, output: object, converter: ConverterRow) -> str:
        return (
            f"a value of type {str(getattr(output, 'name', output)).lower()} comes in, {converter.input.name.lower()} is needed"
        )

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def _name(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _NAME_ENDS:
            self.at += 1
        return self.text[start : self.at]

    def _fetch(self, acl: bool) -> FetchRow:
        offset = self.at
        name = self._name()
        if not name:
            raise ExpressionFault("missing fetch method", offset)
        row = find_fetch(name, acl)
        if row is None:
            hint = guess(name, [*FETCHES, *(ACL_FETCHES if acl else ())])
            raise ExpressionFault(f"unknown fetch method '{name}'", offset, hint, "unknown-fetch")
        if row.status != SUPPORTED:
            raise ExpressionFault(f"fetch method '{name}': {NOT_YET}", offset, row.note, "unsupported-fetch")
        return row

    def _converter(self) -> ConverterRow:
        offset = self.at
        name = self._name()
        row = CONVERTERS.get(name)
        if row is None:
            raise ExpressionFault(f"unknown converter '{name}'", offset, guess(name, CONVERTERS), "unknown-converter")
        if row.status != SUPPORTED:
            raise ExpressionFault(f"converter '{name}': {NOT_YET}", offset, row.note, "unsupported-converter")
        return row

    # --- arguments ---

    def _arguments(self, grammar: str, check: Check | None, what: str, name: str, is_fetch: bool = False) -> tuple[Value, ...]:
        offset = self.at
        words, offsets = self._words(what, grammar) if self._peek() == "(" else ([], [])
        try:
            values = parse_arguments(words, grammar)
            return tuple(check(values)) if check is not None else tuple(values)
        except ArgumentFault as fault:
            index = fault.index
            lead = f"invalid args in {what}" if index < 0 else what if is_fetch else f"invalid arg {index + 1} in {what}"
            at = offsets[index] if 0 <= index < len(offsets) else offset
            raise ExpressionFault(f"{lead} : {fault.message}", at, _usage(name, grammar), "bad-argument") from None

    def _words(self, what: str, grammar: str) -> tuple[list[str], list[int]]:
        """The arguments between parentheses, quotes and escapes removed, and where each began."""
        words: list[str] = []
        offsets: list[int] = []
        kinds = grammar.split()
        most = len(kinds)
        end = ","
        while end == ",":
            self.at += 1
            # haproxy: `req.hdr()` has one argument, an empty name; `rand()` has none.
            if self._peek() == ")" and not words and kinds[:1] not in (["str?"], ["any?"]):
                break
            if len(words) == most:
                raise self._unclosed(what, self.at - bool(words), most)
            offsets.append(self.at)
            words.append(self._word())
            end = self._peek()
            # haproxy: only strings may be left out before others.
            if not words[-1] and end == "," and kinds[len(words) - 1] not in ("str", "str?", "any", "any?"):
                raise self._unclosed(what, self.at, len(words) - 1)
        if self._peek() != ")":
            raise self._unclosed(what, self.at, most)
        self.at += 1
        return words, offsets

    def _unclosed(self, what: str, at: int, most: int) -> ExpressionFault:
        lead = what if what.startswith("fetch") else f"invalid arg {most + 1} in {what}"
        hint = "" if ")" in self.text[at:] else "close the parenthesis"
        return ExpressionFault(f"{lead} : expected ')' before '{self.text[at:]}'", at, hint, "bad-argument")

    def _word(self) -> str:
        """One argument up to a comma or parenthesis outside quotes (manual, section 2.2 "Quoting and escaping").

        haproxy: a backslash before any other character stays, and protects no comma or parenthesis.
        """
        found: list[str] = []
        quote = ""
        while (char := self._peek()) and (quote or char not in ",)"):
            self.at += 1
            if char == "\\" and quote != "'" and self._peek() in _ESCAPES:
                found.append(_ESCAPES[self._peek()])
                self.at += 1
            elif char in "'\"" and quote in ("", char):
                quote = "" if quote else char
            else:
                found.append(char)
        return "".join(found)


def guess(name: str, candidates: Iterable[str]) -> str:
    """A hint for a misspelled name, or ""."""
    found = nearest(name, candidates)
    return f"did you mean '{found}'?" if found else ""


def _usage(name: str, grammar: str) -> str:
    if not grammar:
        return f"'{name}' takes no argument"
    words = [f"[{word[:-1]}]" if word.endswith("?") else f"<{word}>" for word in grammar.split()]
    return f"write {name}({','.join(words)})"


def parse_arguments(words: Sequence[str], grammar: str) -> list[Value]:
    """The words of an argument list as values of `grammar` (config/samples/row.py). Raises ArgumentFault."""
    kinds = grammar.split()
    required = next((i for i, kind in enumerate(kinds) if kind.endswith("?")), len(kinds))
    values: list[Value] = []
    for i, word in enumerate(words):
        kind = kinds[i].removesuffix("?")
        if word == "" and i >= required and kind not in ("str", "any"):
            # haproxy: an integer that is left out behind a comma is 0, not the converter's default.
            values.append(0 if kind == "int" else Unset())
            continue
        values.append(_value(word, kind, i))
    if len(values) < required:
        kind = _TYPES[kinds[len(values)].removesuffix("?")]
        if not values:
            raise ArgumentFault(f"expected type '{kind}' at position 1, but got nothing", 0)
        raise ArgumentFault(f"missing arguments (got {len(values)}/{required}), type '{kind}' expected", len(values))
    return values


def _value(word: str, kind: str, index: int) -> Value:
    try:
        return _READERS[kind](word)
    except (ValueError, TimeFault, ValueFault):
        raise ArgumentFault(f"failed to parse '{word}' as type '{_TYPES[kind]}' at position {index + 1}", index) from None


def _integer(word: str) -> int:
    if word.strip() != word or "_" in word:
        raise ValueError(word)
    # haproxy: what is too large for 64 bits is the largest number.
    return max(_INT64[0], min(int(word[:64]), _INT64[-1]))


def _mask4(word: str) -> IPv4Address:
    if "." in word:
        return IPv4Address(word)
    bits = int(word)
    if not 0 <= bits <= 32:
        raise ValueError(word)
    return IPv4Address((0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF)


def _mask6(word: str) -> IPv6Address:
    if ":" in word:
        return IPv6Address(word)
    bits = int(word)
    if not 0 <= bits <= 128:
        raise ValueError(word)
    return IPv6Address(((1 << bits) - 1) << (128 - bits))


def parse_variable(word: str) -> VariableRef:
    """`txn.name`. Raises ArgumentFault in HAProxy's words."""
    scope, dot, name = word.partition(".")
    if scope not in SCOPES or not dot:
        raise ArgumentFault(
            f"invalid variable name '{word}'. A variable name must be start by its scope. "
            "The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'"
        )
    bad = next((char for char in name if not (char.isascii() and char.isalnum()) and char not in "_."), "")
    if bad or not name:
        raise ArgumentFault(f"invalid syntax at char '{bad or word[-1]}'")
    return VariableRef(scope, name)


def _server(word: str) -> ServerRef:
    backend, slash, name = word.rpartition("/")
    return ServerRef(backend if slash else "", name)


_READERS: dict[str, Callable[[str], Value]] = {
    "int": _integer,
    "str": lambda word: word,
    "any": lambda word: word,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "mask4": _mask4,
    "mask6": _mask6,
    "time": parse_time,
    "size": parse_size,
    "frontend": lambda word: ProxyRef(word, "frontend"),
    "backend": lambda word: ProxyRef(word, "backend"),
    "server": _server,
    "table": TableRef,
    "userlist": UserListRef,
    "var": parse_variable,
}
