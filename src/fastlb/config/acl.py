"""ACLs and the conditions made of them (manual, sections 7.1, 7.2 and 7.4).

Knows how they are written. Must not know how patterns are matched (ext/fastlb_core/program) or what a rule does.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .expressions import ExpressionFault, guess, parse_acl_expression, unavailable
from .model import Location
from .pattern_files import PatternLine, read_patterns
from .samples.ast import Expression
from .samples.types import ADDR, BIN, BOOL, IPV4, IPV6, METH, SINT, STR, Point, SampleType, can_cast
from .values import ValueFault

METHODS = ("found", "bool", "int", "ip", "bin", "len", "str", "beg", "sub", "dir", "dom", "end", "reg")
_OPERATORS = ("eq", "ge", "gt", "le", "lt")
_DEFAULT_MATCH: dict[SampleType, str] = {BOOL: "bool", SINT: "int", ADDR: "ip", IPV4: "ip", IPV6: "ip", STR: "str", METH: "meth"}
# What a sample is cast to before the method looks at it.
METHOD_TYPES: dict[str, SampleType] = {
    **dict.fromkeys((*METHODS, "meth", "auth"), STR),
    "bool": BOOL,
    "int": SINT,
    "ip": ADDR,
    "bin": BIN,
    "meth": METH,
}
_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-_.:")


@dataclass(frozen=True, slots=True)
class PatternSource:
    """Patterns that belong together: those written in the line, or those of one file. ignore_case: behind `-i`."""

    ignore_case: bool = False
    file: str = ""
    is_map: bool = False
    lines: tuple[PatternLine, ...] = ()


@dataclass(frozen=True, slots=True)
class AclExpression:
    """What one `acl` line or `{ }` block says. unique_id: of `-u`, or None. match: a method of section 7.1."""

    location: Location
    expression: Expression
    match: str
    sources: tuple[PatternSource, ...] = ()
    unique_id: int | None = None


@dataclass(slots=True)
class Acl:
    """All lines of one name, any of which makes it true."""

    name: str
    expressions: list[AclExpression] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Term:
    acl: Acl
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """`if` or `unless` with groups of terms: true when all terms of any group are."""

    is_unless: bool
    groups: tuple[tuple[Term, ...], ...]


class AclFault(ExpressionFault):
    """A bad ACL or condition. word: which of the words handed over, from 0."""

    def __init__(self, message: str, word: int, offset: int = 0, hint: str = "", code: str = "bad-acl") -> None:
        super().__init__(message, offset, hint, code)
        self.word = word


def bad_name(name: str) -> str:
    """The first character that an ACL's name may not have, or ""."""
    return next((char for char in name if char not in _NAME_CHARACTERS), "")


def parse_acl(words: Sequence[str], location: Location, ids: set[int] | None = None) -> AclExpression:
    """The words behind an ACL's name: expression, flags, patterns. Raises AclFault."""
    if not words or not words[0]:
        raise AclFault("missing fetch method in ACL expression ''", 0)
    try:
        expression = parse_acl_expression(words[0])
    except ExpressionFault as fault:
        message = fault.message
        if fault.code == "unknown-fetch":
            message = f"{message} in ACL expression '{words[0]}'"
        raise AclFault(message, 0, fault.offset, fault.hint, fault.code) from None
    return _AclReader(words, location, expression, ids).read()


