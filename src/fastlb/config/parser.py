"""Reads configuration files line by line: continued lines, conditional blocks, messages of the configuration itself.

Knows files and the directives that begin with a dot (manual, section 2.4). What a line means is up to `sections.py`.
"""

from __future__ import annotations

import os
import stat as status
from collections.abc import Sequence
from dataclasses import dataclass

from .conditions import ConditionError, evaluate
from .diagnostics import ALERT, NOTICE, WARNING, Diagnostic, Diagnostics
from .keywords.row import Reading, Source
from .lexer import MAX_LINE, LexError, decode, is_continued, split, split_with_columns
from .model import Configuration, Location
from .sections import Sections
from .values import Resolver

MAX_FILE = 64 << 20
MAX_NESTED = 100  # haproxy: the same limit for `.if`


@dataclass(slots=True)
class Block:
    """One open `.if`.

    state: "run" (its branch is read), "seek" (no branch yet), "done" (one was read) or "skip" (an outer one is not read).
    """

    state: str
    has_else: bool = False


def find_files(paths: Sequence[str], diagnostics: Diagnostics) -> list[str]:
    """Files of the -f arguments: a directory gives its *.cfg files in C order, hidden ones and others left out."""
    found: list[str] = []
    for path in paths:
        try:
            if not status.S_ISDIR(os.stat(path).st_mode):
                found.append(path)
                continue
            names = sorted(os.listdir(path), key=os.fsencode)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            diagnostics.alert("unreadable-file", f"Cannot open configuration file/directory {path} : {reason}")
            continue
        full = (os.path.join(path, name) for name in names if name.endswith(".cfg") and not name.startswith("."))
        found += [name for name in full if os.path.isfile(name)]
    return found


