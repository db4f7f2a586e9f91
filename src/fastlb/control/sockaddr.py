"""Packed socket addresses, as the arena holds them, and their forms in Python and in text.

Knows the kernel's sockaddr_in, sockaddr_in6 and sockaddr_un. Must not know what an address is used for.
"""

from __future__ import annotations

import socket
import struct

AF_INET = int(socket.AF_INET)
AF_INET6 = int(socket.AF_INET6)
AF_UNIX = int(socket.AF_UNIX)


def family_of(host: str) -> socket.AddressFamily:
    """The family of a numeric address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def pack(host: str, port: int) -> bytes:
    """The sockaddr of a numeric IPv4 or IPv6 address; raises ValueError for anything else."""
    family = family_of(host)
    try:
        raw = socket.inet_pton(family, host)
    except OSError:
        raise ValueError(f"not a numeric address: {host!r}") from None
    if family == socket.AF_INET:
        return struct.pack("=H", AF_INET) + struct.pack("!H", port) + raw + bytes(8)
    return struct.pack("=H", AF_INET6) + struct.pack("!HI", port, 0) + raw + bytes(4)


def unpack(packed: bytes) -> tuple[socket.AddressFamily, tuple[str, int] | str]:
    """(family, address) as socket.connect takes it; a unix path is text, an abstract one starts with NUL.

    Unknown or empty addresses give ("0.0.0.0", 0).
    """
    family = struct.unpack_from("=H", packed)[0] if len(packed) >= 2 else 0
    if family == AF_INET and len(packed) >= 8:
        return socket.AF_INET, (socket.inet_ntop(socket.AF_INET, packed[4:8]), struct.unpack_from("!H", packed, 2)[0])
    if family == AF_INET6 and len(packed) >= 24:
        return socket.AF_INET6, (socket.inet_ntop(socket.AF_INET6, packed[8:24]), struct.unpack_from("!H", packed, 2)[0])
    if family == AF_UNIX:
        path = packed[2:]
        if path[:1] == b"\0":
            return socket.AF_UNIX, "\0" + path[1:].rstrip(b"\0").decode("utf-8", "surrogateescape")
        return socket.AF_UNIX, path.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    return socket.AF_INET, ("0.0.0.0", 0)


def text(packed: bytes) -> str:
    """ip:port, [ip]:port or "unix", as the statistics show a server's address (manual, section 9.1 "addr")."""
    family, address = unpack(packed)
    if isinstance(address, str):
        return "unix"
    host, port = address
    return f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
