"""Messages between control and the workers: one inherited unix socket, frames of JSON.

Knows framing, who may speak, matching answers to requests, timeouts. Must not know what a command means.

    frame    uint32 little endian length, then that many bytes of JSON (one object)
    worker   {"hello": INDEX, "pid": PID, "touched": {...}} first, then an answer to each request; at any time {"changes": [...]},
             and {"questions": [[N, ...], ...]}, each of which gets a command "answer" some time later
    control  {"id": N, "command": TEXT, "arguments": {...}}; without an id it is not answered
    answer   {"id": N, "result": {...}} or {"id": N, "error": TEXT}
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import struct
from collections.abc import Callable
from typing import Any, Protocol

from fastlb.control.peer import peer_of

# Larger than any answer in sight (show sess of a full worker); a peer that announces more is not ours.
_MAX_FRAME = 64 << 20
_REQUEST_TIMEOUT_S = 5.0
# What a worker may leave unread: one that is stuck must not fill control's memory. It connects again and gets all anew.
_MAX_UNREAD = 64 << 20


class MessageError(Exception):
    """A worker is not there, did not answer in time or refused; the text says which."""


class _Peer:
    """One connected worker."""

    def __init__(self, worker: int, pid: int, writer: asyncio.StreamWriter) -> None:
        self.worker = worker
        self.pid = pid
        self.writer = writer
        self.waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.held: list[list[Any]] | None = []  # changes that came before it was greeted; None from then on

    def send(self, message: dict[str, Any]) -> None:
        transport = self.writer.transport
        if transport.get_write_buffer_size() > _MAX_UNREAD:
            transport.abort()
        else:
            self.writer.write(_frame(message))

    def answer(self, question: int, result: str) -> None:
        """To a question of this very process: the one that comes after it counts anew."""
        if not self.writer.is_closing():
            self.send({"command": "answer", "arguments": {"question": question, "address": result}})

    def fail(self, reason: str) -> None:
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(MessageError(reason))
        self.waiting.clear()


class Audience(Protocol):
    """Who is told what workers say of themselves."""

    async def greet(self, worker: int, touched: dict[str, Any]) -> None:
        """A worker is there. touched: which of "contents" and "certificates" are no longer as configured there."""

    def hear(self, worker: int, changes: list[Any]) -> None:
        """Rules of a worker have changed something."""


Question = list[Any]  # its number, then what is asked


class _Deaf:
    async def greet(self, worker: int, touched: dict[str, Any]) -> None:
        return

    def hear(self, worker: int, changes: list[Any]) -> None:
        return


class MessageHub:
    """Listens for workers and asks them. `audience` and `on_questions` may be set before the start.

    listener: the inherited unix socket, listening. worker_pids: the pids that may speak, now, by worker.
    """

    def __init__(self, listener: socket.socket, worker_pids: Callable[[], list[int]]) -> None:
        self.audience: Audience = _Deaf()
        # Called with the questions of one frame, and what answers one of them; a worker that has gone meanwhile hears nothing.
        self.on_questions: Callable[[list[Question], Callable[[int, str], None]], None] = lambda questions, answer: None
        self._listener = listener
        self._worker_pids = worker_pids
        self._peers: dict[int, _Peer] = {}
        self._ids = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def workers(self) -> list[int]:
        """The workers that are connected."""
        return sorted(self._peers)

    def pid_of(self, worker: int) -> int:
        """The process that is connected as that worker; 0: none."""
        peer = self._peers.get(worker)
        return peer.pid if peer is not None else 0

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, sock=self._listener)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for peer in list(self._peers.values()):
            peer.fail("control ends")
            peer.writer.close()
        for task in list(self._tasks):
            task.cancel()

    async def request(
        self, worker: int, command: str, *, timeout_s: float = _REQUEST_TIMEOUT_S, **arguments: Any
    ) -> dict[str, Any]:
        """Asks one worker and returns its result; raises MessageError when there is none within `timeout_s` seconds."""
        peer = self._peers.get(worker)
        if peer is None:
            raise MessageError(f"worker {worker} is not connected")
        return await self._answer(peer, *self._ask(peer, command, arguments), command, timeout_s)

    def post(self, command: str, **arguments: Any) -> None:
        """Tells all connected workers, in the order of the calls; no answer is awaited."""
        for peer in self._peers.values():
            peer.send({"command": command, "arguments": arguments})

    def tell(self, worker: int, command: str, **arguments: Any) -> None:
        """Tells one worker, if it is there."""
        if worker in self._peers:
            self._peers[worker].send({"command": command, "arguments": arguments})

    def drop(self, worker: int) -> None:
        """Lets go of a worker that is not where it should be: it connects again, and is greeted with everything."""
        if worker in self._peers:
            self._peers[worker].writer.close()

    def _ask(self, peer: _Peer, command: str, arguments: dict[str, Any]) -> tuple[int, asyncio.Future[dict[str, Any]]]:
        number = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        peer.waiting[number] = future
        peer.send({"id": number, "command": command, "arguments": arguments})
        return number, future

    async def _answer(
        self, peer: _Peer, number: int, future: asyncio.Future[dict[str, Any]], command: str, timeout_s: float
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise MessageError(f"worker {peer.worker} did not answer '{command}' within {timeout_s:g} s") from None
        finally:
            peer.waiting.pop(number, None)

    async def broadcast(
        self, command: str, *, timeout_s: float = _REQUEST_TIMEOUT_S, **arguments: Any
    ) -> dict[int, dict[str, Any]]:
        """Asks all connected workers, in the order of the calls; the results of those that answered, by worker."""
        workers = self.workers
        asked = [(self._peers[worker], *self._ask(self._peers[worker], command, arguments)) for worker in workers]
        answers = await asyncio.gather(
            *(self._answer(peer, number, future, command, timeout_s) for peer, number, future in asked), return_exceptions=True
        )
        found: dict[int, dict[str, Any]] = {}
        for worker, answer in zip(workers, answers, strict=True):
            if isinstance(answer, dict):
                found[worker] = answer
            elif not isinstance(answer, MessageError):
                raise answer
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._keep(task)
        peer: _Peer | None = None
        try:
            peer = await self._welcome(reader, writer)
            while peer is not None:
                self._deliver(peer, await _read_frame(reader))
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, ValueError):
            pass
        except asyncio.CancelledError:
            # The end of the process. asyncio's streams take a cancelled handler for a failed one (CPython 3.11).
            pass
        finally:
            if peer is not None:
                peer.fail(f"worker {peer.worker} went away")
                if self._peers.get(peer.worker) is peer:
                    del self._peers[peer.worker]
            writer.close()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Peer | None:
        """The peer once it has proved to be a worker: by the kernel's word for its pid, before it may say anything."""
        pid = peer_of(writer.get_extra_info("socket")).pid
        if pid not in self._worker_pids():
            return None
        hello = await asyncio.wait_for(_read_frame(reader), _REQUEST_TIMEOUT_S)
        worker = hello.get("hello")
        pids = self._worker_pids()
        if not isinstance(worker, int) or not 0 <= worker < len(pids) or pids[worker] != pid:
            return None
        old = self._peers.get(worker)
        if old is not None:
            old.fail(f"worker {worker} was replaced")
            old.writer.close()
            del self._peers[worker]
        peer = _Peer(worker, pid, writer)
        self._peers[worker] = peer
        touched = hello.get("touched")
        self._keep(asyncio.ensure_future(self._greet(peer, touched if isinstance(touched, dict) else {})))
        return peer

    async def _greet(self, peer: _Peer, touched: dict[str, Any]) -> None:
        # A worker that goes away meanwhile is greeted again when it is back, and says its changes again.
        with contextlib.suppress(MessageError):
            await self.audience.greet(peer.worker, touched)
        held, peer.held = peer.held or [], None
        for changes in held if self._peers.get(peer.worker) is peer else []:
            self.audience.hear(peer.worker, changes)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _deliver(self, peer: _Peer, frame: dict[str, Any]) -> None:
        changes, questions = frame.get("changes"), frame.get("questions")
        if isinstance(questions, list):
            self.on_questions(questions, peer.answer)
        elif not isinstance(changes, list):
            _deliver_answer(peer, frame)
        elif peer.held is None:
            self.audience.hear(peer.worker, changes)
        else:
            # A control that was restarted must know what the worker holds before it hears what was changed since.
            peer.held.append(changes)


def _deliver_answer(peer: _Peer, answer: dict[str, Any]) -> None:
    future = peer.waiting.pop(answer.get("id", 0), None)
    if future is None or future.done():
        return
    if "error" in answer:
        future.set_exception(MessageError(str(answer["error"])))
    else:
        result = answer.get("result")
        future.set_result(result if isinstance(result, dict) else {})


def _frame(message: dict[str, Any]) -> bytes:
    raw = json.dumps(message, separators=(",", ":")).encode()
    return struct.pack("<I", len(raw)) + raw


async def _read_frame(reader: asyncio.StreamReader) -> dict[str, Any]:
    (length,) = struct.unpack("<I", await reader.readexactly(4))
    if length > _MAX_FRAME:
        raise ValueError("frame too long")
    message = json.loads(await reader.readexactly(length))
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


__all__ = ["MessageError", "MessageHub"]
