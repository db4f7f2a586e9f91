"""Words that several commands take: addresses and ports as HAProxy reads them."""

from __future__ import annotations

import socket

from fastlb.control import sockaddr
from fastlb.control.runtime.command import Refused


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
