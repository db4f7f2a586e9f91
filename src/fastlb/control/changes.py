"""Changes of what all processes hold a copy of (maps, ACLs, variables of the scope `proc`): what one is, as JSON and done.

Knows the kinds and which of them concern one key only. Must not know who sends them (contents.py, supervisor/replica.py).

    ["put", set, key]                      the key is there once, unless it is there already   rules: add-acl
    ["set", set, key, value]               every entry with that key; added where there is none  set-map
    ["del", set, key]                      no entry with that key                              del-map, del-acl, del map
    ["add", set, key, value or None]       one more entry                                      add map, add acl
    ["set-nth", set, key, n, value]        the n-th entry with that key                        set map #ref
    ["del-nth", set, key, n]                                                                   del map #ref
    ["clear", set]
    ["load", set], ["more", set, [[key, value], ...]]..., ["commit", set]                      all entries, at once
    ["var", slot, type, num, ip, bytes], ["unset", slot]                                       set-var(proc.x)

Bytes are texts of latin-1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastlb_core.bridge.contents import Contents, ContentsError, Value, read_changes

Change = list[Any]
Key = tuple[str, int, str]

# What a chunk of a set is cut at: a worker takes one between two turns of its loop.
_CHUNK_BYTES = 128 * 1024


def text(raw: bytes) -> str:
    return raw.decode("latin-1")


def raw(text: str) -> bytes:
    return text.encode("latin-1")


def of_log(log: bytes) -> list[Change]:
    """What rules of a worker have logged."""
    return [_of_record(*record) for record in read_changes(log)]


def _of_record(kind: str, number: int, key: bytes, value: Any) -> Change:
    if kind == "var":
        return of_variable(number, value)
    if kind == "unset":
        return [kind, number]
    return [kind, number, text(key), text(value)] if kind == "set" else [kind, number, text(key)]


def of_variable(slot: int, value: Value | None) -> Change:
    if value is None:
        return ["unset", slot]
    return ["var", slot, value.type, value.num, text(value.ip), text(value.bytes)]


def value_of(change: Change) -> Value | None:
    """Of a "var" or "unset"."""
    if change[0] == "unset":
        return None
    _, _, kind, num, ip, content = change
    return Value(kind, num, raw(ip), raw(content))


def key_of(change: Change) -> Key | None:
    """What the change decides for good, whatever was before; None for one that concerns more, or depends on what was."""
    if change[0] in ("put", "set", "del"):
        return ("patterns", change[1], change[2])
    return ("variable", change[1], "") if change[0] in ("var", "unset") else None


def of_set(number: int, entries: Sequence[tuple[int, bytes, bytes | None]]) -> Iterator[Change]:
    """The changes that make a set hold these entries (id, key, value), in pieces."""
    yield ["load", number]
    piece: list[list[str | None]] = []
    size = 0
    for _, key, value in entries:
        piece.append([text(key), None if value is None else text(value)])
        size += len(key) + len(value or b"")
        if size >= _CHUNK_BYTES:
            yield ["more", number, piece]
            piece, size = [], 0
    if piece:
        yield ["more", number, piece]
    yield ["commit", number]


class Applier:
    """Does changes to this process's copies.

    contents: its patterns. set_variable: called with a slot and its Value, or None to unset it.
    """

    def __init__(self, contents: Contents, set_variable: Callable[[int, Value | None], None]) -> None:
        self._contents = contents
        self._set_variable = set_variable
        self._loading: dict[int, int] = {}  # the version that a set's new entries are collected in

    def __call__(self, change: Change) -> None:
        """A change that does not fit (it did where it came from) is left out."""
        kind, number, *arguments = change
        if kind in ("var", "unset"):
            self._set_variable(number, value_of(change))
            return
        try:
            _ACTIONS[kind](self, number, *arguments)
        except (ContentsError, KeyError):
            self._loading.pop(number, None)

    def _put(self, number: int, key: str) -> None:
        if not self._contents.find(number, raw(key)):
            self._contents.add(number, raw(key))

    def _set(self, number: int, key: str, value: str) -> None:
        if not self._contents.change(number, raw(key), raw(value)):
            self._contents.add(number, raw(key), raw(value))

    def _del(self, number: int, key: str) -> None:
        self._contents.remove(number, raw(key))

    def _add(self, number: int, key: str, value: str | None) -> None:
        self._contents.add(number, raw(key), None if value is None else raw(value))

    def _set_nth(self, number: int, key: str, n: int, value: str) -> None:
        self._contents.change_nth(number, raw(key), n, raw(value))

    def _del_nth(self, number: int, key: str, n: int) -> None:
        self._contents.remove_nth(number, raw(key), n)

    def _clear(self, number: int) -> None:
        self._contents.clear(number)

    def _load(self, number: int) -> None:
        self._loading[number] = self._contents.prepare(number)

    def _more(self, number: int, entries: list[list[str | None]]) -> None:
        version = self._loading[number]
        for key, value in entries:
            assert key is not None
            self._contents.add(number, raw(key), None if value is None else raw(value), version)

    def _commit(self, number: int) -> None:
        self._contents.commit(number, self._loading.pop(number))


_ACTIONS: dict[str, Callable[..., None]] = {
    "put": Applier._put,
    "set": Applier._set,
    "del": Applier._del,
    "add": Applier._add,
    "set-nth": Applier._set_nth,
    "del-nth": Applier._del_nth,
    "clear": Applier._clear,
    "load": Applier._load,
    "more": Applier._more,
    "commit": Applier._commit,
}
