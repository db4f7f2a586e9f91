"""The master's own runtime socket: `-S`, and the private one that `fastlb reload` uses (management guide, section 9.4).

Knows lines, the few commands about processes, and how to hand a command with a prefix on to a generation's control process. It
is polled by the master's loop and never waits. Must not know what those commands do there.

    line ──► master's own ──► answer at once, or when the reload is over
         └─► @1, @!PID ─────► a connection to that control's private socket: what comes back goes to the client
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastlb.control.peer import peer_of
from fastlb.control.runtime.line import MAX_PAYLOAD, split_commands, wants_payload
from fastlb.supervisor.generation import Generation

LEVELS = {"user": 0, "operator": 1, "admin": 2}
_MAX_LINE = 16384
_MAX_OUT = 1 << 20  # bytes that a client may leave unread before nothing more is done for it
_MAX_CLIENTS = 128
_ENTRY = 16  # width of a column of `show proc`


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening socket, owned by the console. level: of LEVELS. is_private: for this user and root only."""

    sock: socket.socket
    level: int = 2
    is_private: bool = False


class Supervised(Protocol):
    """What the console may ask of the master."""

    def current(self) -> Generation | None: ...
    def generations(self) -> list[Generation]: ...
    def has_reload_failed(self) -> bool: ...
    def startup_logs(self) -> str: ...
    def show_processes(self) -> list[tuple[str, ...]]: ...
    def request_reload(self, on_done: Callable[[bool, str], None]) -> None: ...


def private_name(pid: int) -> bytes:
    """The abstract address of the master with that pid. Whoever connects must look whether it is really that process."""
    return b"\0fastlb-master-%d" % pid


class _Client:
    def __init__(self, sock: socket.socket, level: int) -> None:
        self.sock = sock
        self.level = level
        self.received = b""
        self.out = b""
        self.has_prompt = False
        self.has_asked = False
        self.target: Generation | None = None  # None: the master
        self.forwarded: socket.socket | None = None
        self.to_forward = b""
        self.to_skip = 0  # bytes of the answer: that of a command which the client did not give
        self.is_cut_short = False  # what is forwarded has heard that the client says something, or has left
        self.is_waiting = False  # for a reload
        self.is_at_end = False
        self.is_over = False
        self.payload: list[str] | None = None  # of a command for a control process, behind its line
        self.payload_size = 0

    @property
    def is_busy(self) -> bool:
        return self.is_waiting or self.forwarded is not None


