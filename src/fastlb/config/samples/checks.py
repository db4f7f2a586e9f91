"""Checks of fetches' arguments that the grammar of words cannot say (config/samples/row.py): units, hexadecimal, defaults.

Knows HAProxy's words for a bad one. Must not know any fetch.
"""

from __future__ import annotations

import contextlib

from .row import Check
from .values import ArgumentFault, ProxyRef, ServerRef, Unset, Value

_UNITS = {"s": 0, "ms": 1, "us": 2}  # date_unit_t of the core
_BOOLEANS = {"true": 1, "1": 1, "false": 0, "0": 0}


def _text(value: Value) -> str:
    """The word that an `any` argument was."""
    return value if isinstance(value, str) else ""


def optional_proxy(side: str) -> Check:
    """`([<backend>])`: left out, it is the proxy that the expression stands in."""

    def check(values: list[Value]) -> list[Value]:
        return values if values and not isinstance(values[0], Unset) else [ProxyRef("", side)]

    return check


def server(values: list[Value]) -> list[Value]:
    """`([<backend>/]<server>)`. A name that is missing is reported when names are looked up, as in HAProxy."""
    return values or [ServerRef("", "")]


def optional_text(values: list[Value]) -> list[Value]:
    """haproxy: a string that is missing is empty."""
    return values or [""]


def boolean(values: list[Value]) -> list[Value]:
    word = _text(values[0]).lower() if values else ""
    if word not in _BOOLEANS:
        raise ArgumentFault("Expects 'true', 'false', '0' or '1'")
    return [_BOOLEANS[word]]


def hexadecimal(values: list[Value]) -> list[Value]:
    text = _text(values[0]) if values else ""
    if not text:
        raise ArgumentFault("(null)")
    bad = next((char for char in text if char not in "0123456789abcdefABCDEF"), "")
    if bad:
        raise ArgumentFault(f"an hex digit is expected (found '{bad}')")
    if len(text) % 2:
        raise ArgumentFault("an even number of hex digit is expected")
    return [bytes.fromhex(text)]


def date(values: list[Value]) -> list[Value]:
    """`([<offset>],[<unit>])` as offset and unit's number."""
    unit = _text(values[1]) if len(values) > 1 else "s"
    if values and isinstance(values[0], Unset):
        raise ArgumentFault(f"expected ')' before ',{unit})'", 0)
    if unit not in _UNITS:
        raise ArgumentFault(f"expects 's', 'ms' or 'us', got '{unit}'")
    return [values[0] if values else 0, _UNITS[unit]]


def unit(values: list[Value]) -> list[Value]:
    """`([<unit>])` of a date."""
    return date([0, *values])[1:]


def rtt(values: list[Value]) -> list[Value]:
    """`([<unit>])`: 1 for microseconds, 0 for milliseconds."""
    word = _text(values[0]) if values else "ms"
    if word not in ("us", "ms"):
        raise ArgumentFault(f"expects 'us' or 'ms', got '{word}'")
    return [int(word == "us")]


def uuid(values: list[Value]) -> list[Value]:
    version = values[0] if values and isinstance(values[0], int) else 4
    if version not in (4, 7):
        raise ArgumentFault(f"Unsupported UUID version: '{version}'")
    return [version]


_TLVS = {
    "alpn": 0x01,
    "authority": 0x02,
    "crc32c": 0x03,
    "noop": 0x04,
    "unique_id": 0x05,
    "ssl": 0x20,
    "netns": 0x30,
}


def tlv(values: list[Value]) -> list[Value]:
    """`(<id>)`: the number of a PROXY header's extension, or its name in the protocol's text."""
    word = _text(values[0]) if values else ""
    number = _TLVS.get(word.lower(), -1)
    with contextlib.suppress(ValueError):
        number = int(word, 0)
    if not 0 <= number <= 255:
        raise ArgumentFault(f"expects a number from 0 to 255 or one of {', '.join(sorted(_TLVS))}, got '{word}'")
    return [number]


def always(number: int) -> Check:
    """For a fetch without arguments that is another one with this argument."""
    return lambda values: [number]


AUTHORITY, UNIQUE_ID = _TLVS["authority"], _TLVS["unique_id"]


def no_arguments(values: list[Value]) -> list[Value]:
    """haproxy: takes an argument that nothing looks at."""
    return []


def distinguished_name(values: list[Value]) -> list[Value]:
    """`([<entry>[,<occ>[,<format>]]])`"""
    if len(values) > 2 and values[2] not in ("", "rfc2253"):
        raise ArgumentFault("only rfc2253 or a blank value are currently supported as the format argument.")
    return values
