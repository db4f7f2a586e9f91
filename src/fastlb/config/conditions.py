"""The conditions of `.if`, `.elif` and `-cc` (manual, section 2.4).

Knows the grammar and what this program has (features, versions). Must not know sections or keywords, and it changes nothing.

    or   := and { "||" and }        term := { "!" } ( integer | "(" or ")" | predicate "(" arguments ")" )
    and  := term { "&&" term }
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from .lexer import LexError, expand
from .values import names

HAPROXY_VERSION = "3.5-dev5"  # the version whose language and behaviour fastlb follows
MAX_DEPTH = 100  # of parentheses
FEATURES = frozenset(
    names("""
ACCEPT4 CPU_AFFINITY DL EPOLL GETADDRINFO LINUX_SPLICE NETFILTER PCRE2 PCRE2_JIT POLL PRCTL SYSTEMD TFO THREAD
""")
)
MISSING_FEATURES = frozenset(
    names("""
51DEGREES BACKTRACE CLOSEFROM CRYPT_H DEVICEATLAS ENGINE EVPORTS KQUEUE LIBCRYPT LINUX_TPROXY LUA MEMORY_PROFILING NS
OBSOLETE_LINKER OPENSSL OPENSSL_AWSLC OPENSSL_WOLFSSL OT PCRE PCRE_JIT PROCCTL PROMEX QUIC QUIC_OPENSSL_COMPAT RT SHM_OPEN
SLZ SSL STATIC_PCRE STATIC_PCRE2 THREAD_DUMP TPROXY WURFL ZLIB
""")
)
ENABLED = frozenset(("POLL", "EPOLL", "SPLICE", "GETADDRINFO", "REUSEPORT", "FAST-FORWARD", "SERVER-SSL-VERIFY-NONE"))

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_VERSION = re.compile(r"v?([0-9]*)(?:\.([0-9]*))?(?:\.([0-9]*))?(-dev([0-9]*))?")
_OPENSSL = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)([a-z]?)")
_BLANKS = " \t"


class ConditionError(Exception):
    """A condition that cannot be read; `position` counts characters of the condition from 1."""

    def __init__(self, message: str, position: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Facts:
    """What a condition may ask about. `disabled`: options that the command line switched off (`-dS`: "SPLICE")."""

    environment: Mapping[str, str]
    disabled: Collection[str] = ()
    features: Collection[str] = FEATURES


def evaluate(text: str, environment: Mapping[str, str] | None = None, disabled: Collection[str] = ()) -> bool:
    """Whether a condition holds, its quotes and variables resolved already. Blank or empty conditions are false.

    Raises ConditionError when it cannot be read, wherever the mistake stands.
    """
    if not text:
        return False
    facts = Facts(os.environ if environment is None else environment, disabled)
    return _Parser(text, facts).whole()


def evaluate_argument(text: str, environment: Mapping[str, str] | None = None, disabled: Collection[str] = ()) -> bool:
    """The condition of `-cc`: quotes and variables are resolved first, as in a file. Raises ConditionError."""
    environment = os.environ if environment is None else environment
    try:
        expanded = expand(os.fsencode(text), environment.get)
    except LexError as error:
        raise ConditionError(f"Syntax Error in condition: {error.message.rstrip(':')}", error.column) from None
    return evaluate(expanded, environment, disabled)


class _Parser:
    def __init__(self, text: str, facts: Facts) -> None:
        self.text = text
        self.facts = facts
        self.at = 0

    def whole(self) -> bool:
        value = self.either(0)
        self.blanks()
        if self.at < len(self.text):
            raise self.error(f"unexpected character '{self.text[self.at]}' at the end of conditional expression '{self.text}'")
        return value

    def error(self, message: str, at: int | None = None) -> ConditionError:
        return ConditionError(message, (self.at if at is None else at) + 1)

    def blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _BLANKS:
            self.at += 1

    def accept(self, token: str) -> bool:
        self.blanks()
        if not self.text.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def either(self, depth: int) -> bool:
        value = self.both(depth)
        while self.accept("||"):
            value = self.both(depth) or value
        return value

    def both(self, depth: int) -> bool:
        value = self.term(depth)
        while self.accept("&&"):
            value = self.term(depth) and value
        return value

    def term(self, depth: int) -> bool:
        self.blanks()
        begin, negated = self.at, False
        while self.accept("!"):
            negated = not negated
        self.blanks()
        if self.accept("("):
            if depth >= MAX_DEPTH:
                raise self.error("too many nested parentheses in conditional expression", begin)
            value = self.either(depth + 1)
            if not self.accept(")"):
                raise self.error(f"expected ')' after conditional expression '{self.text[begin:]}'")
        elif match := _INTEGER.match(self.text, self.at):
            self.at = match.end()
            value = match.group().strip("+-0") != ""
        else:
            value = self.predicate(begin)
        return value != negated

    def predicate(self, begin: int) -> bool:
        match = _NAME.match(self.text, self.at)
        found = PREDICATES.get(match.group()) if match else None
        if match is None or found is None:
            raise self.error(f"unparsable conditional expression '{self.text[begin:]}'", begin)
        self.at = match.end()
        arity, apply = found
        arguments = self.arguments(match.group(), arity)
        try:
            return apply(self.facts, arguments)
        except ValueError as error:
            raise self.error(str(error), begin) from None

    def arguments(self, name: str, arity: int) -> list[str]:
        """The arguments between parentheses, with the second level of quoting that the manual's section 2.2 describes."""
        where = f"used in conditional expression '{self.text}'"
        if not self.text.startswith("(", self.at):
            if arity == 0:
                return []
            raise self.error(f"missing arguments (got 0/{arity}) of predicate '{name}' {where}")
        self.at += 1
        found = [self.argument()]
        while len(found) < arity and self.text.startswith(",", self.at):
            self.at += 1
            found.append(self.argument())
        if not self.text.startswith(")", self.at):
            rest = self.text[self.at :]
            before = f" before '{rest}'" if rest else ""
            raise self.error(f"expected ')'{before} in argument {len(found)} of predicate '{name}' {where}")
        self.at += 1
        if len(found) < arity:
            raise self.error(
                f"missing arguments (got {len(found)}/{arity}), type 'string' expected of predicate '{name}' {where}"
            )
        return found

    def argument(self) -> str:
        text, quote, value = self.text, "", []
        while self.at < len(text):
            char = text[self.at]
            if char == "\\" and quote != "'" and self.at + 1 < len(text):
                value.append(_ESCAPES.get(text[self.at + 1], text[self.at : self.at + 2]))
                self.at += 2
                continue
            if quote:
                if char == quote:
                    quote = ""
                else:
                    value.append(char)
            elif char in "\"'":
                quote = char
            elif char in ",)":
                break
            else:
                value.append(char)
            self.at += 1
        if quote:
            raise self.error("unmatched quote in conditional expression")
        return "".join(value)


