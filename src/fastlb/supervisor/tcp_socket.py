"""One listening TCP socket: its options, its bind, its errors.

Knows socket options. Must not know how many sockets a bind line needs or who gets them (listeners.py).
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from dataclasses import dataclass, field

from fastlb.config.link_model import KeepAlive

# Absent from Python's socket module, from <linux/in.h> and <linux/in6.h>.
_IP_FREEBIND = 15
_IP_TRANSPARENT = 19
_IPV6_TRANSPARENT = 75
_IPV6_FREEBIND = 78


@dataclass(frozen=True, slots=True)
class TcpOptions:
    """What a bind line says about its sockets; `backlog` is the length of the accept queue."""

    backlog: int
    interface: str = ""
    v4v6: bool = False
    v6only: bool = False
    tfo: bool = False
    defer_accept: bool = False
    transparent: bool = False
    keepalive: bool = False
    keepalive_times: KeepAlive = field(default_factory=KeepAlive)
    mss: int = 0
    user_timeout_ms: int = 0


def open_tcp(family: int, host: str, port: int, options: TcpOptions, *, is_exclusive: bool) -> socket.socket:
    """A bound and listening socket; raises OSError whose text is the reason.

    is_exclusive: refuse an address on which any other socket listens, even one that allows sharing. Sharing is switched on
    after the bind, so further sockets of ours can join. haproxy: would silently share the port with a stranger that has
    the same user; two load balancers by mistake on one port are an error here.
    """
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _set_before_bind(sock, family, host, options)
        if not is_exclusive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _bind(sock, host, port)
        if is_exclusive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        set_inherited(sock, options)
        sock.listen(options.backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind(sock: socket.socket, host: str, port: int) -> None:
    """Binds, to an address that this host does not have as well: a shared one (VRRP) comes and goes.

    haproxy: refuses that without net.ipv4.ip_nonlocal_bind; where it is set, it does the same.
    """
    try:
        sock.bind((host, port))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        sock.setsockopt(*_freebind(sock), 1)
        sock.bind((host, port))


def _freebind(sock: socket.socket) -> tuple[int, int]:
    is_v6 = sock.family == socket.AF_INET6
    return (socket.IPPROTO_IPV6, _IPV6_FREEBIND) if is_v6 else (socket.IPPROTO_IP, _IP_FREEBIND)


def is_free(sock: socket.socket) -> bool:
    """Whether a TCP socket of `open_tcp` was bound to an address that the host did not have then."""
    return sock.getsockopt(*_freebind(sock)) == 1


def _set_before_bind(sock: socket.socket, family: int, host: str, options: TcpOptions) -> None:
    is_v6 = family == socket.AF_INET6
    if is_v6 and (options.v4v6 or options.v6only):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if options.v6only else 0)
    if options.interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, options.interface.encode() + b"\0")
    if options.transparent and not ipaddress.ip_address(host).is_unspecified:
        # An address that this host does not have (yet), as a VRRP backup needs. Transparent mode wants CAP_NET_ADMIN,
        # free binding is enough for that and needs nothing.
        level, transparent, freebind = (
            (socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, _IPV6_FREEBIND)
            if is_v6
            else (socket.IPPROTO_IP, _IP_TRANSPARENT, _IP_FREEBIND)
        )
        try:
            sock.setsockopt(level, transparent, 1)
        except OSError:
            sock.setsockopt(level, freebind, 1)


def _set_probes(sock: socket.socket, times: KeepAlive) -> None:
    """Where the configuration says nothing the system's setting stays."""
    for option, value in (
        (socket.TCP_KEEPIDLE, times.idle_s),
        (socket.TCP_KEEPINTVL, times.interval_s),
        (socket.TCP_KEEPCNT, times.count),
    ):
        if value:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _set_mss(sock: socket.socket, mss: int) -> None:
    """Positive: what is advertised; negative: by how much the system's own is lowered (manual, section 5.1 "mss").

    haproxy: goes on without it where the system refuses a value, with a warning.
    """
    with contextlib.suppress(OSError):
        if mss < 0:
            mss += sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)


def set_inherited(sock: socket.socket, options: TcpOptions) -> None:
    """Sets what accepted connections take over from the listener: nobody has to set it for each of them."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.keepalive:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        _set_probes(sock, options.keepalive_times)
    if options.user_timeout_ms:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, options.user_timeout_ms)
    if options.mss:
        _set_mss(sock, options.mss)
    if options.defer_accept:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
    if options.tfo:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, options.backlog)
