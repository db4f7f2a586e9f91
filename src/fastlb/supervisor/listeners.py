"""Every listening socket of a configuration, bound by the master before it forks.

Knows which sockets a bind line needs: one per worker that shares the port, or a single one that all workers share. Keeps
them open over worker crashes and reloads, so that no accept queue is ever closed. Accepts nothing.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fastlb.config.model import Address, Bind, Configuration, Location, Proxy, StatsSocket
from fastlb.control.handover import Taken
from fastlb.supervisor.tcp_socket import TcpOptions, is_free, open_tcp, set_inherited
from fastlb.supervisor.unix_socket import open_abstract, open_unix

_TAKEOVER_MS = 1000  # how long old processes (-sf, -st) may take to let go of an address
_DEFAULT_BACKLOG = 1024


@dataclass(slots=True)
class Listener:
    """The sockets of one address of a bind line.

    address: with one port. sockets: one per worker, or a single one where `is_shared`. The sockets are owned.
    """

    proxy: Proxy
    bind: Bind
    address: Address
    sockets: list[socket.socket]
    is_shared: bool

    def fds(self, n_workers: int) -> list[int]:
        """The descriptor of each worker."""
        return [self.sockets[0 if self.is_shared else i].fileno() for i in range(n_workers)]


@dataclass(slots=True)
class ListenerSet:
    """All listening sockets of one generation, by the address they stand for.

    runtime: the sockets of the runtime API. errors: one line per address that could not be had. warnings: one per address
    that this host does not have.
    """

    listeners: list[Listener] = field(default_factory=list)
    runtime: list[tuple[StatsSocket, socket.socket]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def sockets(self) -> Iterator[socket.socket]:
        for listener in self.listeners:
            yield from listener.sockets
        for _, sock in self.runtime:
            yield sock

    def close(self) -> None:
        for sock in self.sockets():
            sock.close()

    def shut(self, frontend: str, worker: int) -> None:
        """Stops the frontend's sockets of a worker for good, in all processes that have them: their addresses are free again."""
        for listener in self.listeners:
            if listener.proxy.name == frontend and listener.proxy.has_frontend:
                sock = listener.sockets[0 if listener.is_shared else worker]
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def close_except(self, kept: ListenerSet) -> None:
        """Closes what `kept` did not take over."""
        fds = {sock.fileno() for sock in kept.sockets()}
        for sock in self.sockets():
            if sock.fileno() not in fds:
                sock.close()


