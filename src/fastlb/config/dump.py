"""The model as plain JSON values, for golden tests and `fastlb config dump`.

Knows dataclasses only; nothing of what they mean. An expression is shown as it was written.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from .model import Configuration, Location
from .samples.ast import Expression


def plain(value: Any) -> Any:
    """`value` as dictionaries, lists, strings and numbers; fields that have their default are left out, so are locations."""
    if isinstance(value, Expression):
        return value.text
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            item.name.rstrip("_"): plain(current)
            for item in dataclasses.fields(value)
            if item.repr  # private keys must not be shown
            and not isinstance(current := getattr(value, item.name), Location)
            and not callable(current)
            and not _is_default(item, current)
        }
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, str):
        # Bytes that are not UTF-8 must not break the output.
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


def _is_default(item: dataclasses.Field[Any], value: Any) -> bool:
    if item.default is not dataclasses.MISSING:
        return bool(value == item.default)
    if item.default_factory is not dataclasses.MISSING:
        return bool(value == item.default_factory())
    return False


def to_json(configuration: Configuration) -> str:
    """The configuration as indented JSON text."""
    return json.dumps(plain(configuration), indent=2, ensure_ascii=False)
