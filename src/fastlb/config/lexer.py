"""Cuts a line of configuration into words: quotes, escapes, variables, comments, continued lines.

Knows the manual's sections 2.2 and 2.3 and nothing else. It must not know any keyword, and it must not print:
what is wrong with a line is a `LexError` that says where, and its caller reports it.

Text is bytes until the words are made. Words are `str` decoded from UTF-8 with `surrogateescape`, so that a byte
that is not UTF-8 comes out again as it went in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_WORDS = 63  # haproxy: the same limit; it reports the 64th word
MAX_LINE = 1 << 20  # bytes, continued lines joined
MAX_WORD = 65536  # bytes; a variable could otherwise make a word of any size

_QUOTING = re.compile(rb'[\\"\']')
_ORDINARY = re.compile(rb'[^ \t\n\v\f\r\\"\'#$]+')
_UNQUOTED = re.compile(rb'[^\\"\'#]+')
_QUOTED = re.compile(rb'[^\\"$]+')
_BLANKS = b" \t\n\v\f\r"
_NAME = re.compile(rb"\.?[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_ESCAPES = {ord(c): c.encode() for c in " \\\"'#\t"}
_PLAIN_ESCAPES |= {ord("n"): b"\n", ord("r"): b"\r", ord("t"): b"\t", ord("$"): b"$"}

Lookup = Callable[[str], str | None]


class LexError(Exception):
    """A line that cannot be cut into words. `column` counts bytes from 1; `code` is the diagnostic's stable code."""

    def __init__(self, message: str, column: int, code: str = "syntax") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.code = code


@dataclass(slots=True)
class Words:
    """The words of one line and the column (from 1) where each begins."""

    texts: list[str] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)


def decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def environment_lookup(environment: Mapping[str, str]) -> Lookup:
    """Variables from a mapping alone, without the pseudo-variables of a file (`.FILE`, `.LINE`, `.SECTION`)."""
    return environment.get


def split(raw: bytes, lookup: Lookup) -> list[str]:
    """The words of one line, with no columns: the fast way for lines that hold nothing special.

    raw: the line, continued lines joined. lookup: value of a variable, or None.
    Raises LexError.
    """
    if _QUOTING.search(raw) is None:
        texts = [decode(word) for word in raw.partition(b"#")[0].split(None, MAX_WORDS)]
        if len(texts) <= MAX_WORDS:
            return texts
    return split_with_columns(raw, lookup).texts


def split_with_columns(raw: bytes, lookup: Lookup) -> Words:
    """As `split`, with the column of each word; for lines with something to report."""
    return _Splitter(raw, lookup).run()


def expand(raw: bytes, lookup: Lookup) -> str:
    """The text with quotes, escapes and variables resolved, blanks and `#` kept: how `-cc` reads its condition.

    Raises LexError.
    """
    return decode(_Splitter(raw, lookup, whole=True).run_whole())


def is_continued(raw: bytes, weak: bool = False) -> tuple[bool, bool]:
    """Whether the line ends in a backslash that joins the next line to it, and whether a double quote is open there.

    raw: one physical line. weak: whether it begins within a double quote that a line before has opened.

    # haproxy: 2.6 makes a word of a lone last backslash. A backslash in a comment or between single quotes joins nothing,
    # so that files which 2.6 reads keep their meaning.
    """
    if not raw.endswith(b"\\"):
        return False, weak
    at, end = 0, len(raw)
    while at < end:
        ordinary = (_QUOTED if weak else _UNQUOTED).match(raw, at)
        if ordinary is not None:
            at = ordinary.end()
            continue
        char = raw[at]
        if char == 0x5C:
            if at == end - 1:
                return True, weak
            at += 1
        elif char == 0x22:
            weak = not weak
        elif char == 0x27 and not weak:
            at = raw.find(b"'", at + 1)
            if at < 0:
                return False, weak
        elif char == 0x23 and not weak:
            return False, weak
        at += 1
    return False, weak


