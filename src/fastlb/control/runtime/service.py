"""The runtime sockets: accepting, reading lines, running commands, answering (management guide, section 9.3).

Knows the two modes (one line and close, or a prompt), payloads, limits. Must not know any command.

    not interactive   all commands of the lines that came together are run, each answer ends in an empty line, close
    prompt            "> " after each answer; "+ " while a payload is being sent
"""

from __future__ import annotations

import asyncio
import os
import socket

from fastlb.config import model
from fastlb.control import handover
from fastlb.control.hub import Control
from fastlb.control.peer import peer_of
from fastlb.control.runtime import table
from fastlb.control.runtime.command import LEVELS, Level, Request, Session, Severity
from fastlb.control.runtime.line import MAX_PAYLOAD, split_commands, split_words, wants_payload, without_payload_mark

_DEFAULT_MAXCONN = 10
_MAX_FROM_MASTER = 32
# What the master's own clients ask, which it hands on; it lowers their rights.
_FROM_MASTER = model.StatsSocket(model.Location("master", 0), model.Address("abns"), level="admin")
_GETSOCKS = handover.COMMAND.decode().rstrip("\n")


class RuntimeService:
    """Serves all runtime sockets of the configuration."""

    def __init__(
        self,
        control: Control,
        listeners: list[tuple[model.StatsSocket, socket.socket]],
        exposed: list[tuple[socket.socket, str]] | None = None,
        console: socket.socket | None = None,
    ) -> None:
        self._control = control
        self._listeners = listeners
        self._exposed = exposed or []
        self._console = console
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: list[asyncio.Task[None]] = []
        # One limit for all sockets together, `stats maxconn`; a socket's own may be lower.
        self._slots = asyncio.Semaphore(control.configuration.global_.stats_maxconn or _DEFAULT_MAXCONN)

    def start(self) -> None:
        for stats_socket, listener in self._listeners:
            listener.setblocking(False)
            slots = [self._slots, asyncio.Semaphore(stats_socket.maxconn or 1 << 30)]
            self._accepting.append(self._spawn(self._accept(stats_socket, listener, slots)))
        if self._console is not None:
            self._console.setblocking(False)
            self._spawn(self._accept(_FROM_MASTER, self._console, [asyncio.Semaphore(_MAX_FROM_MASTER)], os.getppid()))

    def stop_accepting(self) -> None:
        """The sockets are another generation's by now; who is connected is served on."""
        for task in self._accepting:
            task.cancel()
        self.stop_exposing()
        for _, listener in self._listeners:
            listener.close()

    def stop_exposing(self) -> None:
        """Closes this process' copies of the frontends' listeners: nobody who connects to them would be served."""
        own = {listener for _, listener in self._listeners}
        for sock, _ in self._exposed:
            if sock not in own:
                sock.close()
        self._exposed = []

    def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    def _spawn(self, work: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(
        self, stats_socket: model.StatsSocket, listener: socket.socket, slots: list[asyncio.Semaphore], only: int = 0
    ) -> None:
        """only: the pid that may connect, 0 for all whom the socket's own mode lets."""
        loop = asyncio.get_running_loop()
        while True:
            # Beyond the limits clients wait in the listener's queue, as they do with HAProxy.
            for one in slots:
                await one.acquire()
            try:
                sock, _peer = await loop.sock_accept(listener)
            except OSError:
                _release(slots)
                await asyncio.sleep(0.1)
                continue
            if only and peer_of(sock).pid != only:
                sock.close()
                _release(slots)
                continue
            self._spawn(self._serve(stats_socket, sock, slots))

    async def _serve(self, stats_socket: model.StatsSocket, sock: socket.socket, slots: list[asyncio.Semaphore]) -> None:
        level = LEVELS.get(stats_socket.level, Level.OPERATOR)
        session = Session(level, self._control.configuration.global_.stats_timeout_ms / 1000, stats_socket)
        session.severity_output = stats_socket.severity_output
        sock.setblocking(False)
        # haproxy: a line longer than the buffer closes the connection without an answer.
        client = _Client(sock, self._control.configuration.global_.bufsize)
        try:
            await self._converse(client, session)
        except (OSError, TimeoutError, ValueError):
            # The client went, was silent for too long, or sent a line beyond the limit: nothing to say to it.
            pass
        finally:
            _release(slots)
            sock.close()

    async def _converse(self, client: _Client, session: Session) -> None:
        while not session.is_over:
            line = await client.read_line(session.timeout_s)
            if line is None:
                return
            if line == _GETSOCKS:
                await self._hand_over(client, session)
                return
            payload = ""
            if wants_payload(line):
                line = without_payload_mark(line)
                sent = await self._read_payload(client, session)
                if sent is None:
                    return
                payload = sent
            answer = await self._run_line(line, payload, session, client)
            await client.send(answer, session.timeout_s)
            if not session.has_prompt and not client.has_line():
                return

    async def _hand_over(self, client: _Client, session: Session) -> None:
        """All listening sockets, to a process that replaces this one. haproxy: says nothing where that is not allowed."""
        if session.socket is None or not session.socket.expose_fd_listeners or not self._exposed:
            return
        for place, (data, fds) in enumerate(handover.messages(self._exposed)):
            if place > 1:
                await client.receive(session.timeout_s)
            await client.send_descriptors(data, fds, session.timeout_s)

    async def _read_payload(self, client: _Client, session: Session) -> str | None:
        """The lines up to an empty one; None where the stream ends before: haproxy does not run such a command."""
        payload: list[str] = []
        size = 0
        while True:
            if session.has_prompt:
                await client.send("+ ", session.timeout_s)
            line = await client.read_line(session.timeout_s)
            if line is None:
                return None
            if not line:
                return "\n".join(payload)
            size += len(line) + 1
            if size > MAX_PAYLOAD:
                raise ValueError("payload too long")
            payload.append(line)

    async def _run_line(self, line: str, payload: str, session: Session, client: _Client) -> str:
        """Runs the commands of a line; all their answers, each with its end."""
        answers: list[str] = []
        stream = _Pieces(client, session, answers)
        commands = split_commands(line)
        for place, text in enumerate(commands):
            words = split_words(text)
            command = table.find(words)
            if command is None:
                answer = session.told(Severity.INFO, table.unknown(words))
            else:
                is_last = place == len(commands) - 1
                answer = await table.run(command, Request(words, session, self._control, payload if is_last else "", stream))
            if session.is_over:
                break
            answers.append(answer + ("\n> " if session.has_prompt else "\n"))
        return "".join(answers)


class _Pieces:
    """The answer of one command, piece by piece behind those of the commands before it."""

    def __init__(self, client: _Client, session: Session, before: list[str]) -> None:
        self._client = client
        self._session = session
        self._before = before

    async def send(self, text: str) -> None:
        if self._before:
            text = "".join(self._before) + text
            self._before.clear()
        await self._client.send(text, self._session.timeout_s)

    async def until(self, event: asyncio.Event) -> bool:
        happened = asyncio.ensure_future(event.wait())
        said = asyncio.ensure_future(self._client.say_nothing())
        try:
            await asyncio.wait({happened, said}, return_when=asyncio.FIRST_COMPLETED)
            if said.done():
                said.exception()  # that it is gone is enough to know
                return False
            return True
        finally:
            happened.cancel()
            said.cancel()


def _release(slots: list[asyncio.Semaphore]) -> None:
    for one in slots:
        one.release()


class _Client:
    """A client's connection as lines."""

    def __init__(self, sock: socket.socket, max_line: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._max_line = max_line
        self._received = bytearray()
        self._is_at_end = False

    def has_line(self) -> bool:
        """Whether another whole line has already come."""
        return b"\n" in self._received

    async def read_line(self, timeout_s: float) -> str | None:
        """The next line without its end, what is left at the end of the stream, None after it.

        Raises TimeoutError after `timeout_s` seconds of silence, ValueError for a line beyond the limit.
        """
        while not self.has_line() and not self._is_at_end:
            if len(self._received) > self._max_line:
                raise ValueError("line too long")
            async with asyncio.timeout(timeout_s):
                data = await self._loop.sock_recv(self._sock, 16384)
            self._received += data
            self._is_at_end = not data
        if not self._received:
            return None
        line, _, rest = bytes(self._received).partition(b"\n")
        self._received = bytearray(rest)
        if len(line) > self._max_line:
            raise ValueError("line too long")
        return line.rstrip(b"\r").decode("utf-8", "surrogateescape")

    async def say_nothing(self) -> None:
        """Returns once the client has sent something, which is passed over, or has closed."""
        if self._received or self._is_at_end:
            self._received.clear()
            return
        self._is_at_end = not await self._loop.sock_recv(self._sock, 16384)

    async def receive(self, timeout_s: float) -> bytes:
        """What comes next, as it comes."""
        async with asyncio.timeout(timeout_s):
            return await self._loop.sock_recv(self._sock, 16384)

    async def send_descriptors(self, data: bytes, fds: list[int], timeout_s: float) -> None:
        """Sends a message with descriptors; raises TimeoutError where the client does not take it."""
        async with asyncio.timeout(timeout_s):
            while data:
                try:
                    sent = socket.send_fds(self._sock, [data], fds)
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                    continue
                data, fds = data[sent:], []

    async def send(self, text: str, timeout_s: float) -> None:
        """Sends a text; raises TimeoutError where the client does not take it."""
        async with asyncio.timeout(timeout_s):
            await self._loop.sock_sendall(self._sock, text.encode("utf-8", "surrogateescape"))
