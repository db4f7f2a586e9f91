"""Rings: the last lines of a log in memory, and the servers that get a copy of each (manual, section 3.9).

Knows sizes, streams and RFC 6587's two ways to tell lines apart. Must not know what a line says. Nothing here waits on a server:
what one does not take in time is dropped, oldest first, and counted.

    workers ─► socket ─┐
                       ├─► Ring.append ─► entries, followers ─► `show events`
    control ───────────┘        └──────► Forwarder.pending ─► a stream to a server
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastlb.config.log_model import Ring as RingConfig
from fastlb.config.log_model import RingServer
from fastlb.config.rings import BUILT_IN, built_in

_RECONNECT_S = 1.0
_BATCH = 1 << 16  # bytes of lines that a server must take before the next ones are given to it
_LONGEST = 1 << 17  # bytes of a datagram from a worker
_LAST_S = 0.3  # how long what is under way may take at the end
_QUIET_S = 0.05


class Follower:
    """Who waits for new lines (`show events -w`). has_some: set while there are any."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lines: deque[bytes] = deque()
        self._n_bytes = 0
        self.has_some = asyncio.Event()

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        self._n_bytes += len(line)
        while self._n_bytes > self._size:
            self._n_bytes -= len(self._lines.popleft())
        self.has_some.set()

    def take(self) -> list[bytes]:
        lines = list(self._lines)
        self._lines.clear()
        self._n_bytes = 0
        self.has_some.clear()
        return lines


class Ring:
    """The last lines, and how many were lost on their way to servers (`dropped`)."""

    def __init__(self, config: RingConfig) -> None:
        self.config = config
        self.dropped = 0
        self.followers: set[Follower] = set()
        self.forwarders = [Forwarder(self, server) for server in config.servers]
        self._entries: deque[bytes] = deque()
        self._n_bytes = 0

    def append(self, line: bytes) -> None:
        """A line without its end; what is beyond `maxlen` is cut off."""
        line = line[: self.config.max_length]
        self._entries.append(line)
        self._n_bytes += len(line) + 1
        while self._n_bytes > self.config.size:
            self._n_bytes -= len(self._entries.popleft()) + 1
        for forwarder in self.forwarders:
            forwarder.add(line)
        for follower in self.followers:
            follower.add(line)

    def entries(self) -> list[bytes]:
        """Oldest first."""
        return list(self._entries)

    @contextlib.contextmanager
    def follow(self) -> Iterator[Follower]:
        follower = Follower(self.config.size)
        self.followers.add(follower)
        try:
            yield follower
        finally:
            self.followers.discard(follower)


class Forwarder:
    """Sends a ring's lines to one server, for as long as control lives. As many bytes as the ring holds may wait."""

    def __init__(self, ring: Ring, server: RingServer) -> None:
        self._ring = ring
        self._server = server
        self._pending: deque[bytes] = deque()
        self._n_bytes = 0
        self._has_some = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        return self._n_bytes == 0

    def add(self, line: bytes) -> None:
        # RFC 6587: octet counting (3.4.1), or a newline as the end (3.4.2).
        framed = b"%d %b" % (len(line), line) if self._server.is_counted else line + b"\n"
        self._pending.append(framed)
        self._n_bytes += len(framed)
        while self._n_bytes > self._ring.config.size and len(self._pending) > 1:
            self._n_bytes -= len(self._pending.popleft())
            self._ring.dropped += 1
        self._has_some.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                await self._connection()
            await asyncio.sleep(_RECONNECT_S)

    async def _connection(self) -> None:
        """One connection, up to its end; raises OSError, TimeoutError."""
        config = self._ring.config
        async with asyncio.timeout(config.connect_ms / 1000 if config.connect_ms else None):
            reader, writer = await self._open()
        # drain() then waits until the kernel has everything.
        writer.transport.set_write_buffer_limits(high=0)
        over = asyncio.ensure_future(_read_to_end(reader))
        try:
            while not over.done():
                if self._pending:
                    await self._send_batch(writer)
                else:
                    await self._await_lines(over)
        finally:
            over.cancel()
            if self.is_idle:
                writer.close()
            else:
                writer.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = self._server.address
        if address.family in ("unix", "abns"):
            # haproxy: an abstract name fills all of sun_path, padded with zeros.
            path = address.host if address.family == "unix" else ("\0" + address.host).ljust(108, "\0")
            return await asyncio.open_unix_connection(path)
        host = address.host or ("::1" if address.family == "ipv6" else "127.0.0.1")
        return await asyncio.open_connection(host, address.port)

    async def _await_lines(self, over: asyncio.Future[None]) -> None:
        self._has_some.clear()
        waiting = asyncio.ensure_future(self._has_some.wait())
        watched: set[asyncio.Future[Any]] = {over, waiting}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()

    async def _send_batch(self, writer: asyncio.StreamWriter) -> None:
        """Lines that were under way when the connection broke are sent again: some may come twice, none is passed over."""
        batch: list[bytes] = []
        size = 0
        while self._pending and size < _BATCH:
            batch.append(self._pending.popleft())
            size += len(batch[-1])
        try:
            writer.write(b"".join(batch))
            server_ms = self._ring.config.server_ms
            async with asyncio.timeout(server_ms / 1000 if server_ms else None):
                await writer.drain()
        except BaseException:
            self._pending.extendleft(reversed(batch))
            raise
        self._n_bytes -= size


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    """A log server has nothing to say; its end of file is the connection's."""
    with contextlib.suppress(OSError):
        while await reader.read(_BATCH):
            pass


class Rings:
    """All rings of the configuration. sockets: where workers' lines come from, by ring."""

    def __init__(self, configs: Iterable[RingConfig], sockets: Mapping[str, socket.socket]) -> None:
        self.by_name = {config.name: Ring(config) for config in (built_in(), *configs)}
        self._sockets = sockets
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def dropped(self) -> int:
        return sum(ring.dropped for ring in self.by_name.values())

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        for name, sock in self._sockets.items():
            self._loop.add_reader(sock.fileno(), self._receive, self.by_name[name], sock)
        for ring in self.by_name.values():
            self._tasks += [self._loop.create_task(forwarder.run()) for forwarder in ring.forwarders]

    def _receive(self, ring: Ring, sock: socket.socket) -> bool:
        """Takes what workers have sent; whether there was anything."""
        # A quarter of the ring, then the servers have their turn: meanwhile the socket's buffer keeps what comes.
        left = ring.config.size // 4
        while left > 0:
            try:
                line = sock.recv(_LONGEST)
            except OSError:
                break
            left -= len(line)
            ring.append(line.removesuffix(b"\n"))
        return left < ring.config.size // 4

    def _receive_all(self) -> bool:
        found = [self._receive(self.by_name[name], sock) for name, sock in self._sockets.items()]
        return any(found)

    async def stop(self) -> None:
        """Gives the last lines of workers that end a moment to come and to leave."""
        if self._loop is None:
            return
        end = self._loop.time() + _LAST_S
        quiet_at = self._loop.time()
        while self._tasks and self._loop.time() < end:
            await asyncio.sleep(_QUIET_S / 5)
            if self._receive_all():
                quiet_at = self._loop.time()
            is_idle = all(forwarder.is_idle for ring in self.by_name.values() for forwarder in ring.forwarders)
            if is_idle and self._loop.time() - quiet_at > _QUIET_S:
                break
        for sock in self._sockets.values():
            self._loop.remove_reader(sock.fileno())
        for task in self._tasks:
            task.cancel()


__all__ = ["BUILT_IN", "Follower", "Ring", "Rings"]