class Binder:
    """Binds the addresses of a configuration.

    previous: the generation before, whose sockets are taken over where the address is the same.
    old_pids: processes that are about to be replaced and may hold the addresses (-sf, -st). taken: sockets of such a process
    (-x); bind_all closes those that no line wants.
    """

    def __init__(
        self,
        configuration: Configuration,
        n_workers: int,
        previous: ListenerSet | None = None,
        old_pids: list[int] | None = None,
        taken: list[Taken] | None = None,
    ) -> None:
        self._configuration = configuration
        self._n_workers = n_workers
        self._old_pids = old_pids or []
        self._result = ListenerSet()
        self._surplus: list[Listener] = []
        self._known: dict[tuple[object, ...], list[socket.socket]] = {}
        for listener in previous.listeners if previous else ():
            # Those that `shutdown frontend` has stopped are of no use any more.
            alive = [sock for sock in listener.sockets if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]
            if alive or not listener.sockets:
                self._known.setdefault(_key(listener.address, listener.bind.interface), []).extend(alive)
        for stats, sock in previous.runtime if previous else ():
            self._known[_key(stats.address, "")] = [sock]
        self._taken = taken or []
        for one in self._taken:
            if (key := _key_of(one)) is not None:
                self._known.setdefault(key, []).append(one.sock)

    def bind_all(self) -> ListenerSet:
        """Tries every address; those that failed are in `errors` of the result, nothing is raised."""
        for proxy in self._configuration.proxies:
            if proxy.has_frontend and not proxy.disabled:
                for bind in proxy.binds:
                    self._bind_line(proxy, bind)
        for stats in self._configuration.global_.stats_sockets:
            self._bind_stats(stats)
        self._result.listeners += self._surplus
        used = {sock.fileno() for sock in self._result.sockets()}
        for one in self._taken:
            if one.sock.fileno() not in used:
                one.sock.close()
        return self._result

    def _bind_line(self, proxy: Proxy, bind: Bind) -> None:
        low, high = bind.address.port_low, max(bind.address.port_high, bind.address.port_low)
        for port in range(low, high + 1):
            address = replace(bind.address, port_low=port, port_high=port)
            is_new = _key(address, bind.interface) not in self._known
            try:
                sockets, is_shared = self._open(address, proxy, bind)
            except OSError as error:
                self._refuse(bind.location, proxy.name, address, error)
            else:
                own, more = (sockets, []) if is_shared else (sockets[: self._n_workers], sockets[self._n_workers :])
                self._result.listeners.append(Listener(proxy, bind, address, own, is_shared))
                # Of more workers, before: the kernel goes on giving each its share of the connections, so all accept from them.
                self._surplus += [Listener(proxy, bind, address, [sock], True) for sock in more]
                if is_new and not bind.transparent:
                    self._tell_if_free(bind.location, proxy.name, address, sockets[0])

    def _open(self, address: Address, proxy: Proxy, bind: Bind) -> tuple[list[socket.socket], bool]:
        known = self._known.pop(_key(address, bind.interface), None)
        options = self._options(proxy, bind)
        if address.family in ("ipv4", "ipv6"):
            return self._open_per_worker(address, options, known or []), False
        if known:
            return known[:1], True
        if address.family == "fd":
            return [_adopt(address.fd, options)], True
        if address.family == "abns":
            return [self._patiently(lambda: open_abstract(address.host, options.backlog))], True
        return [self._open_unix(address.host, options.backlog, bind)], True

    def _open_unix(self, path: str, backlog: int, bind: Bind) -> socket.socket:
        """With what `unix-bind` says where the line says nothing."""
        usual = self._configuration.global_.unix_bind
        mode, uid, gid = (
            getattr(usual, name) if getattr(bind, name) is None else getattr(bind, name) for name in ("mode", "uid", "gid")
        )
        return open_unix(usual.prefix + path, backlog, mode, uid, gid)

    def _open_per_worker(self, address: Address, options: TcpOptions, known: list[socket.socket]) -> list[socket.socket]:
        family = socket.AF_INET6 if address.family == "ipv6" else socket.AF_INET
        host = address.host or ("::" if family == socket.AF_INET6 else "0.0.0.0")
        sockets = list(known)
        try:
            for sock in known:
                set_inherited(sock, options)
                sock.listen(options.backlog)
            while len(sockets) < self._n_workers:
                is_exclusive = not sockets and not self._old_pids
                sockets.append(
                    self._patiently(lambda alone=is_exclusive: open_tcp(family, host, address.port, options, is_exclusive=alone))
                )
        except BaseException:
            for sock in sockets[len(known) :]:
                sock.close()
            raise
        return sockets

    def _patiently(self, open_one: object) -> socket.socket:
        """`open_one()`; where old processes hold the address they are asked to pause and it is tried again for a while."""
        assert callable(open_one)
        deadline = time.monotonic() + _TAKEOVER_MS / 1000
        has_asked = False
        while True:
            try:
                sock: socket.socket = open_one()
                return sock
            except OSError as error:
                if error.errno != errno.EADDRINUSE or not self._old_pids or time.monotonic() > deadline:
                    if has_asked:
                        tell(self._old_pids, signal.SIGTTIN)
                    raise
            if not has_asked:
                tell(self._old_pids, signal.SIGTTOU)
                has_asked = True
            time.sleep(0.01)

    def _options(self, proxy: Proxy, bind: Bind) -> TcpOptions:
        limits = (bind.backlog, proxy.backlog, bind.maxconn, proxy.maxconn, self._configuration.global_.maxconn)
        return TcpOptions(
            backlog=next((limit for limit in limits if limit), _DEFAULT_BACKLOG),
            interface=bind.interface,
            v4v6=bind.v4v6,
            v6only=bind.v6only,
            tfo=bind.tfo,
            defer_accept=bind.defer_accept,
            transparent=bind.transparent,
            keepalive=bool(proxy.options & {"tcpka", "clitcpka"}),
            keepalive_times=proxy.cli_keepalive,
            mss=bind.mss,
            user_timeout_ms=bind.tcp_ut_ms,
        )

    def _bind_stats(self, stats: StatsSocket) -> None:
        address = stats.address
        known = self._known.pop(_key(address, ""), None)
        try:
            sock = known[0] if known else self._patiently(lambda: open_runtime(stats, is_exclusive=not self._old_pids))
        except OSError as error:
            self._refuse(stats.location, "GLOBAL", address, error)
        else:
            self._result.runtime.append((stats, sock))
            if not known:
                self._tell_if_free(stats.location, "GLOBAL", address, sock)

    def _tell_if_free(self, location: Location, name: str, address: Address, sock: socket.socket) -> None:
        if address.family in ("ipv4", "ipv6") and is_free(sock):
            text = f"Binding [{location}] for frontend {name}: this host does not have the address of [{_shown(address)}] now"
            self._result.warnings.append(f"{text}, as on the backup of a pair. It listens once the address is here.")

    def _refuse(self, location: Location, name: str, address: Address, error: OSError) -> None:
        reason = error.strerror or str(error)
        reason = reason[:1].upper() + reason[1:]
        where = _shown(address)
        what = f"socket ({reason}) for" if address.family in ("ipv4", "ipv6", "fd") else f"UNIX socket ({reason})"
        text = f"Binding [{location}] for frontend {name}: cannot bind {what} [{where}]"
        if error.errno == errno.EACCES and address.family in ("ipv4", "ipv6"):
            text += ". Ports below 1024 need root or CAP_NET_BIND_SERVICE"
        self._result.errors.append(text)