class Parser:
    """Reads files into one configuration. `read` may be called for one file after another."""

    def __init__(self, diagnostics: Diagnostics, environment: dict[str, str], resolver: Resolver) -> None:
        self.diagnostics = diagnostics
        self.environment = environment
        self.configuration = Configuration()
        self.reading = Reading(self.configuration, diagnostics, environment, resolver, self.lookup)
        self.sections = Sections(self.reading)
        self.blocks: list[Block] = []
        self.texts: dict[str, list[bytes]] = {}
        self.file = ""
        self.number = 0

    def lookup(self, name: str) -> str | None:
        """A variable of the environment, or one of the pseudo-variables (manual, section 2.3)."""
        if name.startswith("."):
            pseudo = {".FILE": self.file, ".LINE": str(self.number), ".SECTION": self.sections.name if self.sections.kind else ""}
            return pseudo.get(name)
        return self.environment.get(name)

    def source_of(self, location: Location) -> str:
        """The text of the line at a location, "" where there is none."""
        lines = self.texts.get(location.file, [])
        return decode(lines[location.line - 1]).rstrip("\r") if 0 < location.line <= len(lines) else ""

    def read(self, path: str) -> None:
        """Reads one file. Reports; never raises for what a file may hold."""
        try:
            with open(path, "rb") as stream:
                raw = stream.read(MAX_FILE + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.diagnostics.alert("unreadable-file", f"Could not open configuration file {path} : {reason}")
            return
        if len(raw) > MAX_FILE:
            self.diagnostics.alert("unreadable-file", f"Configuration file {path} is larger than {MAX_FILE} bytes.")
            return
        self.read_bytes(raw, path)

    def read_bytes(self, raw: bytes, path: str) -> None:
        """As `read`, from memory; `path` is the name in messages."""
        self.file, self.number, self.blocks = path, 0, []
        self.configuration.files.append(path)
        directory = self.reading.directory
        try:
            directory.enter(path)
            self._read_lines(raw, path)
        except OSError as error:
            reason = f"couldn't go to the directory that 'default-path' means for {path} : {error.strerror}"
            self.diagnostics.alert("bad-file", reason)
        finally:
            directory.leave()
        if beginning := directory.of(path):
            self.configuration.directories[path] = beginning

    def _read_lines(self, raw: bytes, path: str) -> None:
        lines = self.texts[path] = raw.split(b"\n")
        if lines[-1]:
            self._missing_end(lines)
        else:
            lines.pop()
        at, count = 0, len(lines)
        while at < count and not self.diagnostics.is_full:
            line = lines[at]
            if not line or line.isspace():
                at += 1
                continue
            source = Source(path, at + 1, line[:-1] if line.endswith(b"\r") else line)
            at += 1
            if source.raw.endswith(b"\\"):
                at = self._join(source, lines, at)
            self.number = at
            self._line(source)
        if self.blocks:
            self._report(
                Source(path, max(len(lines), 1), lines[-1] if lines else b""), "non-terminated '.if' block.", "condition"
            )
        self.sections.close()

    def _missing_end(self, lines: list[bytes]) -> None:
        # haproxy: refuses it since 2.5; a whole last line is read here, with a warning.
        number, last = len(lines), lines[-1]
        location = Location(self.file, number, len(last) + 1)
        message = f"Missing LF on last line, file might have been truncated at position {len(last) + 1}."
        self.diagnostics.warning("missing-newline", message, f"parsing [{location}]: ", location)

    def _join(self, source: Source, lines: list[bytes], at: int) -> int:
        """Joins continued lines to the first one; returns the index of the next line."""
        parts, total = [source.raw], len(source.raw)
        continued, weak = is_continued(source.raw)
        if continued:
            source.joints.append((0, source.number))
        while continued and at < len(lines):
            parts[-1] = parts[-1][:-1]
            total -= 1
            source.joints.append((total, at + 1))
            line = lines[at].removesuffix(b"\r")
            parts.append(line)
            total += len(line)
            at += 1
            continued, weak = is_continued(line, weak)
        source.raw = b"".join(parts)
        return at

    def _line(self, source: Source) -> None:
        raw = source.raw
        if len(raw) > MAX_LINE:
            self._report(source, f"line of more than {MAX_LINE} bytes.", "syntax")
            return
        if b"\0" in raw:
            column = raw.index(b"\0") + 1
            self._report(source, f"Stray NUL character at position {column}.", "syntax", column)
            return
        try:
            words = split(raw, self.lookup)
        except LexError as error:
            self._report(source, error.message, error.code, error.column)
            return
        if not words:
            return
        if words[0].startswith("."):
            self._directive(source, words)
        elif words[0] and (not self.blocks or self.blocks[-1].state == "run"):
            # haproxy: a line whose first word is empty (`""`) is as if it were not there.
            self.sections.take(source, words)

    def _report(self, source: Source, message: str, code: str, column: int = 0, severity: str = ALERT, hint: str = "") -> None:
        if not column:
            column = len(source.raw) - len(source.raw.lstrip()) + 1
        location, text = source.locate(column)
        self.diagnostics.add(Diagnostic(severity, code, message, f"parsing [{location}]: ", location, hint, text))
        if severity == ALERT:
            self.diagnostics.mark_file(source.file)

    # --- directives ---

    def _directive(self, source: Source, words: list[str]) -> None:
        name = words[0]
        if name in (".if", ".elif"):
            self._condition(source, words)
        elif name in (".else", ".endif"):
            self._else_or_endif(source, words)
        elif self.blocks and self.blocks[-1].state != "run":
            return
        elif name in (".notice", ".warning", ".alert", ".diag"):
            self._message(source, words)
        else:
            self._report(source, f"unknown directive '{name}'.", "unknown-directive")

    def _condition(self, source: Source, words: list[str]) -> None:
        name = words[0]
        outer_runs = not self.blocks or self.blocks[-1].state == "run"
        if name == ".if":
            if len(self.blocks) >= MAX_NESTED:
                self._report(source, f"too many nested '.if', max is {MAX_NESTED}.", "condition")
            self.blocks.append(Block("seek" if outer_runs else "skip"))
        elif not self.blocks:
            self._report(source, "lone '.elif' with no matching '.if'.", "condition")
            return
        elif self.blocks[-1].has_else:
            self._report(source, "'.elif' after '.else' is not permitted.", "condition")
            return
        block = self.blocks[-1]
        if block.state == "run":
            block.state = "done"
        elif block.state == "seek":
            verdict = self._evaluate(source, words)
            # A condition that cannot be read leaves out the whole block: its branches would only give errors of their own.
            block.state = {True: "run", False: "seek", None: "done"}[verdict]

    def _evaluate(self, source: Source, words: list[str]) -> bool | None:
        try:
            return evaluate(" ".join(words[1:]), self.environment)
        except ConditionError as error:
            columns = split_with_columns(source.raw, self.lookup).columns
            message = f"{error.message} in '{words[0]}' at position {error.position}:"
            self._report(source, message, "condition", columns[min(1, len(columns) - 1)])
            return None

    def _else_or_endif(self, source: Source, words: list[str]) -> None:
        name = words[0]
        if len(words) > 1:
            self._report(source, f"Unexpected argument '{words[1]}' for '{name}'.", "unexpected-argument")
        if not self.blocks:
            self._report(source, f"lone '{name}' with no matching '.if'.", "condition")
            return
        block = self.blocks[-1]
        if name == ".endif":
            self.blocks.pop()
        elif block.has_else:
            self._report(source, "'.else' after '.else' is not permitted.", "condition")
        else:
            block.has_else = True
            block.state = {"run": "done", "seek": "run"}.get(block.state, block.state)

    def _message(self, source: Source, words: list[str]) -> None:
        name = words[0]
        if len(words) > 2:
            message = f"Unexpected argument '{words[2]}' for '{name}'. Use quotes if the message should contain spaces."
            self._report(source, message, "unexpected-argument", split_with_columns(source.raw, self.lookup).columns[2])
            return
        severity = {".notice": NOTICE, ".warning": WARNING, ".alert": ALERT}.get(name)
        if severity is not None:
            self._report(source, f"'{words[1] if len(words) > 1 else ''}'.", "message", severity=severity)