@dataclass(slots=True)
class _AclReader:
    words: Sequence[str]
    location: Location
    expression: Expression
    ids: set[int] | None
    at: int = 1
    match: str = ""
    ignore_case: bool = False
    is_map: bool = False
    unique_id: int | None = None
    sources: list[PatternSource] = field(default_factory=list)
    inline: list[PatternLine] = field(default_factory=list)

    def read(self) -> AclExpression:
        if not self.expression.conversions:
            self.match = self.expression.row.match
        files: list[tuple[str, bool, int]] = []
        while self.at < len(self.words) and self.words[self.at].startswith("-"):
            if self._flag(files):
                break
        self._default_match()
        self._check_match()
        for path, ignore_case, word in files:
            self._load(path, ignore_case, word)
        self._patterns()
        if self.inline:
            self.sources.append(PatternSource(self.ignore_case, lines=tuple(self.inline)))
        return AclExpression(self.location, self.expression, self.match, tuple(self.sources), self.unique_id)

    def _argument(self) -> str:
        self.at += 2
        return self.words[self.at - 1] if self.at <= len(self.words) else ""

    def _flag(self, files: list[tuple[str, bool, int]]) -> bool:
        """One flag; True where it ends them."""
        flag = self.words[self.at]
        if flag == "--":
            self.at += 1
            return True
        if flag == "-i":
            self.ignore_case = True
        elif flag == "-M":
            self.is_map = True
        elif flag == "-n":
            pass
        elif flag == "-u":
            self._unique_id(self._argument())
            return False
        elif flag == "-m":
            method = self._argument()
            if method not in METHODS:
                hint = guess(method, METHODS)
                raise AclFault(f"unknown matching method '{method}' when parsing ACL expression", self.at - 1, 0, hint)
            self.match = method
            return False
        elif flag == "-f":
            files.append((self._argument(), self.ignore_case, self.at - 1))
            return False
        else:
            message = f"'{flag}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
            raise AclFault(message, self.at)
        self.at += 1
        return False

    def _unique_id(self, word: str) -> None:
        if not word.isdigit():
            raise AclFault("the argument of -u must be an integer", self.at - 1)
        self.unique_id = int(word)
        if self.ids is not None and self.unique_id in self.ids:
            raise AclFault("the id is already used", self.at - 1)
        if self.ids is not None:
            self.ids.add(self.unique_id)

    def _default_match(self) -> None:
        if self.match:
            return
        self.match = _DEFAULT_MATCH.get(self.expression.output, "")
        if not self.match:
            name = self.expression.row.name
            raise AclFault(
                f"matching method must be specified first (using '-m') when using a sample fetch of this type ('{name}')", 0
            )

    def _check_match(self) -> None:
        takes = SINT if self.match == "len" and self.expression.output is BOOL else METHOD_TYPES[self.match]
        if self.match in ("found", "len") or can_cast(self.expression.output, takes):
            return
        name = self.expression.row.name
        raise AclFault(f"matching method '{self.match}' cannot be used with fetch keyword '{name}'", 0)

    def _load(self, path: str, ignore_case: bool, word: int) -> None:
        try:
            lines = read_patterns(path, self.is_map)
        except ValueFault as fault:
            raise AclFault(fault.message, word, code="missing-file") from None
        self.sources.append(PatternSource(ignore_case, path, self.is_map, tuple(lines)))

    def _patterns(self) -> None:
        operator = "eq"
        for index in range(self.at, len(self.words)):
            word = self.words[index]
            if self.match in ("int", "len"):
                if word in _OPERATORS:
                    operator = word
                    continue
                self._add(self._range(word, operator, index))
            elif self.match not in ("found", "bool"):
                self._add(word)

    def _add(self, word: str) -> None:
        self.inline.append(PatternLine(self.location.line, word.encode("utf-8", "surrogateescape"), None))

    def _range(self, word: str, operator: str, index: int) -> str:
        """An integer pattern as `low:high`, either end open (manual, section 7.1.2)."""
        low, colon, high = word.partition(":")
        # haproxy: decimals such as 3.1 are for the TLS version only.
        is_version = self.expression.row.name in ("req.ssl_ver", "req_ssl_ver") and not self.expression.conversions
        try:
            least = _number(low, is_version) if low else None
            most = _number(high, is_version) if high else None
        except ValueError:
            raise AclFault(f"'{word}' is not a number", index) from None
        if not colon:
            most = least
            if least is None:
                raise AclFault(f"'{word}' is not a number", index)
        if least is not None and most is not None and least > most:
            raise AclFault(f"'{word}' is not a valid number range", index)
        if operator != "eq" and colon:
            raise AclFault(f"cannot use operators and ranges at the same time ('{word}')", index)
        if operator in ("ge", "gt") and least is not None:
            least, most = least + (operator == "gt"), None
        elif operator in ("le", "lt") and most is not None:
            least, most = None, most - (operator == "lt")
        return f"{'' if least is None else least}:{'' if most is None else most}"


