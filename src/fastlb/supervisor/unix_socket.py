"""One listening unix socket: a path that is replaced atomically, or an abstract name.

Knows how haproxy lets a new process take over a path without a moment in which nobody listens. Must not know who asks.
"""

from __future__ import annotations

import contextlib
import os
import socket


def open_unix(path: str, backlog: int, mode: int | None = None, uid: int | None = None, gid: int | None = None) -> socket.socket:
    """Listens on a name beside `path` with the wanted owner and mode, then moves it over `path`; raises OSError."""
    temporary = f"{path}.{os.getpid()}.tmp"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        sock.bind(temporary)
        try:
            if uid is not None or gid is not None:
                os.chown(temporary, -1 if uid is None else uid, -1 if gid is None else gid)
            if mode is not None:
                os.chmod(temporary, mode)
            sock.listen(backlog)
            os.rename(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except BaseException:
        sock.close()
        raise
    return sock


def open_abstract(name: str, backlog: int) -> socket.socket:
    """Listens on an abstract name (`abns@NAME`); raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # haproxy: the whole of sun_path is the name, filled with zeros; peers that use `abns@` rely on it.
        sock.bind(b"\0" + name.encode("utf-8", "surrogateescape").ljust(107, b"\0"))
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def open_private(purpose: str) -> tuple[socket.socket, bytes]:
    """A listening socket under an abstract name that cannot be guessed, and that name as sun_path holds it.

    For the processes of one fastlb: whoever is to connect gets the name by inheritance.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    address = b"\0" + f"fastlb-{purpose}-{os.getpid()}-{os.urandom(12).hex()}".encode()
    sock.bind(address)
    sock.listen(1024)
    return sock, address
