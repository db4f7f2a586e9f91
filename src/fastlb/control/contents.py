"""Maps, ACLs and process variables as all processes have them: control's copy decides the order of changes.

Knows who has to hear of a change and what a new worker must be told. Must not know commands, nor what a pattern means.

A change of a rule comes from its worker, is done here, and goes to every worker, the one it came from included: so all do the
same changes in the same order (docs/internals/shared-contents.md).
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastlb_core.bridge.contents import Contents, Value

from fastlb.control.changes import Applier, Change, of_set, of_variable, value_of
from fastlb.control.messages import MessageError, MessageHub


class SharedContents:
    """contents: this process's copy of the patterns. names: the variables of the scope `proc`, by slot."""

    def __init__(self, contents: Contents, names: tuple[str, ...], hub: MessageHub) -> None:
        self.contents = contents
        self._slots = {name: slot for slot, name in enumerate(names)}
        self._hub = hub
        self._apply_one = Applier(contents, self._remember)
        self._variables: dict[int, Value | None] = {}  # those that were changed
        self._unused: dict[str, Value] = {}  # variables that no rule names: only commands see them
        self._touched: set[int] = set()
        self._greeting = asyncio.Lock()

    # -- what commands do ---------------------------------------------------------------------------------------------

    async def change(self, *changes: Change) -> None:
        """Does changes everywhere; returns when the workers that answer have done them."""
        for change in changes:
            self._do(change)
        await self._hub.broadcast("apply", changes=list(changes))

    async def done(self, *changes: Change) -> None:
        """Tells all workers what was done to this process's copy already; returns when those that answer have done it."""
        self._touched.update(change[1] for change in changes)
        await self._hub.broadcast("apply", changes=list(changes))

    async def replace(self, number: int) -> None:
        """This process's copy of a set was replaced as a whole: tells all workers its entries."""
        self._touched.add(number)
        for change in of_set(number, self.contents.entries(number)):
            self._hub.post("apply", changes=[change])
        await self._hub.broadcast("ping")

    async def variable(self, name: str) -> Value | None:
        """The value of a process variable (name without its scope) as a worker has it; None where it is not set."""
        slot = self._slots.get(name)
        if slot is None:
            return self._unused.get(name)
        for worker in self._hub.workers:
            try:
                return value_of((await self._hub.request(worker, "variable", slot=slot))["change"])
            except MessageError:
                continue
        return self._variables.get(slot)

    async def set_variable(self, name: str, value: Value) -> None:
        slot = self._slots.get(name)
        if slot is None:
            self._unused[name] = value
        else:
            await self.change(of_variable(slot, value))

    # -- what the hub says --------------------------------------------------------------------------------------------

    def hear(self, worker: int, changes: list[Change]) -> None:
        for change in changes:
            self._do(change)
        self._hub.post("apply", changes=changes, origin=worker)

    async def greet(self, worker: int, is_touched: bool) -> None:
        """A worker is there: it gets what was changed. A control that was restarted takes that from the first that knows it."""
        async with self._greeting:
            if is_touched and not self._is_touched:
                for change in (await self._hub.request(worker, "contents"))["changes"]:
                    self._do(change)
                    self._hub.post("apply", changes=[change])
            else:
                for change in self._all_changes():
                    self._hub.tell(worker, "apply", changes=[change])

    @property
    def _is_touched(self) -> bool:
        return bool(self._touched or self._variables)

    def _all_changes(self) -> list[Change]:
        found: list[Any] = [of_variable(slot, value) for slot, value in self._variables.items()]
        for number in sorted(self._touched):
            found += of_set(number, self.contents.entries(number))
        return found

    def _do(self, change: Change) -> None:
        if change[0] not in ("var", "unset"):
            self._touched.add(change[1])
        self._apply_one(change)

    def _remember(self, slot: int, value: Value | None) -> None:
        self._variables[slot] = value
