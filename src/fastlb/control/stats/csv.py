"""The forms of statistics for programs: CSV, typed lines, JSON (management guide, sections 9.1 and 9.2).

Knows quoting and the shape of each form. Must not know where rows come from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from fastlb.control.stats.fields import FIELDS, NATURES, ORIGINS, SCOPES, TYPE_LETTERS, TYPE_NAMES, Row, tags_of

_POSITIONS = {field.name: position for position, field in enumerate(FIELDS)}
_SPECIAL = frozenset(',"\r\n')

HEADER = "# " + "".join(f"{field.name}," for field in FIELDS) + "\n"


def csv_text(rows: Iterable[Row]) -> str:
    """The header line and a line per row, each ending in a comma as HAProxy's do."""
    return HEADER + "".join(_line(row) for row in rows)


def _line(row: Row) -> str:
    cells = [""] * len(FIELDS)
    for name, value in row.items():
        cells[_POSITIONS[name]] = str(value) if isinstance(value, int) else _quoted(value)
    return ",".join(cells) + ",\n"


def _quoted(text: str) -> str:
    """Quoted where the text would be read as several values (RFC 4180, 2.6)."""
    if _SPECIAL.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""').replace("\r", " ").replace("\n", " ") + '"'


def typed_text(rows: Iterable[Row]) -> str:
    """One line per value: type.iid.sid.position.name.1:tags:kind:value."""
    lines = []
    for row in rows:
        object_type = int(row["type"])
        head = f"{TYPE_LETTERS[object_type]}.{row['iid']}.{row['sid']}"
        for position, field in enumerate(FIELDS):
            if field.name in row:
                value = str(row[field.name]).replace("\n", " ")
                lines.append(f"{head}.{position}.{field.name}.1:{tags_of(field, object_type)}:{field.kind}:{value}\n")
    return "".join(lines)


def json_text(rows: Iterable[Row]) -> str:
    """An array with an array of values per row, in the words of `show schema json`."""
    return json.dumps([_json_row(row) for row in rows], separators=(",", ":")) + "\n"


def _json_row(row: Row) -> list[dict[str, object]]:
    object_type = int(row["type"])
    values: list[dict[str, object]] = []
    for position, field in enumerate(FIELDS):
        if field.name in row:
            owner = {"objType": TYPE_NAMES[object_type], "proxyId": row["iid"], "id": row["sid"]}
            values.append(owner | json_value(position, field.name, tags_of(field, object_type), field.kind, row[field.name]))
    return values


def json_value(position: int, name: str, tags: str, kind: str, value: int | str) -> dict[str, object]:
    """One value of a JSON answer with its tags spelled out; shared with `show info json`."""
    return {
        "field": {"pos": position, "name": name},
        "processNum": 1,
        "tags": {"origin": ORIGINS[tags[0]], "nature": NATURES[tags[1]], "scope": SCOPES[tags[2]]},
        "value": {"type": kind, "value": value},
    }