class _Splitter:
    """One pass over one line; `run` is the loop, a method for each kind of special character."""

    def __init__(self, raw: bytes, lookup: Lookup, whole: bool = False) -> None:
        self.raw = raw
        self.whole = whole  # one word, whatever stands between quotes
        self.lookup = lookup
        self.words = Words()
        self.current = bytearray()
        self.in_word = False
        self.start = 0  # of the word, or of the quote that begins it

    def run(self) -> Words:
        raw, at, end = self.raw, 0, len(self.raw)
        quote_at = -1  # of the open double quote
        while at < end:
            char = raw[at]
            if quote_at < 0 and char in _BLANKS and not self.whole:
                self.finish_word()
                at += 1
                continue
            if quote_at < 0 and char == 0x23 and not self.whole:
                break
            self.begin_word(at)
            ordinary = (_ORDINARY if quote_at < 0 else _QUOTED).match(raw, at)
            if ordinary is not None:
                self.current += ordinary.group()
                at = ordinary.end()
            elif char == 0x5C:
                at = self.escape(at)
            elif char == 0x22:
                quote_at = at if quote_at < 0 else -1
                at += 1
            elif char == 0x27 and quote_at < 0:
                at = self.strong_quote(at)
            elif char == 0x24 and quote_at >= 0:
                at = self.variable(at)
            else:
                self.current.append(char)
                at += 1
        if quote_at >= 0:
            raise LexError(f"unmatched quote at position {quote_at + 1}:", quote_at + 1)
        if not self.whole:
            self.finish_word()
        return self.words

    def run_whole(self) -> bytes:
        self.run()
        return bytes(self.current)

    def begin_word(self, at: int) -> None:
        if not self.in_word:
            self.in_word = True
            self.start = at

    def finish_word(self) -> None:
        if not self.in_word:
            return
        if len(self.words.texts) >= MAX_WORDS:
            shown = decode(bytes(self.current[:40]))
            raise LexError(
                f"too many words, truncating after word {MAX_WORDS + 1}, position {self.start + 1}: <{shown}>.", self.start + 1
            )
        if len(self.current) > MAX_WORD:
            raise LexError(f"word of more than {MAX_WORD} bytes at position {self.start + 1}:", self.start + 1)
        self.words.texts.append(decode(bytes(self.current)))
        self.words.columns.append(self.start + 1)
        self.current.clear()
        self.in_word = False

    def escape(self, at: int) -> int:
        """A backslash outside single quotes (manual, section 2.2). Unknown escapes keep their backslash."""
        raw = self.raw
        if at + 1 >= len(raw):
            self.current += b"\\"
            return at + 1
        following = raw[at + 1]
        if following == 0x78:  # \xNN
            digits = raw[at + 2 : at + 4]
            if len(digits) < 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
                raise LexError(f"truncated or invalid hexadecimal sequence at position {at + 1}:", at + 1)
            value = int(digits, 16)
            if value == 0:
                raise LexError(f"NUL character at position {at + 1}:", at + 1)
            self.current.append(value)
            return at + 4
        plain = _PLAIN_ESCAPES.get(following)
        self.current += plain if plain is not None else raw[at : at + 2]
        return at + 2

    def strong_quote(self, at: int) -> int:
        closing = self.raw.find(b"'", at + 1)
        if closing < 0:
            raise LexError(f"unmatched quote at position {at + 1}:", at + 1)
        self.current += self.raw[at + 1 : closing]
        return closing + 1

    def variable(self, at: int) -> int:
        """`$NAME`, `${NAME}`, `${NAME-default}` and `${NAME[*]}` within double quotes (manual, section 2.3)."""
        raw, begin = self.raw, at
        braces = raw[at + 1 : at + 2] == b"{"
        at += 2 if braces else 1
        name = _NAME.match(raw, at)
        if name is None:
            raise LexError(f"forbidden first char in environment variable name at position {at + 1}:", at + 1)
        value = self.lookup(decode(name.group()))
        at = name.end()
        split_words = False
        if braces:
            if raw[at : at + 1] == b"[":
                if raw[at : at + 3] != b"[*]":
                    raise LexError(f"truncated or invalid word expansion sequence at position {at + 1}:", at + 1)
                split_words = True
                at += 3
            default, at = self.default_value(at, begin)
            if value is None:
                value = default
        self.insert(value, split_words)
        return at

    def default_value(self, at: int, begin: int) -> tuple[str | None, int]:
        """What stands between the name and the closing brace: nothing, or `-` and a default."""
        raw = self.raw
        closing = raw.find(b"}", at)
        if closing < 0 or (closing > at and raw[at : at + 1] != b"-"):
            raise LexError(f"unmatched brace in environment variable name at position {begin + 2}:", begin + 2)
        default = decode(raw[at + 1 : closing]) if closing > at else None
        return default, closing + 1

    def insert(self, value: str | None, split_words: bool) -> None:
        if not value:
            return
        encoded = value.encode("utf-8", "surrogateescape")
        if not split_words:
            self.current += encoded
            return
        # haproxy: each run of blanks in the value ends a word, a leading one as well; what follows the brace joins the last.
        first = True
        for part in re.split(rb"[ \t\n\v\f\r]+", encoded):
            if not first:
                column = self.start
                self.finish_word()
                self.begin_word(column)
            self.current += part
            first = False
