"""The servers that commands have added and removed, as one process knows them.

Every process has one: the master's is inherited by whatever it forks, so that a worker or a control process that is started again
knows what the others know. Knows records and their form between processes: Python's literals, which hold bytes and tuples as the
core wants them. Must not know who decides or in which order the others hear of it (dynamic_servers.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any, Protocol

Record = dict[str, Any]
"""serial: of the addition. index, proxy, place: where the server stands. words: of the command. server, tls, link: what it is."""
_LEARNED = ("index", "proxy", "place", "server", "tls", "link")


class Core(Protocol):
    """fastlb_core.bridge.dynamic.DynamicServers."""

    def learn(self, **values: Any) -> None: ...
    def forget(self, index: int) -> None: ...


class Roster:
    """records: by index, what was added. removed: indexes of the configuration's servers that are gone."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.records: dict[int, Record] = {}
        self.removed: set[int] = set()

    def add(self, text: str) -> Record:
        """Learns the server of a record; a second time it does nothing. Raises ValueError, and then knows what it knew."""
        record: Record = _read(text)
        self._learn(record)
        return record

    def remove(self, index: int) -> None:
        """Forgets a server, its own or the configuration's; a second time it does nothing. Raises ValueError."""
        self.core.forget(index)
        if self.records.pop(index, None) is None:
            self.removed.add(index)

    def text(self) -> str:
        """All that it knows, for `become`."""
        return repr((list(self.records.values()), sorted(self.removed)))

    def become(self, text: str) -> list[int]:
        """Learns what another one knows; returns the indexes of servers that the other one does not have. Raises ValueError."""
        records, removed = _read(text)
        wanted = {record["index"]: record["serial"] for record in records}
        stale = [index for index, record in self.records.items() if wanted.get(index) != record["serial"]]
        stale += [index for index in removed if index not in self.removed]
        for index in stale:
            self.remove(index)
        for record in sorted(records, key=lambda each: each["place"]):
            self._learn(record)
        return stale

    def _learn(self, record: Record) -> None:
        index = record["index"]
        if index in self.records and self.records[index]["serial"] == record["serial"]:
            return
        try:
            self.core.learn(**{name: record[name] for name in _LEARNED})
        except (TypeError, KeyError, OverflowError, MemoryError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None
        self.records[index] = record


def text_of(record: Record) -> str:
    return repr(record)


def _read(text: str) -> Any:
    """Only literals are read: nothing that a text says is carried out."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a record ({type(error).__name__})") from None


def lowest_free(taken: Iterable[int], first: int) -> int:
    """The lowest number from `first` on that is not taken."""
    used, number = set(taken), first
    while number in used:
        number += 1
    return number
