"""Words that several commands take: addresses, ports and times as HAProxy reads them."""

from __future__ import annotations

import socket

from fastlb.config.values import ValueFault, parse_time
from fastlb.control import sockaddr
from fastlb.control.runtime.command import Refused, Request

_CENTURY_MS = 100 * 365 * 86_400_000  # more than timers take


def numeric(host: str) -> str | None:
    """The address in its usual form, None for what is not a numeric IPv4 or IPv6 address."""
    family = sockaddr.family_of(host)
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, host))
    except OSError:
        return None


def port_from(text: str) -> int:
    """The port of a check or an agent; 0: as configured. Raises Refused."""
    if not text.isdigit():
        raise Refused("provided port is not an integer")
    if int(text) > 65535:
        raise Refused("provided port is invalid")
    return int(text)


def address_and_port(request: Request) -> tuple[str, int | None]:
    """What stands behind `check-addr` or `agent-addr` of `set server`: IP [port PORT]; None without a port. Raises Refused."""
    host = request.argument(2)
    address = numeric(host)
    if address is None:
        raise Refused(f"invalid addr '{host}'")
    return address, port_from(request.argument(4)) if request.argument(3) == "port" else None


def seconds_from(text: str, unit: str) -> float | None:
    """The time (manual, section 2.5), None for what is none. unit: of a bare number."""
    try:
        return parse_time(text, unit, _CENTURY_MS) / 1000
    except ValueFault:
        return None
