"""What a list of patterns must match, in the plainest Python: the model that the core's tables are compared with.

Knows the manual's section 7.1 and what haproxy 2.6 was seen to do. Knows nothing of the core.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

DELIMITERS = {"dir": b"/?", "dom": b"/?.:"}


def _word(text: bytes, pattern: bytes, delimiters: bytes) -> bool:
    pattern = pattern.strip(delimiters)
    if not pattern:
        return not text or text[-1] in delimiters
    inside = re.escape(delimiters)
    starts = rb"(?:^|(?<=[" + inside + rb"]))"
    return re.search(starts + re.escape(pattern) + rb"(?=[" + inside + rb"]|\Z)", text, re.DOTALL) is not None


STRINGS: dict[str, Callable[[bytes, bytes], bool]] = {
    "str": lambda text, pattern: text == pattern,
    "beg": lambda text, pattern: text.startswith(pattern),
    "end": lambda text, pattern: text.endswith(pattern),
    "sub": lambda text, pattern: pattern in text,
    "dir": lambda text, pattern: _word(text, pattern, DELIMITERS["dir"]),
    "dom": lambda text, pattern: _word(text, pattern, DELIMITERS["dom"]),
}


def match_string(method: str, icase: bool, patterns: Sequence[bytes], text: bytes) -> int | None:
    """The index of the pattern that matches: of `beg` with case the longest, else the first."""
    if method == "str" and not icase:
        text = text.split(b"\0")[0]
    if icase:
        text = text.lower()
        patterns = [pattern.lower() for pattern in patterns]
    found = [i for i, pattern in enumerate(patterns) if STRINGS[method](text, pattern)]
    if not found:
        return None
    if method == "beg" and not icase:
        return max(found, key=lambda i: (len(patterns[i]), -i))
    return found[0]


def embedded_v4(address: IPv6Address) -> IPv4Address | None:
    if address.sixtofour is not None:
        return address.sixtofour
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address)) if int(address) < 2**32 else None


def match_ip(patterns: Sequence[str], address: IPv4Address | IPv6Address) -> int | None:
    """The index of the finest network of the address's own family, else of the other's, else of the first mask with holes."""
    networks = [ip_network(pattern, strict=False) if "holes" not in pattern else None for pattern in patterns]

    def finest(host: IPv4Address | IPv6Address) -> int | None:
        holding: list[tuple[IPv4Network | IPv6Network, int]] = [
            (net, i) for i, net in enumerate(networks) if net is not None and net.version == host.version and host in net
        ]
        return max(holding, key=lambda entry: (entry[0].prefixlen, -entry[1]))[1] if holding else None

    own = finest(address)
    if own is not None:
        return own
    if isinstance(address, IPv4Address):
        return finest(IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed))
    inner = embedded_v4(address)
    return finest(inner) if inner is not None else None


def address_of(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text)