_ESCAPES = {"\\": "\\", '"': '"', "'": "'", " ": " ", ",": ",", ")": ")", "(": "(", "n": "\n", "r": "\r", "t": "\t"}


def version_key(text: str) -> tuple[int, int, int, int]:
    """A key that sorts versions: 3.5-dev3 < 3.5-dev5 < 3.5 = 3.5.0; what is missing or no number counts as 0."""
    match = _VERSION.match(text.strip())
    if match is None:
        return (0, 0, 0, 0)
    major, minor, patch = (int(part[:9]) if part else 0 for part in match.group(1, 2, 3))
    is_dev = match.group(4) is not None
    return (major, minor, patch, int((match.group(5) or "0")[:9]) - (1 << 30) if is_dev else 0)


def _openssl_key(text: str) -> tuple[int, int, int, int]:
    match = _OPENSSL.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a version of OpenSSL")
    letter = ord(match.group(4)) - 96 if match.group(4) else 0
    major, minor, patch = (int(part[:9]) for part in match.group(1, 2, 3))
    return (major, minor, patch, letter)


def _openssl_now() -> tuple[int, int, int, int]:
    import ssl  # only for the few files that ask: loading it takes longer than reading a configuration

    major, minor, fix, patch, _ = ssl.OPENSSL_VERSION_INFO
    # From OpenSSL 3 on the third number is the one that Python calls "patch", and there are no letters.
    return (major, minor, patch, 0) if major >= 3 else (major, minor, fix, patch)


def _openssl_name() -> str:
    import ssl

    return ssl.OPENSSL_VERSION


def _no_awslc(facts: Facts, arguments: list[str]) -> bool:
    raise ValueError("AWS-LC is not the TLS library of this build")


Predicate = Callable[[Facts, list[str]], bool]
PREDICATES: dict[str, tuple[int, Predicate]] = {
    "defined": (1, lambda facts, args: args[0] in facts.environment),
    "feature": (1, lambda facts, args: args[0] in facts.features),
    "streq": (2, lambda facts, args: args[0] == args[1]),
    "strneq": (2, lambda facts, args: args[0] != args[1]),
    "strstr": (2, lambda facts, args: args[1] in args[0]),
    "version_atleast": (1, lambda facts, args: version_key(HAPROXY_VERSION) >= version_key(args[0])),
    "version_before": (1, lambda facts, args: version_key(HAPROXY_VERSION) < version_key(args[0])),
    "openssl_version_atleast": (1, lambda facts, args: _openssl_now() >= _openssl_key(args[0])),
    "openssl_version_before": (1, lambda facts, args: _openssl_now() < _openssl_key(args[0])),
    "ssllib_name_startswith": (1, lambda facts, args: _openssl_name().startswith(args[0])),
    "enabled": (1, lambda facts, args: args[0] in ENABLED and args[0] not in facts.disabled),
    "fips_mode": (0, lambda facts, args: False),
    "awslc_api_atleast": (1, _no_awslc),
    "awslc_api_before": (1, _no_awslc),
}