class Console:
    """version: what `show version` says. poll: the master's, where all descriptors are watched."""

    def __init__(self, poll: select.poll, supervised: Supervised, version: str) -> None:
        self._poll = poll
        self._supervised = supervised
        self._version = version
        self._listeners: list[Listener] = []
        self._clients: list[_Client] = []
        self._watched: dict[int, int] = {}

    def listen(self, listeners: list[Listener]) -> None:
        self._listeners += listeners
        self._watch()

    def close_in_child(self) -> None:
        for listener in self._listeners:
            listener.sock.close()
        for client in self._clients:
            client.sock.close()
            if client.forwarded is not None:
                client.forwarded.close()

    def turn(self) -> None:
        """Does all that can be done now; after each return of the poll."""
        for listener in self._listeners:
            self._accept(listener)
        for client in [*self._clients]:
            with contextlib.suppress(BlockingIOError):
                self._serve(client)
            self._forget_if_over(client)
        self._watch()

    # -- connections

    def _accept(self, listener: Listener) -> None:
        while True:
            try:
                sock, _ = listener.sock.accept()
            except OSError:
                return
            sock.setblocking(False)
            if len(self._clients) >= _MAX_CLIENTS or (listener.is_private and not _is_friend(sock)):
                sock.close()
                continue
            self._clients.append(_Client(sock, listener.level))

    def _serve(self, client: _Client) -> None:
        try:
            self._receive(client)
            if client.forwarded is not None:
                self._relay(client)
            while not client.is_busy and not client.is_over and b"\n" in client.received:
                if len(client.out) >= _MAX_OUT and not self._flush(client):
                    break
                line, _, client.received = client.received.partition(b"\n")
                self._take_line(client, line.rstrip(b"\r").decode("utf-8", "surrogateescape"))
                client.has_asked = True
                if client.forwarded is not None:
                    self._relay(client)
            has_all = not client.is_busy and b"\n" not in client.received
            if has_all and (client.is_at_end or (client.has_asked and not client.has_prompt and client.payload is None)):
                client.is_over = True
            self._flush(client)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                raise
            client.is_over, client.out, client.is_waiting = True, b"", False
            self._hang_up(client)

    def _receive(self, client: _Client) -> None:
        while not client.is_at_end and not client.is_over and len(client.received) <= _MAX_LINE:
            try:
                data = client.sock.recv(_MAX_LINE)
            except BlockingIOError:
                break
            client.is_at_end = not data
            client.received += data
        if len(client.received) > _MAX_LINE and b"\n" not in client.received[:_MAX_LINE]:
            raise ConnectionAbortedError

    def _flush(self, client: _Client) -> bool:
        """Whether all has gone."""
        while client.out:
            try:
                sent = client.sock.send(client.out, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return False
            client.out = client.out[sent:]
        return True

    def _forget_if_over(self, client: _Client) -> None:
        if client.is_over and not client.out and not client.is_busy:
            self._clients.remove(client)
            self._unwatch(client.sock)
            client.sock.close()

    # -- forwarding

    def _forward(self, client: _Client, generation: Generation, command: str, payload: str = "") -> None:
        lowered = {0: "user; ", 1: "operator; "}.get(client.level, "")
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            link.connect(generation.console_address)
        except OSError as error:
            link.close()
            self._answer(client, f"The process does not answer: {error.strerror}.\n")
            return
        client.forwarded = link
        client.is_cut_short = False
        client.to_skip = 1 if lowered else 0
        client.to_forward = f"{lowered}{command}\n{payload}".encode("utf-8", "surrogateescape")

    def _relay(self, client: _Client) -> None:
        link = client.forwarded
        assert link is not None
        try:
            while client.to_forward:
                client.to_forward = client.to_forward[link.send(client.to_forward, socket.MSG_NOSIGNAL) :]
            if not client.is_cut_short and (client.is_at_end or client.received):
                # It ends what waits for that, `show events -w`; everything else goes on to its end.
                client.is_cut_short = True
                link.shutdown(socket.SHUT_WR)
            while len(client.out) < _MAX_OUT:
                data = link.recv(65536)
                if not data:
                    break
                client.out += data[client.to_skip :]
                client.to_skip = 0
            else:
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # the control process died: what it had said goes out, and the client may ask again
        self._hang_up(client)
        self._prompt(client)

    def _hang_up(self, client: _Client) -> None:
        if client.forwarded is not None:
            self._unwatch(client.forwarded)
            client.forwarded.close()
            client.forwarded = None
        client.to_forward = b""

    # -- lines

    def _take_line(self, client: _Client, line: str) -> None:
        if client.payload is not None:
            self._take_payload(client, line)
            return
        if not line.strip():
            self._prompt(client)
            return
        # What a `;` separates is done in order; what must wait stands before the rest of the input.
        command, *rest = split_commands(line)
        if any(each.strip() for each in rest):
            client.received = ";".join(rest).encode("utf-8", "surrogateescape") + b"\n" + client.received
            self._do(client, command.strip())
        elif wants_payload(line):
            client.payload, client.payload_size = [line], 0
        else:
            self._do(client, command.strip())

    def _take_payload(self, client: _Client, line: str) -> None:
        assert client.payload is not None
        if line:
            client.payload.append(line)
            client.payload_size += len(line) + 1
            if client.payload_size > MAX_PAYLOAD:
                raise ConnectionAbortedError
            return
        command, *lines = client.payload
        client.payload = None
        self._do(client, command.strip(), "\n".join([*lines, "", ""]))

    def _do(self, client: _Client, command: str, payload: str = "") -> None:
        target = client.target
        if command.startswith("@"):
            prefix, _, command = command.partition(" ")
            try:
                target = self._find(prefix[1:])
            except LookupError:
                client.out += f"Can't find the target PID matching the prefix '{prefix}'\n".encode()
                self._prompt(client)
                return
            if not command.strip():
                client.target = target
                self._prompt(client)
                return
        if target is None or command in ("prompt", "quit"):
            self._run(client, command.split())
        else:
            self._forward(client, target, command.strip(), payload)

    def _find(self, name: str) -> Generation | None:
        """Whom a prefix means: None is the master. Raises LookupError."""
        if name in ("", "master"):
            return None
        current = self._supervised.current()
        if name == "1" and current is not None:
            return current
        for generation in self._supervised.generations():
            if name[:1] == "!" and any(str(child.pid) == name[1:] for child in generation.children() if child.pid):
                return generation
        raise LookupError(name)

    def _answer(self, client: _Client, text: str) -> None:
        client.out += text.encode("utf-8", "surrogateescape") + b"\n"
        self._prompt(client)

    def _prompt(self, client: _Client) -> None:
        if client.has_prompt and not client.is_over:
            name = "master[ReloadFailed]" if self._supervised.has_reload_failed() else "master"
            if client.target is not None:
                name = str(client.target.control.pid)
            client.out += f"{name}> ".encode()

    # -- the master's own commands

    def _run(self, client: _Client, words: list[str]) -> None:
        for command, level, _, run in COMMANDS:
            if words[: len(command)] == list(command):
                if client.level < level:
                    self._answer(client, "Permission denied\n")
                else:
                    run(self, client)
                return
        is_help = words[:1] == ["help"]
        head = "The following commands are valid at this level:" if is_help else "Unknown command, but these exist:"
        lines = [f"  {' '.join(command):<40}: {text}" for command, level, text, _ in COMMANDS if client.level >= level]
        self._answer(client, "\n".join([head, *_PREFIXES, *lines, ""]))

    def _run_prompt(self, client: _Client) -> None:
        client.has_prompt = not client.has_prompt
        self._prompt(client)

    def _run_quit(self, client: _Client) -> None:
        self._prompt(client)  # haproxy: shows it once more
        client.is_over = True

    def _run_reload(self, client: _Client) -> None:
        client.is_waiting = True

        def done(has_worked: bool, logs: str) -> None:
            if client.is_waiting:
                client.is_waiting = False
                self._answer(client, f"Success={int(has_worked)}\n--\n{logs}")

        self._supervised.request_reload(done)

    def _run_show_proc(self, client: _Client) -> None:
        rows = self._supervised.show_processes()
        lines = ["".join(cell.ljust(_ENTRY) for cell in row[:-1]) + row[-1] if len(row) > 1 else row[0] for row in rows]
        self._answer(client, "\n".join([*lines, ""]))

    def _run_show_version(self, client: _Client) -> None:
        self._answer(client, f"{self._version}\n")

    def _run_show_startup_logs(self, client: _Client) -> None:
        self._answer(client, self._supervised.startup_logs())

    def _run_show_level(self, client: _Client) -> None:
        self._answer(client, next(f"{name}\n" for name, level in LEVELS.items() if level == client.level))

    def lower(self, client: _Client, level: int) -> None:
        if level > client.level:
            client.out += b"Permission denied!\n"
        client.level = min(level, client.level)
        self._prompt(client)

    # -- polling

    def _watch(self) -> None:
        masks = {listener.sock.fileno(): select.POLLIN for listener in self._listeners}
        for client in self._clients:
            is_full = len(client.received) > _MAX_LINE or len(client.out) >= _MAX_OUT
            mask = 0 if client.is_at_end or client.is_over or is_full else select.POLLIN
            masks[client.sock.fileno()] = mask | (select.POLLOUT if client.out else 0)
            if client.forwarded is not None:
                mask = select.POLLIN if len(client.out) < _MAX_OUT else 0
                masks[client.forwarded.fileno()] = mask | (select.POLLOUT if client.to_forward else 0)
        # Without a mask poll(2) would still tell of a connection's end, again and again.
        wanted = {fd: mask for fd, mask in masks.items() if mask}
        for fd, mask in wanted.items():
            if self._watched.get(fd) != mask:
                self._poll.register(fd, mask)
        for fd in [fd for fd in self._watched if fd not in wanted]:
            with contextlib.suppress(KeyError, OSError):
                self._poll.unregister(fd)
        self._watched = wanted

    def _unwatch(self, sock: socket.socket) -> None:
        if self._watched.pop(sock.fileno(), None) is not None:
            self._poll.unregister(sock.fileno())


def _is_friend(sock: socket.socket) -> bool:
    return peer_of(sock).uid in (0, os.geteuid())


_PREFIXES = (
    f"  {'@!<pid>':<40}: send a command to the generation of that process",
    f"  {'@1':<40}: send a command to the generation that serves",
    f"  {'@master':<40}: send a command to the master",
)
COMMANDS: tuple[tuple[tuple[str, ...], int, str, Callable[[Console, _Client], None]], ...] = (
    (("reload",), LEVELS["operator"], "load the configuration anew, and say what came of it", Console._run_reload),
    (("show", "proc"), LEVELS["user"], "show the processes", Console._run_show_proc),
    (("show", "startup-logs"), LEVELS["user"], "what the last start or reload had to say", Console._run_show_startup_logs),
    (("show", "version"), LEVELS["user"], "show the version", Console._run_show_version),
    (("show", "cli", "level"), LEVELS["user"], "tell the rights of this connection", Console._run_show_level),
    (("operator",), LEVELS["user"], "continue with the rights of an operator", lambda self, client: self.lower(client, 1)),
    (("user",), LEVELS["user"], "continue with the rights of a user", lambda self, client: self.lower(client, 0)),
    (("prompt",), LEVELS["user"], "switch the interactive mode on or off", Console._run_prompt),
    (("quit",), LEVELS["user"], "disconnect", Console._run_quit),
)
