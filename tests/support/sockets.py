"""Ports for programs under test: listeners to hand over as `fd@N`, and port numbers that are held for them."""

from __future__ import annotations

import socket
from pathlib import Path


def listener(host: str = "127.0.0.1") -> socket.socket:
    """A listening socket on a port of the kernel's choice, to be inherited by the program."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.bind((host, 0))
    sock.listen(1024)
    return sock


class HeldPort:
    """A TCP port that nobody else gets while this object lives: bound but not listening, with SO_REUSEADDR and
    SO_REUSEPORT, so that a program which sets either of them, as both do, can listen there."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.sock.bind((host, 0))
        self.host = host
        self.port: int = self.sock.getsockname()[1]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def close(self) -> None:
        self.sock.close()


def held_range(count: int) -> list[HeldPort]:
    """That many consecutive ports of 127.0.0.1, all held."""
    while True:
        first = HeldPort()
        held = [first]
        try:
            for offset in range(1, count):
                port = object.__new__(HeldPort)
                port.sock = socket.socket()
                port.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                port.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                port.host, port.port = first.host, first.port + offset
                port.sock.bind((port.host, port.port))
                held.append(port)
        except (OSError, OverflowError):
            for port in held:
                port.close()
            continue
        return held


def connect(address: tuple[str, int] | str, source: str = "") -> socket.socket:
    """A connected TCP socket, or a unix one where `address` is a path (or `\\0name`, an abstract name)."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        sock.connect(address)
        return sock
    return socket.create_connection(address, timeout=10, source_address=(source, 0) if source else None)


def is_listening(address: tuple[str, int] | str) -> bool:
    try:
        connect(address).close()
    except OSError:
        return False
    return True


def is_read(sock: socket.socket) -> bool:
    """Whether the program at the other end of an IPv4 connection on this machine has taken all that was sent, or has closed."""

    def in_hex(address: tuple[str, int]) -> str:
        return f"{socket.inet_aton(address[0])[::-1].hex().upper()}:{address[1]:04X}"

    theirs = [in_hex(sock.getpeername()), in_hex(sock.getsockname())]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1:3] == theirs:
            return words[4].endswith(":00000000")
    return True
