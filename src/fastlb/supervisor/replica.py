"""A worker's copy of maps, ACLs and process variables: its rules' changes go to control, those of others come from there.

Knows the order that keeps all copies alike (docs/internals/shared-contents.md). Must not know sockets or commands.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from fastlb.control.changes import Applier, Change, Key, key_of, of_log, of_set, of_variable


class Replica:
    """contents: a fastlb_core.bridge.contents.Contents of this process. set_variable, variable: of the engine, by slot."""

    def __init__(
        self, index: int, contents: Any, set_variable: Callable[[int, Any], None], variable: Callable[[int], Any]
    ) -> None:
        self._index = index
        self._contents = contents
        self._variable = variable
        self._apply_one = Applier(contents, set_variable)
        self._unanswered: deque[list[Change]] = deque()  # own changes that have not come back yet
        self._own: Counter[Key] = Counter()  # how many of them decide each key
        self._touched: set[tuple[bool, int]] = set()  # (is a variable, number) of what is no longer as configured

    @property
    def is_touched(self) -> bool:
        return bool(self._touched)

    def log(self, raw: bytes) -> list[Change]:
        """What to tell control of what rules have just done here."""
        changes = of_log(raw)
        self._unanswered.append(changes)
        for change in changes:
            self._count(change, 1)
            self._touch(change)
        return changes

    def unanswered(self) -> list[list[Change]]:
        """What to tell a control that is new, or that was lost for a while."""
        return list(self._unanswered)

    def apply(self, changes: list[Change], origin: int | None) -> None:
        """Changes in control's order. Own ones come back too: they tell where they stand among the others'."""
        is_own = origin == self._index
        if is_own and self._unanswered:
            self._unanswered.popleft()
        for change in changes:
            if is_own:
                self._count(change, -1)
            self._touch(change)
            key = key_of(change)
            # What a rule of ours has done since stands behind this one in the order: it will come back, and decide.
            if key is None or not self._own[key]:
                self._apply_one(change)

    def dump(self) -> list[Change]:
        """All that is no longer as configured, for a control that does not know it."""
        found: list[Change] = []
        for is_variable, number in sorted(self._touched):
            if is_variable:
                found.append(of_variable(number, self._variable(number)))
            else:
                found += of_set(number, self._contents.entries(number))
        return found

    def _touch(self, change: Change) -> None:
        self._touched.add((change[0] in ("var", "unset"), change[1]))

    def _count(self, change: Change, by: int) -> None:
        key = key_of(change)
        if key is None:
            return
        self._own[key] += by
        if self._own[key] <= 0:
            del self._own[key]
