"""Listening sockets from a running process over its runtime socket: `-x`, and the other side of it, `expose-fd listeners`.

Knows the exchange as haproxy 2.6 and this program speak it (seen with strace; no document has it):

    new ──► old   "_getsocks\\n"
    old ──► new   int32: how many sockets follow
    old ──► new   up to 252 descriptors (SCM_RIGHTS); for each of them, in that order: length and name of its network
                  namespace, length and name of its interface (a byte and so many bytes), int32 of flags
    new ──► old   int32, before the next such message

Must not know what is bound to what: sockets tell it themselves.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMMAND = b"_getsocks\n"
PER_MESSAGE = 252  # the kernel takes 253 at most
_INT = struct.Struct("=i")
_MOST = 65536  # sockets; more are no listeners of ours
_TIMEOUT_S = 5.0
_RECORD_MAX = 1 + 255 + 1 + 255 + _INT.size


@dataclass(slots=True)
class Taken:
    """A socket of another process; owned. interface: "" for any. has_namespace: it belongs to another network namespace."""

    sock: socket.socket
    interface: str = ""
    has_namespace: bool = False


class TakeoverError(Exception):
    """The old process gave no sockets; the message says why."""


def take(path: str) -> list[Taken]:
    """All listening sockets of the process whose runtime socket is at `path`. Blocks some seconds. Raises TakeoverError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(_TIMEOUT_S)
            link.connect(path)
            link.sendall(COMMAND)
            return _receive_all(link)
    except (OSError, ValueError) as error:
        raise TakeoverError(getattr(error, "strerror", None) or str(error)) from None


def _receive_all(link: socket.socket) -> list[Taken]:
    head = link.recv(_INT.size, socket.MSG_WAITALL)
    if len(head) < _INT.size:
        raise ValueError("it hands out no listeners: its 'stats socket' line needs 'expose-fd listeners'")
    (count,) = _INT.unpack(head)
    if not 0 <= count <= _MOST:
        raise ValueError("its answer is not understood")
    fds: list[int] = []
    try:
        told: list[tuple[bytes, bytes]] = []
        while len(fds) < count:
            received = _receive_some(link)
            if received is None:
                raise ValueError(f"it sent {len(fds)} of {count} sockets")
            data, some = received
            fds += some
            told += _described(len(some), data)
            # haproxy: whoever has sent all may be gone by now.
            with contextlib.suppress(OSError):
                link.sendall(_INT.pack(len(fds)))
    except BaseException:
        for fd in fds:
            os.close(fd)
        raise
    return [taken for fd, names in zip(fds, told, strict=True) if (taken := _as_taken(fd, *names)) is not None]


def _receive_some(link: socket.socket) -> tuple[bytes, list[int]] | None:
    """One message: records and their descriptors; None at the end."""
    fds = array.array("i")
    data, ancillary, flags, _ = link.recvmsg(
        PER_MESSAGE * _RECORD_MAX, socket.CMSG_SPACE((PER_MESSAGE + 1) * fds.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    if flags & socket.MSG_CTRUNC:
        for fd in fds:
            os.close(fd)
        raise ValueError("this process may not have so many open files")
    return (data, list(fds)) if fds else None


def _described(count: int, data: bytes) -> list[tuple[bytes, bytes]]:
    """The names of the namespace and of the interface of each socket. Raises ValueError where the records do not fit."""
    found = []
    at = 0
    for _ in range(count):
        names = []
        for _ in range(2):
            if at >= len(data):
                raise ValueError("its answer is not understood")
            names.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        at += _INT.size
        if at > len(data):
            raise ValueError("its answer is not understood")
        found.append((names[0], names[1]))
    return found


def _as_taken(fd: int, namespace: bytes, interface: bytes) -> Taken | None:
    """The descriptor as a socket; closed where it is none."""
    try:
        return Taken(socket.socket(fileno=fd), _text(interface), bool(namespace))
    except OSError:
        os.close(fd)
        return None


def _text(name: bytes) -> str:
    return name.rstrip(b"\0").decode("utf-8", "surrogateescape")


def messages(exposed: Sequence[tuple[socket.socket, str]]) -> Iterator[tuple[bytes, list[int]]]:
    """What the old side sends for its sockets and their interfaces: bytes, and descriptors to go with them.

    It waits for an answer of four bytes before each message but the first two.
    """
    yield _INT.pack(len(exposed)), []
    for start in range(0, len(exposed), PER_MESSAGE):
        some = exposed[start : start + PER_MESSAGE]
        records = b"".join(b"\0" + _counted(interface) + _INT.pack(0) for _, interface in some)
        yield records, [sock.fileno() for sock, _ in some]


def _counted(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return bytes([len(raw)]) + raw
