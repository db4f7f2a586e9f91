"""Commands on maps and ACLs (management guide, section 9.3): show, get, add, set, del, clear, prepare, commit.

Knows HAProxy's words, identifiers and versions. Must not know how the workers hear of a change (control/contents.py).
Prepared versions are here alone until they are committed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fastlb_core.bridge.contents import Contents, ContentsError, Entry, Match

from fastlb.control.changes import Change, text
from fastlb.control.contents import SharedContents
from fastlb.control.runtime.command import Command, Handler, Level, Refused, Request

_TITLES = {"map": "map", "acl": "ACL"}
_SET_EXPECTS = "'set map' expects three parameters: map identifier, key and value.\n"
_ADD_MAP_EXPECTS = (
    "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload\n"
)
_ADD_ACL_EXPECTS = "'add acl' expects two parameters: ACL identifier and pattern.\n"
_IS_MAP = "This ACL is shared with a map containing samples. You must use the command 'add map' to add values.\n"
# What is added to an entry's number to make its reference: small numbers are no references, as with haproxy's addresses.
_REFERENCE = 1 << 40
_LINES_A_TURN = 2000  # of a listing, between two turns of the loop


class _Described(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def is_map(self) -> bool: ...
    @property
    def is_acl(self) -> bool: ...
    @property
    def description(self) -> str: ...


def _raw(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Call:
    """A command's words taken apart: which sets it may mean, the version, the set, and the words behind it."""

    request: Request
    kind: str
    version: int | None = None
    arguments: Sequence[str] = ()

    @classmethod
    def of(cls, request: Request) -> _Call:
        call = cls(request, request.words[request.n_keywords - 1], None, request.arguments)
        if request.argument(0).startswith("@"):
            # haproxy: what is no number is 0.
            match = re.match(r"\d+", request.argument(0)[1:])
            call.version = int(match[0]) & 0xFFFFFFFF if match else 0
            call.arguments = request.arguments[1:]
        return call

    @property
    def shared(self) -> SharedContents:
        assert self.request.control.contents is not None
        return self.request.control.contents

    @property
    def contents(self) -> Contents:
        return self.shared.contents

    def argument(self, place: int) -> str:
        return self.arguments[place] if place < len(self.arguments) else ""

    def sets(self) -> list[_Described]:
        """Those that this kind of command sees, by id."""
        if self.request.control.contents is None:
            return []
        found = self.contents.program.patterns
        return sorted((one for one in found if (one.is_map if self.kind == "map" else one.is_acl)), key=lambda one: one.id)

    def number(self) -> int:
        """The set that the first argument names, `#id` or a file."""
        name = self.argument(0)
        for one in self.sets():
            if (name == f"#{one.id}") if name.startswith("#") else (one.name == name and name):
                return one.index
        raise Refused(f"Unknown {_TITLES[self.kind]} identifier. Please use #<id> or <file>.\n")

    def refuse_map(self) -> None:
        """haproxy: `add acl` must not leave entries without values in a map."""
        number = self.number()
        if next(one.is_map for one in self.sets() if one.index == number):
            raise Refused(_IS_MAP)


# --- show, get ---


async def _show(request: Request) -> str:
    call = _Call.of(request)
    if not request.arguments:
        lines = ["# id (file) description\n"]
        for one in call.sets():
            current, following, count = call.contents.versions(one.index)
            lines.append(
                f"{one.id} ({one.name}) {one.description}. curr_ver={current} next_ver={following} entry_cnt={count}\n"
            )
        return "".join(lines)
    number = call.number()
    if call.version is not None and not call.contents.has_version(number, call.version):
        return ""
    return "".join([part async for part in _listing(call.contents.entries(number, call.version))])


async def _listing(entries: Sequence[Entry]) -> AsyncIterator[str]:
    for start in range(0, len(entries), _LINES_A_TURN):
        yield "".join(_line(entry) for entry in entries[start : start + _LINES_A_TURN])
        await asyncio.sleep(0)


