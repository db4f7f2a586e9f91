"""What is wrong with a configuration, and how it is printed: HAProxy's line, then ours with the source and a caret.

Knows severities, locations and the two output formats. Must not know any keyword: messages are made where the
mistake is found.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .model import Location

ALERT, WARNING, NOTICE = "alert", "warning", "notice"
MAX_DIAGNOSTICS = 1000  # of one run; a file of another kind given by mistake must not fill the terminal
MAX_SUGGESTIONS = 100  # of one run: comparing a word with 400 keywords costs about 1 ms
_SHOWN_WIDTH = 160

_TAGS = {ALERT: "[ALERT]   ", WARNING: "[WARNING] ", NOTICE: "[NOTICE]  "}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message.

    severity: "alert" (the configuration is refused), "warning" or "notice".
    code: stable, for programs ("unknown-keyword"); see docs/compatibility.md.
    lead: what HAProxy puts before the message, with the place ("parsing [file:4] : ").
    location: None where the message is about the whole configuration.
    hint: what to do, "" if there is nothing to add. source: the line as it stands in the file, "" if unknown.
    """

    severity: str
    code: str
    message: str
    lead: str = ""
    location: Location | None = None
    hint: str = ""
    source: str = ""

    def render(self, pid: int | None = None) -> str:
        """HAProxy's line; below it, indented, the source line with a caret, and the hint."""
        lines = [f"{_TAGS[self.severity]} ({os.getpid() if pid is None else pid}) : config : {self.lead}{self.message}"]
        if self.location is not None and self.source.strip():
            lines += self._excerpt(self.location)
        if self.hint:
            lines.append(f"      hint: {self.hint}")
        return printable("\n".join(lines))

    def _excerpt(self, location: Location) -> list[str]:
        column = max(location.column, 1)
        source = self.source.rstrip()
        start = max(0, min(column - 1 - _SHOWN_WIDTH // 2, len(source) - _SHOWN_WIDTH))
        shown = source[start : start + _SHOWN_WIDTH]
        # Tabs stay tabs in the caret's line, so that it stands below its word whatever the terminal's tab width is.
        before = shown[: column - 1 - start]
        blank = "".join("\t" if char == "\t" else " " for char in before)
        word = shown[len(before) :].split(None, 1)[0] if shown[len(before) :].strip() else ""
        label = f"{location.line}:{column}"
        return [f"  {label} | {shown}", f"  {' ' * len(label)} | {blank}^{'~' * (len(word) - 1)}"]

    def as_json(self) -> dict[str, object]:
        """The object that `--format json` prints."""
        place = self.location
        return {
            "severity": self.severity,
            "code": self.code,
            "message": printable(f"{self.lead}{self.message}"),
            "file": printable(place.file) if place else None,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "hint": printable(self.hint) or None,
            "source": printable(self.source[:_SHOWN_WIDTH]) or None,
        }


def printable(text: str) -> str:
    """`text` with what a terminal would obey or not show (controls, broken UTF-8) as escapes; newline and tab stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in "\n\t" or char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


@dataclass(slots=True)
class Diagnostics:
    """All messages of one run, in the order in which they were found."""

    items: list[Diagnostic] = field(default_factory=list)
    alerts: int = 0
    warnings: int = 0
    suggestions_left: int = MAX_SUGGESTIONS
    _bad_files: dict[str, None] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_errors(self) -> bool:
        return self.alerts > 0

    @property
    def has_warnings(self) -> bool:
        return self.warnings > 0

    @property
    def is_full(self) -> bool:
        return len(self.items) >= MAX_DIAGNOSTICS

    def add(self, diagnostic: Diagnostic) -> None:
        """Keeps the message; beyond MAX_DIAGNOSTICS it is only counted."""
        if diagnostic.severity == ALERT:
            self.alerts += 1
        elif diagnostic.severity == WARNING:
            self.warnings += 1
        if len(self.items) < MAX_DIAGNOSTICS:
            self.items.append(diagnostic)

    def alert(
        self, code: str, message: str, lead: str = "", location: Location | None = None, hint: str = "", source: str = ""
    ) -> None:
        self.add(Diagnostic(ALERT, code, message, lead, location, hint, source))

    def warning(
        self, code: str, message: str, lead: str = "", location: Location | None = None, hint: str = "", source: str = ""
    ) -> None:
        self.add(Diagnostic(WARNING, code, message, lead, location, hint, source))

    def notice(
        self, code: str, message: str, lead: str = "", location: Location | None = None, hint: str = "", source: str = ""
    ) -> None:
        self.add(Diagnostic(NOTICE, code, message, lead, location, hint, source))

    def mark_file(self, path: str) -> None:
        """The file has an error: HAProxy names each such file at the end."""
        self._bad_files[path] = None

    def conclude(self) -> None:
        """Adds HAProxy's closing lines; to be called once, when everything was looked at."""
        if not self.has_errors:
            return
        hidden = self.alerts + self.warnings - len(self.items)
        closing = (
            [Diagnostic(ALERT, "too-many-errors", f"{hidden} more messages are not shown.")]
            if self.is_full and hidden > 0
            else []
        )
        closing += [
            Diagnostic(ALERT, "file-has-errors", f"Error(s) found in configuration file : {path}") for path in self._bad_files
        ]
        closing.append(Diagnostic(ALERT, "fatal", "Fatal errors found in configuration."))
        self.items += closing

    def render(self, pid: int | None = None) -> str:
        """All messages as text, one block each, "" where there are none."""
        return "".join(item.render(pid) + "\n" for item in self.items)

    def to_json(self) -> str:
        """All messages as a JSON array of objects."""
        return json.dumps([item.as_json() for item in self.items], indent=2, ensure_ascii=False)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate that `word` was probably meant to be, or ""; ties go to the first."""
    limit = max(1, min(3, (len(word) + 1) // 3))
    best, best_distance = "", limit + 1
    for candidate in candidates:
        if abs(len(candidate) - len(word)) >= best_distance:
            continue
        distance = _distance(word, candidate, best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best if best_distance < len(word) else ""


def _distance(left: str, right: str, limit: int) -> int:
    """Optimal string alignment distance (edits and swaps of neighbours), or `limit` as soon as it cannot be less."""
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        current = [i]
        for j, other in enumerate(right, 1):
            cost = min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) >= limit and (not previous or min(previous) >= limit):
            return limit
        before, previous = previous, current
    return previous[-1]
