"""Files of patterns and maps: names, lines, columns (manual, sections 7.1 "-f", "-M" and 7.3.1 "map").

Knows how such a file is written and how its name is. Must not know what a pattern means (ext/fastlb_core/program/pattern.pxd
does) nor who uses it. Contents are bytes: a file need not be UTF-8.
"""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from .values import ValueFault

_SPACES = re.compile(rb"[ \t]+")
_NUL_TO_END = re.compile(rb"\0[^\n]*")


class FileKind(Enum):
    """How a list of patterns is named since HAProxy 3.0: what stands before the @."""

    FILE = "file"  # must exist
    OPTIONAL = "opt"  # may be missing: then it is empty
    VIRTUAL = "virt"  # no file: filled by the runtime API


class PatternName(NamedTuple):
    """kind; name: what identifies the list, for the runtime API too; path: of its file, "" where it has none."""

    kind: FileKind
    name: str
    path: str


class PatternLine(NamedTuple):
    """One entry: its line in the file, from 1; the pattern; in a map the value, which may be empty, else None."""

    line: int
    key: bytes
    value: bytes | None


def parse_name(word: str) -> PatternName:
    """The kind and name in a word of the configuration. `file@x`, `opt@x` and `x` name the same list, `virt@x` another one."""
    prefix, at, rest = word.partition("@")
    if at and prefix == FileKind.VIRTUAL.value:
        return PatternName(FileKind.VIRTUAL, word, "")
    if at and prefix in (FileKind.FILE.value, FileKind.OPTIONAL.value):
        return PatternName(FileKind(prefix), rest, rest)
    return PatternName(FileKind.FILE, word, word)


def read_patterns(word: str, is_map: bool, directory: str = "") -> list[PatternLine]:
    """The entries of the list that `word` names, in order; a relative name begins in `directory`. Blocks on the file.

    Raises ValueFault with HAProxy's words where the file cannot be read.
    """
    name = parse_name(word)
    if name.kind is FileKind.VIRTUAL:
        return []
    try:
        text = Path(directory, name.path).read_bytes()
    except OSError as error:
        if name.kind is FileKind.OPTIONAL and isinstance(error, FileNotFoundError):
            return []
        raise ValueFault(f"failed to open pattern file <{name.path}>", "bad-file") from error
    except ValueError as error:  # a NUL in the name
        raise ValueFault(f"failed to open pattern file <{name.path}>", "bad-file") from error
    return parse_patterns(text, is_map)


def parse_patterns(text: bytes, is_map: bool) -> list[PatternLine]:
    """The entries of a file's text. Lines that begin with # and empty ones are left out; white space before a pattern is
    stripped, and in a map also around the value."""
    entries = []
    # haproxy: a line ends at its first NUL.
    text = _NUL_TO_END.sub(b"", text)
    for number, raw in enumerate(text.split(b"\n"), 1):
        if raw.startswith(b"#"):
            continue
        line = raw.strip(b" \t\r") if is_map else raw.lstrip(b" \t").rstrip(b"\r")
        if not line:
            continue
        if not is_map:
            entries.append(PatternLine(number, line, None))
        else:
            key, *value = _SPACES.split(line, maxsplit=1)
            entries.append(PatternLine(number, key, value[0] if value else b""))
    return entries
