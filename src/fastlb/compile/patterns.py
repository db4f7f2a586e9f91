"""The sets of patterns of a program: one for each file, whatever ACLs and maps use it, and one for the words of each ACL line.

Knows how HAProxy numbers and describes them for the runtime API. Must not know how patterns are matched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastlb_core.bridge.builder import ProgramBuilder

from fastlb.config.model import Location
from fastlb.config.pattern_files import PatternLine

from .failure import CompileError
from .text import file_bytes


@dataclass(slots=True)
class _Set:
    """number: in the program. uses: ("acl" or "map", where)."""

    number: int
    location: Location
    file: str = ""
    keyword: str = ""
    unique_id: int | None = None
    has_values: bool = False
    uses: list[tuple[str, Location]] = field(default_factory=list)
    is_acl: bool = False

    @property
    def description(self) -> str:
        if not self.file:
            return f"acl '{self.keyword}' file '{self.location.file}' line {self.location.line}"
        uses = ", ".join(
            f"by {kind} at file '{location.file}' line {location.line}"
            for kind, location in sorted(self.uses, key=lambda use: use[1].line)
        )
        return f"pattern loaded from file '{self.file}' used {uses}"


class PatternSets:
    """Adds the sets to a builder; `finish` gives them their ids once all are known."""

    def __init__(self, builder: ProgramBuilder, files: Sequence[str]) -> None:
        self._builder = builder
        self._files = {name: index for index, name in enumerate(files)}
        self._sets: list[_Set] = []
        self._by_file: dict[str, _Set] = {}

    def has_file(self, name: str) -> bool:
        return name in self._by_file

    def of_file(self, name: str, lines: Sequence[PatternLine], location: Location, *, has_values: bool, is_acl: bool) -> int:
        """The number of a file's set. Raises CompileError where it is read as a list here and as a map elsewhere."""
        found = self._by_file.get(name)
        if found is None:
            number = self._add(name, lines, has_values)
            found = _Set(number, location, name, has_values=has_values)
            self._by_file[name] = found
            self._sets.append(found)
        elif found.has_values != has_values:
            before, now = ("two", "one") if found.has_values else ("one", "two")
            message = f'The file "{name}" is already used as {before} column file and cannot be used by as {now} column file.'
            raise CompileError(location, message)
        found.uses.append(("map" if has_values else "acl", location))
        found.is_acl |= is_acl
        return found.number

    def of_words(self, keyword: str, lines: Sequence[PatternLine], location: Location, unique_id: int | None) -> int:
        """The number of the set of an ACL line's own words, which may be empty: commands can add to it."""
        number = self._add("", lines, False)
        self._sets.append(_Set(number, location, keyword=keyword, unique_id=unique_id, is_acl=True))
        return number

    def _add(self, name: str, lines: Sequence[PatternLine], has_values: bool) -> int:
        entries = [(line.key, line.value or b"", line.line) for line in lines]
        number: int = self._builder.add_pattern_set(file_bytes(name), entries, has_values)
        return number

    def finish(self) -> None:
        """haproxy: ids are given in the order of the lines, past those that -u has taken."""
        taken = {one.unique_id for one in self._sets}
        following = 0
        for one in sorted(self._sets, key=self._first_line):
            number = one.unique_id
            if number is None:
                while following in taken:
                    following += 1
                number = following
                following += 1
            self._builder.describe_pattern_set(one.number, number, one.has_values, one.is_acl, one.description)

    def _first_line(self, one: _Set) -> tuple[int, int]:
        places = [location for _, location in one.uses] or [one.location]
        return min((self._files.get(location.file, 0), location.line) for location in places)
