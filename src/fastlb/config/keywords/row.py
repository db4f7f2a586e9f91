"""What a row of a keyword table is, and the statement that its setter function receives.

Knows how a keyword is described (sections, arguments, manual section, version, status) and how a setter reports a
mistake at the right word. Must not know any particular keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..default_path import DefaultPath
from ..diagnostics import ALERT, WARNING, Diagnostic, Diagnostics
from ..lexer import LexError, Lookup, decode, split_with_columns
from ..log_aliases import ALIASES
from ..log_model import LogProfile, Ring
from ..model import Address, Bind, Configuration, FcgiApp, Global, Location, Proxy, Server
from ..section_model import HttpErrors, Resolvers, UserList
from ..tls_files import TlsFiles
from ..values import (
    AddressRules,
    Resolver,
    TimeFault,
    ValueFault,
    excess_of_time,
    expand_address,
    parse_address,
    parse_integer,
    parse_leading_integer,
    parse_time,
)

if TYPE_CHECKING:
    from ..crt_store import CrtStore

SUPPORTED, IGNORED, UNSUPPORTED, REMOVED = "supported", "ignored", "unsupported", "removed"
NOT_YET = "HAProxy keyword, not supported by fastlb yet"


class BadStatement(Exception):
    """Ends a statement whose mistake has been reported already."""


@dataclass(slots=True)
class Source:
    """One logical line of a file: `raw` without its line end, continued lines joined.

    joints: for each physical line, where it begins in `raw` (bytes) and its number.
    """

    file: str
    number: int
    raw: bytes
    joints: list[tuple[int, int]] = field(default_factory=list)

    def locate(self, column: int) -> tuple[Location, str]:
        """The place and the text of the physical line that holds byte `column` (from 1) of the logical one."""
        start, number, end = 0, self.number, len(self.raw)
        for offset, line_number in self.joints:
            if offset <= column - 1:
                start, number = offset, line_number
            else:
                end = offset
                break
        before = decode(self.raw[start : column - 1])
        return Location(self.file, number, len(before) + 1), decode(self.raw[start:end])


@dataclass(slots=True)
class Reading:
    """What lasts for one run of the parser and what setters may need: reports, variables, host names."""

    configuration: Configuration
    diagnostics: Diagnostics
    environment: dict[str, str]
    resolver: Resolver
    lookup: Lookup
    zero_warning: bool = False
    acl_ids: set[int] = field(default_factory=set)
    format_aliases: Mapping[str, object] = field(default_factory=lambda: ALIASES)
    userlist: UserList | None = None  # the section that is open
    http_errors: HttpErrors | None = None
    crt_store: CrtStore | None = None
    resolvers: Resolvers | None = None
    log_profile: LogProfile | None = None
    ring: Ring | None = None
    fcgi_app: FcgiApp | None = None
    directory: DefaultPath = field(default_factory=DefaultPath)
    tls_files: TlsFiles = field(init=False)

    def __post_init__(self) -> None:
        self.tls_files = TlsFiles(self.configuration.global_.tls)


@dataclass(slots=True)
class Draft:
    """A proxy that is being read, with what only the reading needs.

    origins: where a setting stands whose check has to wait for the end of the files ("option httplog").
    server_template: what `default-server` has set. kind "defaults" is a defaults section.
    """

    proxy: Proxy
    server_template: Server
    origins: dict[str, Location] = field(default_factory=dict)
    explicit: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        return self.proxy.kind


class Statement:
    """One statement: its words and the place to report to.

    words: with the keyword's own; n_keyword: how many of them are the keyword's (2 for `option httplog`).
    prefix: "no" or "default" where the line began with it (it is no longer in `words`), else "".
    """

    __slots__ = ("draft", "n_keyword", "prefix", "reading", "source", "words")

    def __init__(self, reading: Reading, source: Source, words: list[str], prefix: str = "", draft: Draft | None = None) -> None:
        self.reading = reading
        self.source = source
        self.words = words
        self.prefix = prefix
        self.n_keyword = 1
        self.draft = draft

    @property
    def arguments(self) -> list[str]:
        return self.words[self.n_keyword :]

    def argument(self, index: int) -> str:
        """The argument, "" where the line has fewer."""
        at = self.n_keyword + index
        return self.words[at] if at < len(self.words) else ""

    @property
    def keyword(self) -> str:
        return " ".join(self.words[: self.n_keyword])

    def place(self, index: int = 0) -> tuple[Location, str]:
        """Location and source line of word `index` (of `words`); of the line's end for a word that is missing."""
        try:
            columns = split_with_columns(self.source.raw, self.reading.lookup).columns
        except LexError as error:
            columns = [error.column]
        index += 1 if self.prefix else 0
        if index < len(columns):
            return self.source.locate(columns[index])
        return self.source.locate(len(self.source.raw.rstrip()) + 1)

    def location(self, index: int = 0) -> Location:
        return self.place(index)[0]

    def line_location(self) -> Location:
        """The line, without the work of finding a column."""
        indent = len(self.source.raw) - len(self.source.raw.lstrip())
        return Location(self.source.file, self.source.number, indent + 1)

    def report(self, severity: str, code: str, message: str, index: int, hint: str, lead: str | None, offset: int = 0) -> None:
        location, text = self.place(index)
        if offset:
            location = replace(location, column=min(location.column + offset, len(text) + 1))
        if lead is None:
            lead = f"parsing [{location}] : "
        self.reading.diagnostics.add(Diagnostic(severity, code, message, lead, location, hint, text))
        if severity == ALERT:
            self.reading.diagnostics.mark_file(self.source.file)

    def alert(
        self,
        message: str,
        index: int = 0,
        code: str = "bad-argument",
        hint: str = "",
        lead: str | None = None,
        offset: int = 0,
    ) -> None:
        """Reports an error at word `index` of the statement, `offset` characters into it."""
        self.report(ALERT, code, message, index, hint, lead, offset)

    def warn(self, message: str, index: int = 0, code: str = "questionable", hint: str = "", lead: str | None = None) -> None:
        self.report(WARNING, code, message, index, hint, lead)

    def fail(self, message: str, index: int = 0, code: str = "bad-argument", hint: str = "") -> BadStatement:
        """Reports an error and returns the exception to raise: `raise st.fail("...", 1)`."""
        self.alert(message, index, code, hint)
        return BadStatement()

    def reported(self) -> BadStatement:
        """The exception to raise after `alert`."""
        return BadStatement()

    def at_most(self, count: int) -> None:
        """Refuses more than `count` arguments, as HAProxy does."""
        if len(self.words) > self.n_keyword + count:
            at = self.n_keyword + count
            raise self.fail(f"'{self.keyword}' cannot handle unexpected argument '{self.words[at]}'.", at, "unexpected-argument")

    def integer(self, index: int) -> int:
        """Argument `index` as a number, read as HAProxy reads it: up to the first other character, 0 without a digit.

        # haproxy: `maxconn 2000;` is 2000 there, without a word. A file that runs must run here; fastlb warns.
        """
        word = self.argument(index)
        try:
            return parse_integer(word)
        except ValueFault:
            value = parse_leading_integer(word)
        at = self.n_keyword + index
        self.warn(f"'{self.keyword}' : '{word}' is not a number, it is read as {value}.", at, "bad-number")
        return value

    def milliseconds(self, word: str, unit: str = "ms") -> int:
        """A word of the statement as a time. Raises TimeFault.

        # haproxy: 2.6 takes `5sec` and `15min` for 5s and 15m and announces that it will not do so for ever.
        """
        value = parse_time(word, unit)
        if excess := excess_of_time(word):
            self.warn(
                f"unexpected character '{excess[0]}' after the timer value '{word}', only (us=microseconds,ms=milliseconds,"
                "s=seconds,m=minutes,h=hours,d=days) are supported. This will be reported as an error in next versions.",
                self.words.index(word),
                "bad-time",
                f"write '{word[: len(word) - len(excess)]}'",
            )
        return value

    def address(self, word: str, rules: AddressRules) -> Address:
        """A word of the statement as an address, variables replaced. Raises ValueFault; may block in the resolver."""
        return parse_address(expand_address(word, self.reading.lookup), rules, self.reading.resolver)

    def time(self, index: int, what: str, unit: str = "ms") -> int:
        """Argument `index` as milliseconds; a fault is reported with HAProxy's words for `what`."""
        word = self.argument(index)
        try:
            return self.milliseconds(word, unit)
        except TimeFault as fault:
            if fault.is_overflow:
                message = f"timer overflow in argument '{word}' to '{what}' (maximum value is 2147483647 ms or ~24.8 days)"
            else:
                message = f"unexpected character '{fault.character}' in '{what}'"
            hint = "a time is a whole number and us, ms, s, m, h or d: 500ms, 10s, 1m"
            raise self.fail(message, self.n_keyword + index, "bad-time", hint) from None


