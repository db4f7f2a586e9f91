"""Commands on stick tables: `show table`, `set table`, `clear table` (management guide, section 9.3).

Knows HAProxy's words, keys and data types as text, and filters. Must not know how entries are kept (ports.StickTables).
"""

from __future__ import annotations

import asyncio
import operator
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from fastlb.config.stick_types import ALIASES, ARRAYS, DATA_NUMBERS, DATA_TYPES, KEY_TYPES, is_rate
from fastlb.control import ports
from fastlb.control.runtime.command import Command, Level, Refused, Request

_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "le": operator.le, "ge": operator.ge, "lt": operator.lt, "gt": operator.gt,
}
_TYPE_NAMES = {numbers[0]: name for name, numbers in KEY_TYPES.items() if name != "ipv4"}
_IP, _IPV6, _INTEGER, _STRING = (KEY_TYPES[name][0] for name in ("ip", "ipv6", "integer", "string"))
_SERVER_KEY = DATA_NUMBERS["server_key"]
_ESCAPES = {9: "\\t", 10: "\\n", 13: "\\r", 27: "\\e", 32: "\\ ", 61: "\\=", 92: "\\\\"}
_MOST_FILTERS = 4
_MOST_SORTED = 10_000  # entries that are shown in the order of their keys, as HAProxy's are
_CHUNK = 500  # entries between two turns of the loop
_NOT_FOR_SET = 'content-based lookup is only supported with the "show" and "clear" actions\n'
_USAGE = {
    "show": 'Optional argument only supports "data.<store_data_type>" <operator> <value> and key <key>\n',
    "clear": 'Required arguments: <table> "data.<store_data_type>" <operator> <value> or <table> key <key>\n',
    "set": "Required arguments: <table> key <key> [data.<store_data_type> <value>]*\n",
}


@dataclass(frozen=True, slots=True)
class _Filter:
    """One condition; a data type that is an array is looked at in its first element."""

    type: int
    compare: Callable[[int, int], bool]
    value: int

    def matches(self, entry: ports.TableEntry) -> bool:
        found = entry.values[self.type, 0]
        return isinstance(found, int) and self.compare(found, self.value)


# --- words ---


def _tables(request: Request) -> ports.StickTables:
    if request.control.tables is None:
        raise Refused("No such table\n")
    return request.control.tables


def _named(request: Request) -> ports.TableInfo:
    name = request.argument(0)
    found = next((info for info in _tables(request).infos if info.name == name), None)
    if found is None:
        raise Refused("No such table\n")
    return found


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else None


def _data_type(info: ports.TableInfo, word: str) -> int:
    name = word.removeprefix("data.")
    number = DATA_NUMBERS.get(ALIASES.get(name, name))
    if number is None:
        raise Refused("Unknown data type\n")
    if number not in (stored for stored, _, _ in info.store):
        raise Refused("Data type not stored in this table\n")
    return number


def _filters(request: Request, info: ports.TableInfo) -> list[_Filter]:
    """The conditions of `data.<type> <operator> <value>`, four at most."""
    found: list[_Filter] = []
    words = request.arguments[1:]
    for number in range(_MOST_FILTERS):
        data, how, text = (*words[3 * number : 3 * number + 3], "", "", "")[:3]
        if not data:
            break
        lead = f"Filter entry #{number + 1}: "
        if not data.startswith("data."):
            raise Refused(f'{lead}Expecting "data.<type>"\n' if number else _USAGE[request.words[0]])
        try:
            kind = _data_type(info, data)
        except Refused as refusal:
            raise Refused(f"{lead}{refusal}") from None
        if how not in _OPERATORS:
            raise Refused(f'{lead}Require and operator among "eq", "ne", "le", "ge", "lt", "gt"\n')
        value = _integer(text)
        if value is None:
            raise Refused(f"{lead}Require a valid integer value to compare against\n")
        # haproxy: a negative value passes for a number below all others in `show table ... gt -2`.
        found.append(_Filter(kind, _OPERATORS[how], value))
    if len(words) > 3 * _MOST_FILTERS:
        place = request.n_keywords + 3 * _MOST_FILTERS + 2
        behind = request.words[place - 2]
        raise Refused(f"Detected extra data in filter, {place}th word of input, after '{behind}'\n")
    return found


def _key(request: Request, info: ports.TableInfo) -> bytes:
    """The key as the table keeps it."""
    text = request.argument(2)
    if not text:
        raise Refused("Key value expected\n")
    if info.key_type == _IP:
        try:
            return socket.inet_aton(_four_parts(text))
        except OSError:
            return bytes(4)
    if info.key_type == _IPV6:
        try:
            return socket.inet_pton(socket.AF_INET6, text)
        except OSError:
            raise Refused("Invalid key\n") from None
    if info.key_type == _INTEGER:
        match = re.match(r"[+]?\d+", text)
        number = int(match[0]) if match else -1
        if not 0 <= number < 1 << 32:
            raise Refused("Invalid key\n")
        return number.to_bytes(4, "little")
    if info.key_type == _STRING:
        return text.encode("utf-8", "surrogateescape")[: info.key_size]
    verb = {"show": "Showing", "clear": "Removing"}.get(request.words[0], "Inserting")
    what = "keys from" if verb != "Inserting" else "keys into"
    raise Refused(f"{verb} {what} tables of type other than ip, ipv6, string and integer is not supported\n")