def _number(word: str, is_version: bool) -> int:
    """`1024`, or a version `1.1`: two integers, the first above bit 16 (manual, section 7.1.2)."""
    major, dot, minor = word.partition(".")
    if (dot and not is_version) or not all(part.lstrip("-").isdigit() for part in (major, *([minor] if dot else []))):
        raise ValueError(word)
    return (int(major) << 16) + int(minor) if dot else int(major)


# --- predefined (manual, section 7.4) ---

PREDEFINED: dict[str, tuple[str, ...]] = {
    "FALSE": ("always_false",),
    "TRUE": ("always_true",),
    "HTTP": ("req.proto_http",),
    "HTTP_1.0": ("req.ver", "1.0"),
    "HTTP_1.1": ("req.ver", "1.1"),
    "HTTP_2.0": ("req.ver", "2.0"),
    "HTTP_3.0": ("req.ver", "3.0"),
    "HTTP_CONTENT": ("req.hdr_val(content-length)", "gt", "0"),
    "HTTP_URL_ABS": ("url_reg", "^[^/:]*://"),
    "HTTP_URL_SLASH": ("url_beg", "/"),
    "HTTP_URL_STAR": ("url", "*"),
    "LOCALHOST": ("src", "127.0.0.1/8", "::1"),
    "METH_CONNECT": ("method", "CONNECT"),
    "METH_DELETE": ("method", "DELETE"),
    "METH_GET": ("method", "GET", "HEAD"),
    "METH_HEAD": ("method", "HEAD"),
    "METH_OPTIONS": ("method", "OPTIONS"),
    "METH_POST": ("method", "POST"),
    "METH_PUT": ("method", "PUT"),
    "METH_TRACE": ("method", "TRACE"),
    "RDP_COOKIE": ("req.rdp_cookie_cnt", "gt", "0"),
    "REQ_CONTENT": ("req.len", "gt", "0"),
    "WAIT_END": ("wait_end",),
}


def find_acl(name: str, acls: Mapping[str, Acl], location: Location) -> Acl | None:
    """The ACL of the proxy, else the predefined one of that name, else None."""
    if name in acls:
        return acls[name]
    words = PREDEFINED.get(name)
    return Acl(name, [parse_acl(words, location)]) if words is not None else None


def parse_condition(
    words: Sequence[str], acls: Mapping[str, Acl], location: Location, is_unless: bool, ids: set[int] | None = None
) -> Condition:
    """The words behind `if` or `unless` (manual, section 7.2). Raises AclFault."""
    groups: list[tuple[Term, ...]] = []
    terms: list[Term] = []
    is_negated = False
    at = 0
    while at < len(words):
        word = words[at]
        if word.lower() in ("or", "||"):  # haproxy: `OR` as well
            groups.append(tuple(terms))
            terms, is_negated = [], False
            at += 1
            continue
        while word.startswith("!"):
            is_negated, word = not is_negated, word[1:]
        if not word:
            at += 1
            continue
        if word == "{":
            acl, at = _anonymous(words, at, location, ids)
        else:
            found = find_acl(word, acls, location)
            if found is None:
                raise AclFault(f"no such ACL : '{word}'", at, 0, guess(word, [*acls, *PREDEFINED]), "unknown-acl")
            acl, at = found, at + 1
        terms.append(Term(acl, is_negated))
        is_negated = False
    groups.append(tuple(terms))
    return Condition(is_unless, tuple(group for group in groups if group) or ((),))


def _anonymous(words: Sequence[str], at: int, location: Location, ids: set[int] | None) -> tuple[Acl, int]:
    """`{ expression patterns }`, and the place behind it."""
    end = at + 1
    while end < len(words) and words[end] != "}":
        end += 1
    if end == len(words):
        raise AclFault("missing closing '}' in condition", at)
    try:
        return Acl("", [parse_acl(words[at + 1 : end], location, ids)]), end + 1
    except AclFault as fault:
        fault.word += at + 1
        raise


def never_matches(condition: Condition, point: Point) -> list[tuple[Acl, AclExpression]]:
    """The ACL lines of the condition that need what is not there at `point`."""
    return [
        (term.acl, line)
        for group in condition.groups
        for term in group
        for line in term.acl.expressions
        if unavailable(line.expression, point)
    ]
