"""Words of an ACL that become patterns: operators before numbers, short addresses and host names (manual, section 7.1).

Knows what HAProxy makes of them. Must not know what a pattern matches: the core reads the result.
"""

from __future__ import annotations

import re
import socket

from .samples.types import ADDR, ANY, BIN, BOOL, IPV4, IPV6, METH, SINT, STR, SampleType
from .values import Resolver, ValueFault

# What a match method compares: a sample must be castable to it (types.can_cast). `dot` (versions) and `meth` cannot be written
# behind -m: they are the defaults of fetches.
METHODS: dict[str, SampleType] = {
    "found": ANY,
    "bool": BOOL,
    "int": SINT,
    "dot": SINT,
    "ip": ADDR,
    "bin": BIN,
    "len": STR,
    "str": STR,
    "beg": STR,
    "end": STR,
    "sub": STR,
    "dir": STR,
    "dom": STR,
    "reg": STR,
    "meth": METH,
}
# The method of a sample's type where none is written; binary samples need one.
DEFAULT_METHODS: dict[SampleType, str] = {
    BOOL: "bool",
    SINT: "int",
    ADDR: "ip",
    IPV4: "ip",
    IPV6: "ip",
    STR: "str",
    METH: "meth",
}
OPERATORS = ("eq", "ge", "gt", "le", "lt")
_NUMBER = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_PLAIN_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){0,3}")
_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_MAX_INT = 2**63 - 1
_MAX_MINOR = 65535


def apply_operator(operator: str, pattern: str, is_dotted: bool = False) -> str:
    """The range that a number behind one of OPERATORS stands for: `gt 3` is `4:`. A range stays one, whatever the operator.

    is_dotted: the numbers are versions, `gt 3.1` is `3.2:` (match method "dot"). Raises ValueFault for what is no number.
    """
    if operator == "eq" or ":" in pattern or "-" in pattern:
        return pattern
    number = _NUMBER.fullmatch(pattern)
    if number is None or int(number[1]) > _MAX_INT:
        raise ValueFault(f"'{pattern}' is neither a number nor a supported operator")
    step = {"gt": 1, "lt": -1}.get(operator, 0)
    if is_dotted:
        major, minor = int(number[1]), int(number[2] or 0) + step
        if minor < 0:
            major, minor = major - 1, _MAX_MINOR
        elif minor > _MAX_MINOR:
            major, minor = major + 1, 0
        bound = f"{major}.{minor}"
    else:
        # haproxy: what stands behind a dot is not looked at here.
        bound = str(int(number[1]) + step)
    return f"{bound}:" if operator in ("ge", "gt") else f":{bound}"


def resolve_address(pattern: str, resolver: Resolver) -> str:
    """An `ip` pattern of an ACL without -n: short forms and host names become addresses (manual, section 7.1.6), the rest stays
    as it is. May block in the resolver. An unknown name stays too: the core then refuses it in HAProxy's words.

    haproxy: names stand for IPv4 addresses only, and maps do not know them.
    """
    host, slash, mask = pattern.partition("/")
    if _PLAIN_ADDRESS.fullmatch(host):
        try:
            return socket.inet_ntoa(socket.inet_aton(host)) + slash + mask if host.count(".") < 3 else pattern
        except OSError:
            return pattern
    if not _HOST_NAME.fullmatch(host):
        return pattern
    return (resolver.resolve(host, socket.AF_INET) or host) + slash + mask
