"""Who is at the other end of a unix socket, by the kernel's word (SO_PEERCRED): abstract addresses have no mode, so anybody may
connect to ours, and /proc/net/unix lists them.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

_UCRED = struct.Struct("=iII")


class Peer(NamedTuple):
    """As it was when the connection was made."""

    pid: int
    uid: int
    gid: int


def peer_of(sock: socket.socket) -> Peer:
    """Of a connection that was accepted the one that connected; of one's own the one that listens."""
    return Peer(*_UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))
