"""One connection attempt to a server: the TCP check, and the first half of every other kind.

Knows raw non-blocking sockets and the loop's readiness callbacks: a thousand checks a second must not cost a thousand
tasks and streams. Must not know when checks run or what their results mean for the server.

    start() ──connect in progress──► _writable() ──► (handshake) ──► _connected() ──► finished(Result)
       └── refused at once ──────────────────────────────────────────────────────┘
    expire() at any time ends it as a timeout, cancel() without a result.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastlb.control.checks.secure import CheckTls
from fastlb.control.checks.status import Result, Status

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PROXY_V2_LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"

# What connect() says when it goes on in the background.
_IN_PROGRESS = frozenset((errno.EINPROGRESS, errno.EALREADY, errno.EINTR))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a check connects.

    family: AF_INET, AF_INET6 or AF_UNIX. address: as socket.connect takes it. source: address to connect from, or None.
    send_proxy: version of the PROXY protocol header to send first, 0 for none. says_local: version 2 names no addresses.
    tls: None for a connection in the clear.
    """

    family: socket.AddressFamily
    address: tuple[str, int] | str
    source: tuple[str, int] | None = None
    send_proxy: int = 0
    says_local: bool = True
    tls: CheckTls | None = None


def _proxy_v2(family: socket.AddressFamily, source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """A header of version 2 as for a client's connection (`pp2-never-send-local`)."""
    packed = b"".join(socket.inet_pton(family, end[0]) for end in (source, destination))
    packed += struct.pack("!HH", source[1], destination[1])
    kind = 0x11 if family == socket.AF_INET else 0x21
    return _PROXY_V2_LOCAL[:12] + struct.pack("!BBH", 0x21, kind, len(packed)) + packed


class TcpProbe:
    """One attempt; `finished` is called once unless cancel() comes first, and from inside start() where the kernel
    answers at once. `connected_at` is the monotonic second at which the connection stood, 0 before."""

    __slots__ = ("_fd", "_finished", "_in_handshake", "_loop", "_sock", "connected_at", "target")

    def __init__(self, loop: asyncio.AbstractEventLoop, target: Target, finished: Callable[[Result], None]) -> None:
        self._loop = loop
        self.target = target
        self._finished = finished
        self._sock: socket.socket | None = None
        self._fd = -1
        self._in_handshake = False
        self.connected_at = 0.0

    def start(self) -> None:
        """Opens the connection; ends the check itself when that fails at once."""
        try:
            sock = socket.socket(self.target.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError as error:
            self._end(self._refused(Result(Status.SOCKERR, -1, f"General socket error ({os.strerror(error.errno or 0)})")))
            return
        self._sock, self._fd = sock, sock.fileno()
        # Reset instead of FIN: the port pair is free at once and no TIME_WAIT piles up, at any check rate.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if self.target.family != socket.AF_UNIX:
            self._prepare_tcp(sock)
        if self.target.source is not None and not self._bind(sock):
            return
        code = sock.connect_ex(self.target.address)
        if code == 0:
            self._established()
        elif code in _IN_PROGRESS:
            self._loop.add_writer(self._fd, self._writable)
        else:
            self._end(self._refused(self._refused_at_once(code)))

    def expire(self) -> None:
        """The time is over: ends as a timeout of the layer that was being waited for."""
        self._end(Result(self._timeout_status()))

    def cancel(self) -> None:
        """Closes without a result."""
        self._close()

    def _timeout_status(self) -> Status:
        if self._in_handshake:
            return Status.L6TOUT
        return Status.L7TOUT if self.connected_at else Status.L4TOUT

    def _prepare_tcp(self, sock: socket.socket) -> None:
        if self._closes_once_connected():
            # The last ACK of the handshake stays unsent; the reset overtakes it and the server's accept() sees nothing.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _closes_once_connected(self) -> bool:
        return not self.target.send_proxy and self.target.tls is None

    def _bind(self, sock: socket.socket) -> bool:
        try:
            sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the port is chosen by connect()
            sock.bind(self.target.source)  # type: ignore[arg-type]
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            self._end(self._refused(Result(Status.L4CON, -1, f"Can't bind to source address ({reason})")))
            return False
        return True

    def _refused_at_once(self, code: int) -> Result:
        # haproxy: what a unix socket answers at once is a socket error, for TCP the usual ones are connection problems.
        if self.target.family == socket.AF_UNIX or code in (errno.EAGAIN, errno.EADDRINUSE, errno.EADDRNOTAVAIL):
            return Result(Status.SOCKERR, -1, f"General socket error ({os.strerror(code)})")
        return Result(Status.L4CON, -1, os.strerror(code))

    def _writable(self) -> None:
        assert self._sock is not None
        self._loop.remove_writer(self._fd)
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == 0:
            self._established()
        elif code == errno.ETIMEDOUT:
            self._end(self._refused(Result(Status.L4TOUT)))
        else:
            self._end(self._refused(Result(Status.L4CON, -1, os.strerror(code))))

    def _refused(self, result: Result) -> Result:
        """The result of a connection that failed; kinds with more to say override this."""
        return result

    def _established(self) -> None:
        tls = self.target.tls
        if tls is None:
            self._begin()
            return
        head = self._proxy_header()
        if head and not self._send(head):
            return
        assert self._sock is not None
        self._in_handshake = True
        self._sock = tls.context.wrap_socket(self._sock, do_handshake_on_connect=False, server_hostname=tls.name)
        self._shake_hands()

    def _shake_hands(self) -> None:
        """One step of the handshake; the socket says when the next one is due."""
        assert isinstance(self._sock, ssl.SSLSocket)
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        try:
            self._sock.do_handshake()
        except ssl.SSLWantReadError:
            self._loop.add_reader(self._fd, self._shake_hands)
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self._fd, self._shake_hands)
        except (OSError, ValueError):
            self._end(self._refused(Result(Status.L6RSP, -1, "SSL handshake failure")))
        else:
            self._in_handshake = False
            self._begin()

    def _begin(self) -> None:
        self.connected_at = time.monotonic()
        self._connected()

    def _connected(self) -> None:
        """The connection stands. Kinds that speak override this."""
        head = self._proxy_header()
        if not head or self._send(head):
            self._end(Result(Status.L4OK if self.target.tls is None else Status.L6OK))

    def _send(self, data: bytes) -> bool:
        """Sends what always fits an empty socket buffer; ends the check and returns False where it fails."""
        assert self._sock is not None
        try:
            self._sock.send(data)
        except OSError as error:
            self._end(Result(Status.SOCKERR, -1, os.strerror(error.errno or 0)))
            return False
        return True

    def _proxy_header(self) -> bytes:
        """A check speaks for itself: version 1 names its own connection, version 2 says LOCAL (PROXY protocol, 2.2)."""
        if not self.target.send_proxy or isinstance(self._sock, ssl.SSLSocket):
            # None, or it went before the handshake.
            return b""
        if self.target.send_proxy == 2 and (self.target.says_local or self.target.family == socket.AF_UNIX):
            return _PROXY_V2_LOCAL
        assert self._sock is not None
        if self.target.family == socket.AF_UNIX:
            return b"PROXY UNKNOWN\r\n"
        source, destination = self._sock.getsockname(), self._sock.getpeername()
        if self.target.send_proxy == 2:
            return _proxy_v2(self.target.family, source, destination)
        family = "TCP4" if self.target.family == socket.AF_INET else "TCP6"
        return f"PROXY {family} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n".encode()

    def _end(self, result: Result) -> None:
        self._close()
        self._finished(result)

    def _close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.remove_writer(self._fd)
            self._loop.remove_reader(self._fd)
            sock.close()