def open_runtime(stats: StatsSocket, is_exclusive: bool = True) -> socket.socket:
    """Listens on a runtime socket's address; raises OSError."""
    address, backlog = stats.address, stats.maxconn or 10
    if address.family in ("ipv4", "ipv6"):
        family = socket.AF_INET6 if address.family == "ipv6" else socket.AF_INET
        host = address.host or ("::" if family == socket.AF_INET6 else "0.0.0.0")
        return open_tcp(family, host, address.port, TcpOptions(backlog=backlog), is_exclusive=is_exclusive)
    if address.family == "fd":
        return _adopt(address.fd, TcpOptions(backlog=backlog))
    if address.family == "abns":
        return open_abstract(address.host, backlog)
    return open_unix(address.host, backlog, stats.mode, stats.uid, stats.gid)


def _adopt(fd: int, options: TcpOptions) -> socket.socket:
    """The inherited descriptor as a listening socket. Its address stays what its creator made it; raises OSError."""
    if os.get_inheritable(fd):
        # A program that a child might run must not get the listener as well.
        os.set_inheritable(fd, False)
    sock = socket.socket(fileno=fd)
    if sock.type != socket.SOCK_STREAM:
        sock.detach()
        raise OSError(errno.EPROTOTYPE, "inherited descriptor is not a stream socket")
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        set_inherited(sock, options)
    sock.setblocking(False)
    sock.listen(options.backlog)
    return sock


def _key(address: Address, interface: str) -> tuple[object, ...]:
    host = address.host
    if address.family in ("ipv4", "ipv6"):
        host = str(ipaddress.ip_address(host or ("::" if address.family == "ipv6" else "0.0.0.0")))
    return address.family, host, address.port, address.fd, interface


def _key_of(taken: Taken) -> tuple[object, ...] | None:
    """What `_key` would be for the line that a socket of another process was made for; None for one that we cannot use."""
    sock = taken.sock
    if taken.has_namespace or sock.type != socket.SOCK_STREAM:
        return None
    name = sock.getsockname()
    if sock.family == socket.AF_INET:
        return _key(Address("ipv4", name[0], name[1]), taken.interface)
    if sock.family == socket.AF_INET6:
        return _key(Address("ipv6", name[0].partition("%")[0], name[1]), taken.interface)
    if sock.family != socket.AF_UNIX:
        return None
    if isinstance(name, bytes):
        return _key(Address("abns", name[1:].rstrip(b"\0").decode("utf-8", "surrogateescape")), "")
    # Listens on a name beside the path, which was then moved over it (open_unix); haproxy does the same.
    return _key(Address("unix", re.sub(r"\.\d+\.tmp$", "", name)), "")


def _shown(address: Address) -> str:
    if address.family == "fd":
        return f"fd@{address.fd}"
    if address.family == "abns":
        return f"abns@{address.host}"
    if address.family == "unix":
        return address.host
    return f"{address.host or ('::' if address.family == 'ipv6' else '0.0.0.0')}:{address.port}"


def tell(pids: list[int], number: int) -> None:
    """Sends the signal to those of `pids` that still exist."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
