"""Files of patterns and maps (manual, section 7.1).

Knows how such a file is written. Must not know what the patterns match.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PatternLine:
    """One entry: the line's number, the key, and a map's value ("" in a list)."""

    line: int
    key: str
    value: str = ""


def read_patterns(path: str, is_map: bool) -> list[PatternLine]:
    """The entries of a file. Raises OSError."""
    found = []
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        for number, line in enumerate(stream, 1):
            text = line.strip("\r\n")
            if not text or text.startswith("#") or not text.strip():
                continue
            text = text.strip(" \t")
            key, _, value = text.partition(" ") if is_map else (text, "", "")
            found.append(PatternLine(number, key, value.strip()))
    return found