def _line(entry: Entry) -> str:
    """haproxy shows an address, which is good for `#ref` only: so is an entry's number."""
    value = "" if entry.value is None else f" {_shown(entry.value)}"
    return f"{_REFERENCE + entry.id:#x} {_shown(entry.key)}{value}\n"


def _get(request: Request) -> str:
    call = _Call.of(request)
    if not call.argument(0) or not call.argument(1):
        raise Refused(f"Missing {_TITLES[call.kind]} identifier and/or key.\n")
    matches = call.contents.match(call.number(), _raw(call.argument(1)))
    return "".join(f"{_match_line(match, call.kind == 'map')}\n" for match in matches)


def _match_line(match: Match, is_map: bool) -> str:
    word, pattern = ("found", "key") if is_map else ("match", "pattern")
    found = "no" if match.entry is None else "yes"
    words = [f"type={match.method}", f"case={'in' if match.ignore_case else ''}sensitive", f"{word}={found}"]
    if match.entry is not None:
        words += [f"idx={match.kind}", f'{pattern}="{_shown(match.entry.key)}"']
        if is_map and match.has_output and match.entry.value is not None:
            words += [f'value="{_shown(match.entry.value)}"', f'type="{match.type}"']
        elif is_map:
            words.append("value=none")
    return ", ".join(words)


# --- add, set, del ---


async def _add(request: Request) -> str:
    call = _Call.of(request)
    if call.kind == "acl":
        if not call.argument(0) or not call.argument(1):
            raise Refused(_ADD_ACL_EXPECTS)
        call.refuse_map()
        pairs: list[tuple[str, str | None]] = [(call.argument(1), None)]
    elif request.payload:
        pairs = [_pair(line) for line in request.payload.split("\n") if line.strip()]
    elif len(call.arguments) >= 3 and call.argument(2):
        pairs = [(call.argument(1), call.argument(2))]
    else:
        raise Refused(_ADD_MAP_EXPECTS)
    return await _add_pairs(call, pairs)


def _pair(line: str) -> tuple[str, str | None]:
    key, *value = line.strip(" \t").split(None, 1)
    if not value:
        raise Refused(f"Missing value for key '{key}'.\n")
    return key, value[0]


async def _add_pairs(call: _Call, pairs: list[tuple[str, str | None]]) -> str:
    number, contents = call.number(), call.contents
    if call.version is not None and not contents.has_version(number, call.version):
        # haproxy: what is older than the live version is gone, and adding to it does nothing.
        if call.version > contents.versions(number)[1]:
            raise Refused(f"Version number in the future, please use 'prepare {call.kind}' before.\n")
        return ""
    is_live = call.version is None or call.version == contents.versions(number)[0]
    added: list[Change] = []
    fault = ""
    for key, value in pairs:
        try:
            contents.add(number, _raw(key), None if value is None else _raw(value), call.version)
        except ContentsError as error:
            fault = f"{error}.\n"
            break
        if is_live:
            added.append(["add", number, text(_raw(key)), None if value is None else text(_raw(value))])
    if added:
        await call.shared.done(*added)
    if fault:
        raise Refused(fault)
    return ""


async def _set(request: Request) -> str:
    call = _Call(request, "map", None, request.arguments)
    if not all(call.argument(place) for place in range(3)):
        raise Refused(_SET_EXPECTS)
    number, key, value = call.number(), _raw(call.argument(1)), _raw(call.argument(2))
    try:
        if call.argument(1).startswith("#"):
            entry, n = _by_reference(call, number, "key or pattern not found.\n")
            call.contents.change_nth(number, entry.key, n, value)
            await call.shared.done(["set-nth", number, text(entry.key), n, text(value)])
        elif call.contents.change(number, key, value):
            await call.shared.done(["set", number, text(key), text(value)])
        else:
            raise Refused("entry not found.\n")
    except ContentsError as error:
        raise Refused(f"{error}.\n") from None
    return ""