SetGlobal = Callable[[Statement, Global], None]
SetProxy = Callable[[Statement, Proxy], None]
SetBind = Callable[[Statement, Bind, str], None]
SetServer = Callable[[Statement, Server, str], int | None]


@dataclass(frozen=True, slots=True)
class Row:
    """What every table's rows share, for the documentation and `-dKall`.

    sections: the letters of the sections it may stand in: G global, D defaults, F frontend, L listen, B backend; "" where the
    family says it all. grammar: the arguments as the manual writes them. default: in words, "" for none or obvious.
    manual: the section of HAProxy's manual. since: "" for what 2.6 has, else a version or "2.7 or later".
    """

    name: str
    family: str = ""
    sections: str = ""
    grammar: str = ""
    default: str = ""
    manual: str = ""
    since: str = ""
    status: str = SUPPORTED
    note: str = ""  # ignored: why that is harmless; removed: HAProxy's message
    hint: str = ""  # removed: the line to write today


@dataclass(frozen=True, slots=True)
class GlobalKeyword(Row):
    """A keyword of `global`. `arguments`: least and most; `missing`: HAProxy's message for too few. `quiet`: ignored silently."""

    apply: SetGlobal | None = None
    arguments: tuple[int, int | None] = (0, None)
    missing: str = ""
    quiet: bool = False
    accepts_no: bool = False


@dataclass(frozen=True, slots=True)
class ProxyKeyword(Row):
    """A keyword of the proxy sections. `strict`: an error, not a warning, in a section without the capability it needs."""

    apply: SetProxy | None = None
    arguments: tuple[int, int | None] = (0, None)
    missing: str = ""
    quiet: bool = False
    accepts_no: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class BindOption(Row):
    """An option of `bind`. `arity`: words it takes after its name, the first goes to `apply`, which raises ValueFault."""

    apply: SetBind | None = None
    arity: int = 0
    missing: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class ServerOption(Row):
    """An option of `server` and `default-server`. `arity`: words it takes after its name, the first goes to `apply`.

    `apply` raises ValueFault for a bad value, and returns how many more words it took.
    `default_server`: whether that keyword takes it.
    """

    apply: SetServer | None = None
    arity: int = 0
    missing: str = ""
    quiet: bool = False
    default_server: bool = True


def mode_octal(word: str) -> int:
    """A file mode in octal (`mode 660`). Raises ValueFault."""
    if not word or len(word) > 5 or not all(char in "01234567" for char in word) or int(word, 8) > 0o7777:
        raise ValueFault(f"'mode' : missing or invalid mode '{word}' (octal integer expected)")
    return int(word, 8)
