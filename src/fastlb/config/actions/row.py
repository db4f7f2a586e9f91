"""What a row of the action tables is, and the reader that its `parse` function gets.

Knows how an action's words are taken and how a mistake is reported. Must not know any action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..expressions import ExpressionFault, guess, parse_expression, parse_variable, unavailable
from ..keywords.row import SUPPORTED, Statement
from ..logformat import LogFormat, parse_format
from ..rule import RuleValue
from ..samples import CONVERTERS
from ..samples.ast import Expression
from ..samples.types import Point, SampleType
from ..samples.values import ArgumentFault, RegexValue, VariableRef

RULE_SETS: dict[str, tuple[str, Point]] = {
    "c": ("tcp-request connection", Point.CONNECTION),
    "s": ("tcp-request session", Point.SESSION),
    "t": ("tcp-request content", Point.REQUEST_CONTENT),
    "r": ("tcp-response content", Point.RESPONSE_CONTENT),
    "H": ("http-request", Point.REQUEST_HEADERS),
    "R": ("http-response", Point.RESPONSE_HEADERS),
    "A": ("http-after-response", Point.RESPONSE_HEADERS),
    "S": ("stats http-request", Point.REQUEST_HEADERS),
}


class ActionFault(ExpressionFault):
    """A bad argument of an action. word: index into the statement's words, -1 for the action itself."""

    def __init__(self, message: str, word: int = -1, offset: int = 0, hint: str = "", code: str = "bad-argument") -> None:
        super().__init__(message, offset, hint, code)
        self.word = word


@dataclass(slots=True)
class ActionReader:
    """Takes the words of one rule from `at` on, up to its condition.

    letter: of the rule set, see RULE_SETS. parenthesis: what stood in `set-var(...)`, None where the action has none.
    origins: for resolve, what the rule refers to. aliases: those of log formats. elsewhere: the point of what is no rule set.
    """

    st: Statement
    letter: str
    at: int
    parenthesis: str | None = None
    aliases: Mapping[str, object] = field(default_factory=dict)
    elsewhere: Point | None = None

    @property
    def words(self) -> list[str]:
        return self.st.words

    @property
    def point(self) -> Point:
        return self.elsewhere or RULE_SETS[self.letter][1]

    def peek(self) -> str:
        """The next word, "" at the end or where the condition begins."""
        word = self.words[self.at] if self.at < len(self.words) else ""
        return "" if word in ("if", "unless") else word

    def has_word(self) -> bool:
        return self.at < len(self.words) and self.words[self.at] not in ("if", "unless")

    def word(self, missing: str) -> str:
        """The next word; ActionFault(missing) where there is none."""
        if self.at >= len(self.words):
            raise ActionFault(missing, -1, code="missing-argument")
        self.at += 1
        return self.words[self.at - 1]

    def words_left(self, count: int, message: str) -> list[str]:
        """The next `count` words; ActionFault(message) where there are fewer."""
        found = self.words[self.at : self.at + count]
        if len(found) < count:
            raise ActionFault(message, code="missing-argument")
        self.at += count
        return found

    def fault(self, message: str, back: int = 1, hint: str = "") -> ActionFault:
        """A fault at the word taken `back` words ago."""
        return ActionFault(message, self.at - back, 0, hint)

    def format(self, word: str, at: int | None = None) -> LogFormat:
        """A log format; at: its place in the statement's words, the last one taken by default."""
        try:
            return parse_format(word, self.point, self.aliases)
        except ExpressionFault as fault:
            raise ActionFault(fault.message, self.at - 1 if at is None else at, fault.offset, fault.hint, fault.code) from None

    def expression(self, want: SampleType | None = None) -> Expression:
        """A sample expression; converters may follow as words of their own."""
        text = self.word("missing fetch method")
        start = self.at - 1
        while self.has_word() and self.words[self.at].split("(")[0].split(",")[0] in CONVERTERS:
            text += "," + self.words[self.at]
            self.at += 1
        return self.expression_of(text, start)

    def expression_anywhere(self) -> Expression:
        """A sample expression whose place the caller checks."""
        text = self.word("missing fetch method")
        return self._parsed(text, self.at - 1)

    def _parsed(self, text: str, at: int) -> Expression:
        try:
            return parse_expression(text).expression
        except ExpressionFault as fault:
            raise ActionFault(fault.message, at, fault.offset, fault.hint, fault.code) from None

    def expression_of(self, text: str, at: int) -> Expression:
        expression = self._parsed(text, at)
        if missing := unavailable(expression, self.point):
            text = self.words[self.st.n_keyword] if self.parenthesis is not None else text  # haproxy: names the action there
            raise ActionFault(
                f"fetch method '{text}' extracts information from '{missing}', none of which is available here",
                at,
                code="wrong-place",
            )
        return expression

    def variable(self, word: str, at: int) -> VariableRef:
        try:
            return parse_variable(word)
        except ArgumentFault as fault:
            raise ActionFault(fault.message, at) from None

    def regex(self, word: str) -> RegexValue:
        return RegexValue(word)

    def integer(self, word: str, message: str, low: int = 0, high: int = 2**31 - 1) -> int:
        """A decimal number within low..high; ActionFault(message) for anything else."""
        digits = word[1:] if word.startswith("-") else word
        if not digits.isascii() or not digits.isdigit() or not low <= int(word) <= high:
            raise self.fault(message)
        return int(word)

    def one_of(self, word: str, known: Mapping[str, int], what: str) -> int:
        if word not in known:
            raise self.fault(f"unknown {what} '{word}'", hint=guess(word, list(known)) or f"one of {', '.join(known)}")
        return known[word]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action.

    sets: letters of the rule sets it may stand in (RULE_SETS). parse: takes the words, gives the core's arguments.
    takes_parenthesis: `set-var(<name>)`, the name is part of the word; needs_parenthesis: it must be there. core: its
    function's name in the core's tables, "" for the row's own. is_final: nothing behind it is reached when it applies
    without a condition.
    """

    name: str
    sets: str
    parse: Callable[[ActionReader], tuple[RuleValue, ...]]
    takes_parenthesis: bool = False
    grammar: str = ""
    manual: str = "4.2"
    since: str = ""
    core: str = ""
    is_final: bool = False
    status: str = SUPPORTED
    note: str = ""
    needs_parenthesis: bool = True
