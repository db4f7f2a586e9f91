"""What a command of the runtime API is, and what it is given.

Knows access levels and the objects that commands work on. Must not know sockets, nor any command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from fastlb.config import model
from fastlb.control.directory import LiveProxy, LiveServer

if TYPE_CHECKING:
    from fastlb.control.hub import Control


class Level(IntEnum):
    """Access levels (manual, section 5.1 "level"): user sees, operator changes nothing dangerous, admin does all."""

    USER = 0
    OPERATOR = 1
    ADMIN = 2


LEVELS = {"user": Level.USER, "operator": Level.OPERATOR, "admin": Level.ADMIN}


class Severity(IntEnum):
    """What a message of a command says of itself where `set severity-output` asks for it; the numbers are syslog's."""

    ERR = 3
    WARNING = 4
    INFO = 6


class Refused(Exception):
    """A command cannot be carried out; the text goes to the client as it is, with a newline unless it has one."""


@dataclass(slots=True)
class Session:
    """One client's connection to a runtime socket. `timeout_s` ends it when idle; `has_prompt` is interactive mode.

    is_expert, is_experimental: what the modes of that name allow. severity_output: none, number or string.
    """

    level: Level
    timeout_s: float
    socket: model.StatsSocket | None = None
    has_prompt: bool = False
    is_expert: bool = False
    is_experimental: bool = False
    severity_output: str = "none"

    def told(self, severity: Severity, message: str) -> str:
        """The message with its severity, as `set severity-output none|number|string` has it."""
        shown = {"number": str(int(severity)), "string": severity.name.lower()}.get(self.severity_output)
        return f"[{shown}]: {message}" if shown else message

    is_over: bool = False


class Stream(Protocol):
    """A client that gets its answer piece by piece."""

    async def send(self, text: str) -> None:
        """A piece of the answer; raises TimeoutError where the client does not take it."""

    async def until(self, event: asyncio.Event) -> bool:
        """Waits for the event; False where the client says something, or leaves, before."""


@dataclass(slots=True)
class Request:
    """One command as it came: all its words, from the keywords on, and its payload."""

    words: list[str]
    session: Session
    control: Control
    payload: str = ""
    stream: Stream | None = None
    n_keywords: int = 0

    def told(self, severity: Severity, message: str) -> str:
        return self.session.told(severity, message)

    @property
    def arguments(self) -> list[str]:
        """The words after the command's keywords."""
        return self.words[self.n_keywords :]

    def argument(self, place: int) -> str:
        """The argument at a place counted from 0, "" where there is none."""
        rest = self.arguments
        return rest[place] if place < len(rest) else ""

    def server(self, place: int = 0) -> LiveServer:
        """The server that the argument `backend/server` names; raises Refused with HAProxy's words."""
        backend, server_name = self.backend_of(self.argument(place))
        server = self.control.directory.server(backend, server_name)
        if server is None:
            raise Refused("No such server.\n")
        return server

    def backend_of(self, path: str) -> tuple[LiveProxy, str]:
        """The backend of `backend/server`, and the server's name; raises Refused."""
        backend_name, slash, server_name = path.partition("/")
        if not slash or not backend_name or not server_name:
            raise Refused("Require 'backend/server'.\n")
        return self._backend(backend_name), server_name

    def backend(self, place: int = 0) -> LiveProxy:
        """The backend that the argument names; raises Refused."""
        if not self.argument(place):
            raise Refused("A backend name is expected.\n")
        return self._backend(self.argument(place))

    def _backend(self, name: str) -> LiveProxy:
        backend = self.control.directory.backend(name)
        if backend is None:
            raise Refused("No such backend.\n")
        return backend

    def frontend(self, place: int = 0) -> LiveProxy:
        """The frontend that the argument names; raises Refused."""
        if not self.argument(place):
            raise Refused("A frontend name is expected.\n")
        frontend = self.control.directory.frontend(self.argument(place))
        if frontend is None:
            raise Refused("No such frontend.\n")
        return frontend


Handler = Callable[[Request], "str | Awaitable[str]"]


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    words: the keywords that call it. run: returns the answer without the closing newline, "" for plain success; raises
    Refused. usage: arguments for `help`, after the keywords. help: one line, "" hides it. level: the least that may.
    is_experimental, is_expert: only in that mode, and only then listed.
    """

    words: tuple[str, ...]
    run: Handler
    help: str
    usage: str = ""
    level: Level = Level.USER
    is_experimental: bool = False
    is_expert: bool = False
    aliases: tuple[tuple[str, ...], ...] = field(default=())

    @property
    def line(self) -> str:
        """Its line of the help text."""
        return f"  {' '.join((*self.words, self.usage)).strip():<39} : {self.help}\n"
