"""The statistics service: HTTP/1 over the internal unix socket, for requests that workers forward.

Knows connections, requests and keep-alive (httptools). Must not know what the page shows: `answer` decides. A worker adds
`x-fastlb-proxy` (index of the proxy whose `stats uri` matched) and `x-fastlb-service`, and removes such headers from what clients
send; trailers are never looked at. Only workers may connect, by the kernel's word for their pids.
"""

from __future__ import annotations

import asyncio
import socket

import httptools

from fastlb.control.hub import Control
from fastlb.control.peer import peer_of
from fastlb.control.stats.answer import Answer, Query, answer

# A client's idle time is the worker's business (timeout http-keep-alive); this only bounds what a dead worker leaves.
_IDLE_S = 600.0
_DISCARD_S, _DISCARD_BYTES = 5.0, 1 << 20
_MAX_HEAD = 65536
# The body of a form; more is not read.
_MAX_BODY = 16384


class StatsService:
    """Serves the statistics page on the inherited listening socket."""

    def __init__(self, control: Control, listener: socket.socket) -> None:
        self._control = control
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, sock=self._listener)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if peer_of(writer.get_extra_info("socket")).pid in [worker.pid for worker in self._control.snapshot.workers()]:
                await self._converse(reader, writer)
        except (ConnectionError, TimeoutError):
            # The worker went: there is nobody to answer.
            pass
        except asyncio.CancelledError:
            # The end of the process. asyncio's streams take a cancelled handler for a failed one (CPython 3.11).
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = _Received()
        parser = httptools.HttpRequestParser(received)
        received.bind(parser)
        while True:
            data = await asyncio.wait_for(reader.read(16384), _IDLE_S)
            if not data:
                return
            is_broken = False
            try:
                parser.feed_data(data)
            except httptools.HttpParserError:
                is_broken = True
            was_given_up = received.is_too_large
            if was_given_up:
                # The rest of it is not looked at: the connection ends behind the answer.
                received.give_up()
            while received.finished:
                request = received.finished.pop(0)
                found = answer(self._control, request)
                writer.write(_serialized(found, request))
                await writer.drain()
                if not request.keeps_alive:
                    if was_given_up:
                        await _discard(reader)
                    return
            if is_broken:
                return


class _Received:
    """What httptools found; `finished` are the requests whose last byte has come."""

    def __init__(self) -> None:
        self.finished: list[Query] = []
        self.size = 0
        self._query = Query()
        self._is_in_head = False

    @property
    def is_too_large(self) -> bool:
        return self.size > _MAX_HEAD or len(self._query.body) > _MAX_BODY

    def give_up(self) -> None:
        """The request that is being received is answered as it is."""
        self._query.is_too_large, self._query.keeps_alive = True, False
        self.finished.append(self._query)

    def on_message_begin(self) -> None:
        self._query = Query()
        self.size = 0
        self._is_in_head = True

    def on_url(self, url: bytes) -> None:
        self.size += len(url)
        self._query.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        # httptools tells trailers here too: what clients send there must not pass for the engine's headers (RFC 9110, 6.5.1).
        if not self._is_in_head:
            return
        self.size += len(name) + len(value)
        self._query.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._query.body += body

    def bind(self, parser: httptools.HttpRequestParser) -> None:
        self._parser = parser

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._query.method = self._parser.get_method().decode("latin-1")
        self._query.keeps_alive = self._parser.should_keep_alive()

    def on_message_complete(self) -> None:
        self.finished.append(self._query)


def _serialized(found: Answer, request: Query) -> bytes:
    """The bytes of an answer: lower-case names in HAProxy's order, a length even for HEAD."""
    lines = [f"HTTP/1.1 {found.status} {found.reason}", f"content-length: {len(found.body)}"]
    lines += [f"{name}: {value}" for name, value in found.headers]
    if not request.keeps_alive:
        lines.append("connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    return head if request.method == "HEAD" else head + found.body


async def _discard(reader: asyncio.StreamReader) -> None:
    """Reads what still comes, within bounds: closing before would reset the connection, and the answer would be lost."""
    left = _DISCARD_BYTES
    async with asyncio.timeout(_DISCARD_S):
        while left > 0 and (data := await reader.read(16384)):
            left -= len(data)