def _four_parts(text: str) -> str:
    """haproxy: `1.2.3` is 1.2.3.0."""
    parts = text.split(".")
    return ".".join([*parts, "0", "0", "0"][:4]) if len(parts) < 4 and all(part.isdigit() for part in parts) else text


# --- what is shown ---


def _head(request: Request, info: ports.TableInfo) -> str:
    used = _tables(request).used(info.index)
    return f"# table: {info.name}, type: {_TYPE_NAMES[info.key_type]}, size:{info.size}, used:{used}\n"


def _key_text(info: ports.TableInfo, key: bytes) -> str:
    if info.key_type in (_IP, _IPV6):
        return socket.inet_ntop(socket.AF_INET if info.key_type == _IP else socket.AF_INET6, key)
    if info.key_type == _INTEGER:
        return str(int.from_bytes(key, "little"))
    if info.key_type == _STRING:
        return _escaped(key)
    return key.hex().upper()


def _escaped(text: bytes) -> str:
    """Bytes that end a word, or that a terminal cannot show, as HAProxy escapes them."""
    return "".join(_ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02X}") for byte in text)


def _value_text(value: int | bytes) -> str:
    return str(value) if isinstance(value, int) else _escaped(value) or "-"


def _line(info: ports.TableInfo, entry: ports.TableEntry) -> str:
    fields = [f"0x{entry.address:x}: key={_key_text(info, entry.key)} use={entry.uses} exp={entry.expires_ms}"]
    for number, elements, period_ms in info.store:
        name = DATA_TYPES[number]
        period = f"({period_ms})" if is_rate(name) else ""
        for element in range(elements):
            shown = name
            if name in ARRAYS:
                shown = f"gpc{element}_rate" if name == "gpc_rate" else f"{name}{element}"
            fields.append(f"{shown}{period}={_value_text(entry.values[number, element])}")
    return " ".join(fields) + "\n"


# --- commands ---


def _matches(entry: ports.TableEntry, filters: list[_Filter]) -> bool:
    return all(each.matches(entry) for each in filters)


async def _entries(request: Request, info: ports.TableInfo) -> AsyncIterator[ports.TableEntry]:
    """All entries of the table; other work has its turn in between."""
    at: int | None = 0
    while at is not None:
        found, at = _tables(request).read(info.index, at, _CHUNK)
        for entry in found:
            yield entry
        await asyncio.sleep(0)


async def _show(request: Request) -> str:
    if not request.argument(0):
        tables = [] if request.control.tables is None else request.control.tables.infos
        # haproxy: the table that was read last comes first.
        return "".join(_head(request, info) for info in reversed(tables))
    info = _named(request)
    if request.argument(1) == "key":
        entry = _tables(request).find(info.index, _key(request, info))
        return _head(request, info) + _line(info, entry) if entry is not None else ""
    filters = _filters(request, info)
    head = _head(request, info)
    found = [(entry.key, _line(info, entry)) async for entry in _entries(request, info) if _matches(entry, filters)]
    if len(found) <= _MOST_SORTED:
        found.sort(key=lambda pair: pair[0][::-1] if info.key_type == _INTEGER else pair[0])
    return head + "".join(line for _, line in found)


def _set(request: Request) -> str:
    if not request.argument(0):
        raise Refused(_USAGE["set"])
    info = _named(request)
    if request.argument(1).startswith("data."):
        raise Refused(_NOT_FOR_SET)
    if not request.argument(1):
        return ""
    if request.argument(1) != "key":
        raise Refused(_USAGE["set"])
    key = _key(request, info)
    if not _tables(request).set(info.index, key, _values(request, info)):
        raise Refused("Unable to allocate a new entry\n")
    return ""


def _values(request: Request, info: ports.TableInfo) -> list[tuple[int, int, int | bytes]]:
    words = request.arguments[3:]
    values: list[tuple[int, int, int | bytes]] = []
    for word, text in zip(words[::2], [*words[1::2], ""], strict=False):
        if not word.startswith("data."):
            raise Refused('"data.<type>" followed by a value expected\n')
        kind = _data_type(info, word)
        value = _integer(text)
        if value is None or kind == _SERVER_KEY:
            raise Refused("Require a valid integer value to store\n")
        values.append((kind, 0, value))
    return values


async def _clear(request: Request) -> str:
    if not request.argument(0):
        raise Refused(_USAGE["clear"])
    info, tables = _named(request), _tables(request)
    if request.argument(1) == "key":
        if not tables.clear(info.index, _key(request, info)):
            raise Refused("Entry currently in use, cannot remove\n")
        return ""
    filters = _filters(request, info)
    async for entry in _entries(request, info):
        if _matches(entry, filters):
            tables.clear(info.index, entry.key)
    return ""


_WHERE = "[<table> [data.<type> <op> <value> | key <key>]]"
COMMANDS = (
    Command(("clear", "table"), _clear, "remove entries of a stick table", "<table> [<filter>]*", Level.ADMIN),
    Command(("set", "table"), _set, "update or create an entry of a stick table", "<table> key <k> [data.* <v>]*", Level.ADMIN),
    Command(("show", "table"), _show, "the stick tables, or the entries of one", _WHERE, Level.OPERATOR),
)
