"""Traffic that notices every lost request, in a process of its own: `python -m support.load RATE CLIENTS TUNNELS`.

Prints the port of its origin server, reads `HOST PORT` of the proxy, then does until its input ends: RATE new connections a
second, CLIENTS kept-alive ones that think for a moment between requests, TUNNELS WebSockets that are talked to all the time, and
one download. No client ever tries again. Then it prints what happened as JSON.

Knows the least of HTTP that this takes; must not know what happens to the proxy meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys

import uvloop

BODY = b"x" * 100
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
UPGRADE = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PIECE = bytes(range(256)) * 16
ANSWER_S = 30  # no answer for so long is a lost one
THINK_S = 0.05
PACE_S = 0.01


class Origin(asyncio.Protocol):
    """Answers GET; echoes after an upgrade; /long is sent until `stop` is set."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self._received = b""
        self._echoes = False
        self._download: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # uvloop's are not of asyncio's class

    def connection_lost(self, error: Exception | None) -> None:
        if self._download is not None:
            self._download.cancel()

    def data_received(self, data: bytes) -> None:
        if self._echoes:
            self._transport.write(data)
            return
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            if b"pgrade: websocket" in head:
                self._echoes = True
                self._transport.write(UPGRADE)
            elif head.startswith(b"GET /long "):
                self._download = asyncio.ensure_future(self._send_pieces())
            else:
                self._transport.write(ANSWER)

    async def _send_pieces(self) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not self._stop.is_set():
            self._transport.write(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), PACE_S)
        self._transport.write(b"0\r\n\r\n")


class Load:
    """The clients. failed: what each lost request said; n_*: what went well."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.stop = asyncio.Event()
        self.failed: list[str] = []
        self.n_new = self.n_kept = self.n_reconnected = self.n_echoes = self.n_downloaded = 0

    async def run(self, rate: float, n_clients: int, n_tunnels: int) -> None:
        works = [self._new_connections(rate), self._download()]
        works += [self._kept_alive() for _ in range(n_clients)]
        works += [self._tunnel() for _ in range(n_tunnels)]
        await asyncio.gather(*works)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.wait_for(asyncio.open_connection(*self._address), ANSWER_S)

    async def _get(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, more: bytes = b"") -> bool:
        """One request; whether the connection may be used again. Raises what a lost one raises."""
        async with asyncio.timeout(ANSWER_S):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(len(BODY))
        if not head.startswith(b"http/1.1 200 ") or body != BODY:
            raise ValueError(f"answered {head!r}")
        return b"connection: close" not in head

    def _fail(self, what: str, error: BaseException) -> None:
        self.failed.append(f"{what}: {type(error).__name__}: {error}")

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)

    async def _new_connections(self, rate: float) -> None:
        loop = asyncio.get_running_loop()
        pending: set[asyncio.Task[None]] = set()
        due = loop.time()
        while not self.stop.is_set():
            # A machine that cannot do so many does what it can: debts of more than a tenth of a second are forgotten.
            due = max(due, loop.time() - 0.1)
            while due <= loop.time() and len(pending) < rate:
                task = asyncio.ensure_future(self._one_request())
                pending.add(task)
                task.add_done_callback(pending.discard)
                due += 1 / rate
            await self._pause(max(due - loop.time(), 0.001))
        await asyncio.gather(*pending)

    async def _one_request(self) -> None:
        try:
            reader, writer = await self._connect()
            await self._get(reader, writer, random.choice((b"", b"Connection: close\r\n")))
            writer.close()
            self.n_new += 1
        except Exception as error:
            self._fail("new connection", error)

    async def _kept_alive(self) -> None:
        while not self.stop.is_set():
            try:
                reader, writer = await self._connect()
                while await self._get(reader, writer):
                    self.n_kept += 1
                    await self._pause(random.random() * THINK_S)
                    if self.stop.is_set():
                        break
                else:
                    self.n_reconnected += 1
                writer.close()
            except Exception as error:
                self._fail("kept-alive connection", error)

    async def _tunnel(self) -> None:
        try:
            reader, writer = await self._connect()
            writer.write(HANDSHAKE)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101 "):
                raise ValueError(f"answered {head!r}")
            while not self.stop.is_set():
                writer.write(b"%8d" % self.n_echoes)
                async with asyncio.timeout(ANSWER_S):
                    await reader.readexactly(8)
                self.n_echoes += 1
                await self._pause(random.random() * THINK_S)
            writer.close()
        except Exception as error:
            self._fail("tunnel", error)

    async def _download(self) -> None:
        try:
            reader, writer = await self._connect()
            writer.write(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            while size := int(await reader.readuntil(b"\r\n"), 16):
                piece = (await reader.readexactly(size + 2))[:-2]
                if piece != (PIECE * 2)[self.n_downloaded % len(PIECE) :][:size]:
                    raise ValueError(f"other bytes at {self.n_downloaded}")
                self.n_downloaded += size
            writer.close()
            if not self.stop.is_set():
                raise ValueError("it ended too early")
        except Exception as error:
            self._fail("download", error)


async def _main(rate: float, n_clients: int, n_tunnels: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    server = await loop.create_server(lambda: Origin(stop), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    host, port = (await loop.run_in_executor(None, sys.stdin.readline)).split()
    load = Load((host, int(port)))
    load.stop = stop
    began = loop.time()
    running = asyncio.ensure_future(load.run(rate, n_clients, n_tunnels))
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(load.n_new, flush=True)
    stop.set()
    seconds = loop.time() - began
    await running
    numbers = {name: value for name, value in vars(load).items() if name.startswith("n_")}
    print(json.dumps({"failed": load.failed, "seconds": round(seconds, 1), **numbers}), flush=True)


if __name__ == "__main__":
    uvloop.run(_main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
