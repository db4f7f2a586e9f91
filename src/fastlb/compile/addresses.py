"""Addresses of the model as the kernel wants them: packed sockaddr structures (Linux, native byte order).

Knows ip(7), ipv6(7) and unix(7). Must not know who connects to them or listens on them.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Network, ip_address

from fastlb.config.model import Address, Network

from .text import file_bytes

_SUN_PATH = 108
_V4_MAPPED = bytes(10) + b"\xff\xff"


def sockaddr(address: Address, port: int | None = None) -> bytes:
    """The sockaddr of an ipv4, ipv6, unix or abns address; `port` replaces the address' own.

    Raises ValueError where the host is no numeric address or a path is too long for sun_path.
    """
    number = address.port if port is None else port
    if address.family == "ipv4":
        packed = ip_address(address.host or "0.0.0.0").packed
        return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", number, packed)
    if address.family == "ipv6":
        packed = ip_address(address.host or "::").packed
        return struct.pack("=H", socket.AF_INET6) + struct.pack("!HI16s", number, 0, packed) + struct.pack("=I", 0)
    if address.family == "unix":
        return unix_sockaddr(file_bytes(address.host) + b"\0")
    if address.family == "abns":
        # haproxy: an abstract name fills all of sun_path, padded with zeros (manual, "bind", abns@).
        return unix_sockaddr((b"\0" + file_bytes(address.host)).ljust(_SUN_PATH, b"\0"))
    raise ValueError(f"an address of family {address.family!r} is no socket address")


def unix_sockaddr(path: bytes) -> bytes:
    """AF_UNIX with `path` exactly as sun_path holds it (an abstract name starts with NUL)."""
    if len(path) > _SUN_PATH:
        raise ValueError(f"socket path is too long ({len(path) - 1} bytes, {_SUN_PATH - 1} at most)")
    return struct.pack("=H", socket.AF_UNIX) + path


def network_bytes(network: Network) -> tuple[bytes, bytes]:
    """Address and mask of 16 bytes each; IPv4 is mapped into ::ffff:0:0/96."""
    address, mask = network.network_address.packed, network.netmask.packed
    if isinstance(network, IPv4Network):
        return _V4_MAPPED + address, bytes([255] * 12) + mask
    return address, mask