async def _del(request: Request) -> str:
    call = _Call(request, request.words[1], None, request.arguments)
    if not call.argument(0) or not call.argument(1):
        raise Refused("This command expects two parameters: map identifier and key.\n")
    try:
        number = call.number()
    except Refused:
        # haproxy: of ACLs too.
        raise Refused("Unknown map identifier. Please use #<id> or <file>.\n") from None
    if call.argument(1).startswith("#"):
        entry, n = _by_reference(call, number, "Key not found.\n")
        call.contents.remove_nth(number, entry.key, n)
        await call.shared.done(["del-nth", number, text(entry.key), n])
    elif call.contents.remove(number, _raw(call.argument(1))):
        await call.shared.done(["del", number, text(_raw(call.argument(1)))])
    else:
        raise Refused("Key not found.\n")
    return ""


def _by_reference(call: _Call, number: int, missing: str) -> tuple[Entry, int]:
    """The entry that `#<ref>` of a listing names, and which of those with its key it is: ids differ from process to process."""
    match = re.fullmatch(r"#(0x)?([0-9a-fA-F]{1,16})", call.argument(1))
    entry = call.contents.find_id(number, max(int(match[2], 16) - _REFERENCE, 0)) if match else None
    if entry is None:
        raise Refused(missing)
    return entry, [one.id for one in call.contents.find(number, entry.key)].index(entry.id)


# --- clear, prepare, commit ---


async def _clear(request: Request) -> str:
    call = _Call.of(request)
    if not call.argument(0):
        raise Refused(f"Missing {_TITLES[call.kind]} identifier.\n")
    number = call.number()
    if call.version is None or call.version == call.contents.versions(number)[0]:
        call.contents.clear(number)
        await call.shared.done(["clear", number])
    elif call.contents.has_version(number, call.version):
        call.contents.clear(number, call.version)
    return ""


def _prepare(request: Request) -> str:
    call = _Call.of(request)
    # haproxy: of a map with an ACL command too, whatever the manual says.
    return f"New version created: {call.contents.prepare(call.number())}\n"


async def _commit(request: Request) -> str:
    call = _Call.of(request)
    if call.version is None:
        raise Refused("Missing version number.\n")
    number = call.number()
    try:
        call.contents.commit(number, call.version)
    except KeyError:
        raise Refused("Version number out of range.\n") from None
    await call.shared.replace(number)
    return ""


def _both(verb: str, run: Handler, help: str, usage: str, level: Level = Level.OPERATOR) -> tuple[Command, ...]:
    return tuple(
        Command((verb, kind), run, help.format(kind), usage.format(kind), level) for kind in ("acl", "map")
    )


# haproxy: changing them needs no level at all there; a socket that may only look shall not change who is let in.
COMMANDS = (
    *_both("show", _show, "report available {0}s or dump one's contents", "[[@<ver>] <{0}>]", Level.USER),
    *_both("get", _get, "report what a text matches in a {0}", "<{0}> <value>", Level.USER),
    Command(("add", "acl"), _add, "add a pattern to an ACL", "[@<ver>] <acl> <pattern>", Level.OPERATOR),
    Command(("add", "map"), _add, "add an entry to a map", "[@<ver>] <map> <key> <val>", Level.OPERATOR),
    Command(("set", "map"), _set, "change an entry of a map", "<map> [<key>|#<ref>] <value>", Level.OPERATOR),
    *_both("del", _del, "delete an entry of a {0}", "<{0}> [<key>|#<ref>]"),
    *_both("clear", _clear, "delete all entries of a {0}", "[@<ver>] <{0}>"),
    *_both("prepare", _prepare, "begin a new version of a {0}", "<{0}>"),
    *_both("commit", _commit, "make a version of a {0} the live one", "@<ver> <{0}>"),
)
