"""`show schema json`: what `show info json` and `show stat json` look like, as a JSON Schema (draft 4).

Knows the forms of both (stats/csv.py makes them). # haproxy: its own says `typedValue` for `value`, and lists what an object
holds outside of its properties, so that it checks nothing there.
"""

from __future__ import annotations

import json
from typing import Any

from fastlb.control.runtime.command import Command, Request

_ORIGINS = ("Metric", "Status", "Key", "Config", "Product", "Unknown")
_NATURES = ("Gauge", "Limit", "Min", "Max", "Rate", "Counter", "Duration", "Age", "Time", "Name", "Output", "Avg", "Unknown")
_SCOPES = ("Cluster", "Process", "Service", "System", "Unknown")
_OBJECTS = ("Frontend", "Backend", "Listener", "Server", "Unknown")
# What survives in a reader whose numbers are doubles.
_EXACT = 2**53 - 1
_RANGES = {"s32": (-(2**31), 2**31 - 1), "s64": (-_EXACT, _EXACT), "u32": (0, 2**32 - 1), "u64": (0, _EXACT)}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _number(least: int, most: int | None = None) -> dict[str, Any]:
    return {"type": "integer", "minimum": least} | ({} if most is None else {"maximum": most})


def _one_of(words: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(words)}


def _known(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _items(title: str, **properties: Any) -> dict[str, Any]:
    shared = {name: _known(name) for name in ("field", "processNum", "tags", "value")}
    return {"title": title, "type": "array", "items": {"title": f"{title}Item", **_object(**properties, **shared)}}


def schema() -> dict[str, Any]:
    values = [_object(type=_one_of((kind,)), value=_number(*limits)) for kind, limits in _RANGES.items()]
    text = _object(type=_one_of(("str",)), value={"type": "string"})
    objects = _items("Stat", objType=_one_of(_OBJECTS), proxyId=_number(0), id=_number(0))
    return {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "oneOf": [
            _items("Info"),
            {"title": "Stat", "type": "array", "items": objects},
        ],
        "definitions": {
            "field": _object(pos=_number(0), name={"type": "string"}),
            "processNum": _number(1),
            "tags": _object(origin=_one_of(_ORIGINS), nature=_one_of(_NATURES), scope=_one_of(_SCOPES)),
            "value": {"oneOf": [*values, text]},
        },
    }


def _show(request: Request) -> str:
    del request
    return json.dumps(schema(), separators=(",", ":")) + "\n"


COMMANDS = (Command(("show", "schema", "json"), _show, "what 'json' of info and stat looks like"),)
