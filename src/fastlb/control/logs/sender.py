"""Sends finished log lines to sockets and descriptors without ever blocking the control process.

Knows one non-blocking datagram socket per address family and descriptors that may be pipes. Must not know what a line says.
A line that nobody takes at once is dropped and counted, as in the workers.
"""

from __future__ import annotations

import os
import select
import socket

from fastlb.config.log_model import LogTarget
from fastlb.control.logs.rings import Rings

# A pipe that polls as writable takes this much without blocking (POSIX, PIPE_BUF).
_PIPE_BUF = 4096


class Sender:
    """One per control process; rings: where the lines of some targets go."""

    def __init__(self, rings: Rings | None = None) -> None:
        self._dropped = 0
        self.rings = rings or Rings((), {})
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}

    @property
    def dropped(self) -> int:
        """Lines that were lost, of workers too where they went into a ring."""
        return self._dropped + self.rings.dropped

    def send(self, target: LogTarget, line: bytes) -> None:
        """Sends one line, its newline included; longer ones than the target takes are cut and end in a newline."""
        if target.ring:
            self.rings.by_name[target.ring].append(line.removesuffix(b"\n"))
            return
        if len(line) > target.max_length:
            line = line[: target.max_length - 1] + b"\n"
        try:
            if target.address is None or target.address.family == "fd":
                self._write(target.fd if target.address is None else target.address.fd, line)
            else:
                self._send_datagram(target, line)
        except OSError:
            self._dropped += 1

    def _write(self, fd: int, line: bytes) -> None:
        # The descriptor is shared with other processes (a terminal, a pipe to systemd): O_NONBLOCK would change it for
        # them as well, so ask first and write no more than a pipe takes at once.
        poller = select.poll()
        poller.register(fd, select.POLLOUT)
        ready = poller.poll(0)
        if not ready or not ready[0][1] & select.POLLOUT:
            self._dropped += 1
            return
        os.write(fd, line[:_PIPE_BUF])

    def _send_datagram(self, target: LogTarget, line: bytes) -> None:
        assert target.address is not None
        address = target.address
        if address.family in ("unix", "abns"):
            path = address.host if address.family == "unix" else "\0" + address.host
            self._socket(socket.AF_UNIX).sendto(line, path)
            return
        family = socket.AF_INET6 if address.family == "ipv6" else socket.AF_INET
        self._socket(family).sendto(line, (address.host, address.port or 514))

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        sock = self._sockets.get(family)
        if sock is None:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            self._sockets[family] = sock
        return sock

    def close(self) -> None:
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()
