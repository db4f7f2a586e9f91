"""The sockets on which workers give the lines of rings to control: a pair for each ring, made before the fork.

Knows who keeps which end. Must not know what a line is. The master keeps both, so that a control process that is started again
finds the lines that came meanwhile; where it stays away, the socket's buffer fills and workers drop lines.
"""

from __future__ import annotations

import contextlib
import socket

from fastlb.config.model import Configuration

_BUFFER = 4 << 20  # bytes of lines that wait for control, if the system lets us have so many
_SO_SNDBUFFORCE = 32  # Linux; the socket module has no name for it


class RingSockets:
    """configuration: None for no pairs at all."""

    def __init__(self, configuration: Configuration | None = None) -> None:
        self._pairs: dict[str, tuple[socket.socket, socket.socket]] = {}
        for name in sorted(_rings_of(configuration) if configuration is not None else ()):
            # Datagrams: a line stays one. In a pair the queue is bounded by bytes and not by net.unix.max_dgram_qlen.
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            _widen(theirs)
            self._pairs[name] = (ours, theirs)

    def worker_fds(self) -> dict[str, int]:
        return {name: theirs.fileno() for name, (_, theirs) in self._pairs.items()}

    def control_ends(self) -> dict[str, socket.socket]:
        return {name: ours for name, (ours, _) in self._pairs.items()}

    def close_control_ends(self) -> None:
        for ours, _ in self._pairs.values():
            ours.close()

    def close_worker_ends(self) -> None:
        for _, theirs in self._pairs.values():
            theirs.close()

    def close(self) -> None:
        self.close_control_ends()
        self.close_worker_ends()


def _rings_of(configuration: Configuration) -> set[str]:
    proxies = [target for px in configuration.proxies for target in px.logs]
    return {target.ring for target in (*configuration.global_.logs, *proxies) if target.ring}


def _widen(sock: socket.socket) -> None:
    for option in (socket.SO_SNDBUF, _SO_SNDBUFFORCE):
        with contextlib.suppress(OSError):  # the second one is for root
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
