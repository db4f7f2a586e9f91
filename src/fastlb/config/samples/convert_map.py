"""The `map` family of converters (manual, section 7.3.1 "map").

Knows their forms: what is matched how, and what a value is read as. Must not know files' contents. The arguments become a
MapRef and, where it was given, the default.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from ..keywords.since import LATER
from .row import Check, ConverterRow
from .types import ADDR, SINT, STR, SampleType
from .values import ArgumentFault, MapRef, Value

# match method: the input's type
METHODS: dict[str, SampleType] = {
    "str": STR,
    "beg": STR,
    "sub": STR,
    "dir": STR,
    "dom": STR,
    "end": STR,
    "reg": STR,
    "int": SINT,
    "ip": ADDR,
}
# what the values are read as: the result's type, the grammar of the arguments
OUTPUTS: dict[str, tuple[SampleType, str]] = {
    "str": (STR, "str str?"),
    "int": (SINT, "str int?"),
    "ip": (ADDR, "str str?"),
    "key": (STR, "str str?"),
}


def _address(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        raise ArgumentFault(f"map: cannot parse default ip <{text}>.") from None


def _checker(method: str, output: str) -> Check:
    def check(arguments: list[Value]) -> list[Value]:
        file, *default = arguments
        assert isinstance(file, str)
        if output == "ip":
            default = [_address(value) if isinstance(value, str) else value for value in default]
        return [MapRef(file, method, output), *default]

    return check


def _row(name: str, method: str, output: str) -> ConverterRow:
    result, arguments = OUTPUTS[output]
    return ConverterRow(
        name,
        METHODS["reg" if method == "regm" else method],
        result,
        arguments,
        since=LATER if output == "key" else "",
        core="map",
        check=_checker(method, output),
    )


CONVERTERS: tuple[ConverterRow, ...] = (
    _row("map", "str", "str"),
    *(_row(f"map_{method}", method, "str") for method in METHODS),
    *(_row(f"map_{method}_{output}", method, output) for method in METHODS for output in ("int", "ip", "key")),
    # The value is a template: \1 in it is what the regex's first group matched.
    _row("map_regm", "regm", "str"),
)
