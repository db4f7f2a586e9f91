"""Values of TLS (ext/fastlb_core/bridge/layout_tls.pxd) and material as JSON: bytes become {"b64": TEXT}.

Knows the form only. Used at both ends of the worker messages.
"""

from __future__ import annotations

import base64
from dataclasses import fields
from typing import Any

from fastlb.config.tls_model import KeyPair


def packed(value: Any) -> Any:
    """`value` with its bytes wrapped; dicts, lists and tuples are gone through."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: packed(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [packed(each) for each in value]
    return value


def unpacked(value: Any) -> Any:
    """The reverse; tuples come back as lists. Raises ValueError."""
    if isinstance(value, dict):
        if value.keys() == {"b64"}:
            return base64.b64decode(value["b64"], validate=True)
        return {key: unpacked(each) for key, each in value.items()}
    return [unpacked(each) for each in value] if isinstance(value, list) else value


def packed_pair(pair: KeyPair) -> dict[str, Any]:
    """Without the names of its other files: they are the configuration's."""
    found: dict[str, Any] = packed({each.name: getattr(pair, each.name) for each in fields(pair) if each.name != "load"})
    return found


def unpacked_pair(packed_value: dict[str, Any]) -> KeyPair:
    values = unpacked(packed_value)
    return KeyPair(**values | {name: tuple(values[name]) for name in ("chain", "names")})
