"""`agent-check`: a program beside the server says in words how it is (manual, section 5.2 "agent-check").

Knows the words, what each does, and when agents are asked. Must not know a connection's details (tcp). An agent is one timer
handle at a time, no task; what it said lasts as long as this process.
"""

from __future__ import annotations

import asyncio
import functools
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fastlb.control import ports
from fastlb.control.checks import health
from fastlb.control.checks.status import Result, Status
from fastlb.control.checks.tcp import Target, TcpProbe
from fastlb.control.directory import LiveServer
from fastlb.control.servers import AgentState, Servers
from fastlb.control.sockaddr import family_of, unpack

_UP, _DOWN, _ADMIN = frozenset(("up",)), frozenset(("down", "stopped", "fail")), frozenset(("maint", "drain", "ready"))
_WORDS = re.compile(r"[ \t,]+")
_MAX_LINE = 16384
_MAX_WEIGHT = 256


@dataclass(frozen=True, slots=True)
class Said:
    """One line of an agent. state: the last word of "up", "down", "stopped", "fail", as it came, "" for none; its reason.

    percent: of the configured weight; maxconn: both None where not said. fault: HAProxy's words for what was not understood.
    """

    state: str = ""
    reason: str = ""
    admin: str = ""
    percent: int | None = None
    maxconn: int | None = None
    fault: str = ""


def read_line(line: str) -> Said:
    """What the words of a line say; those that are unknown leave the others as they are."""
    said = Said()
    words, _, reason = line.partition(" #") if " #" in line else line.partition("\0")
    for word in filter(None, _WORDS.split(words)):
        said = _with_word(said, word)
    return replace(said, reason=reason.strip()) if said.state.lower() in _DOWN else said


def _with_word(said: Said, word: str) -> Said:
    name = word.lower()
    if name in _UP or name in _DOWN:
        return replace(said, state=word)
    if name in _ADMIN:
        return replace(said, admin=name)
    if name.endswith("%") and name[:-1].isascii() and name[:-1].isdigit():
        return replace(said, percent=int(name[:9].rstrip("%")))
    if name.startswith("maxconn:"):
        number = name.removeprefix("maxconn:")
        if number.isascii() and number.isdigit():
            return replace(said, maxconn=min(int(number[:10]), 2**31 - 1))
        return replace(said, fault=said.fault or "agent warns : maxconn string empty or preceded by garbage")
    return replace(said, fault=said.fault or f"agent reports an error : {word}")


class AgentProbe(TcpProbe):
    """One question to an agent; the result's info is the line that it answered, its status CHECKED."""

    __slots__ = ("_question", "_received")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, target: Target, finished: Callable[[Result], None], question: bytes
    ) -> None:
        super().__init__(loop, target, finished)
        self._question = question
        self._received = b""

    def _closes_once_connected(self) -> bool:
        return False

    def _connected(self) -> None:
        if not self._question or self._send(self._question):
            self._loop.add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        assert self._sock is not None
        data = b""
        try:
            data = self._sock.recv(_MAX_LINE - len(self._received))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            if not self._received:
                self._end(Result(Status.SOCKERR, -1, error.strerror or ""))
                return
        self._received += data
        line, *rest = re.split(rb"[\r\n]", self._received, maxsplit=1)
        if rest:
            self._end(Result(Status.CHECKED, -1, line.decode("utf-8", "surrogateescape")))
        elif not data and self._received:
            self._end(Result(Status.L7TOUT, -1, "Ignoring incomplete line from agent"))
        elif not data:
            step = 2 if self._question else 1
            self._end(Result(Status.L7RSP, -1, f"TCPCHK got an empty response at step {step}"))


class Agents:
    """Asks the agents of all servers that have one, each in its own interval."""

    def __init__(self, loop: asyncio.AbstractEventLoop, servers: Servers, spread_percent: int) -> None:
        self._loop = loop
        self._servers = servers
        self._spread_percent = spread_percent
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._probes: dict[int, AgentProbe] = {}

    def is_enabled(self, server: LiveServer) -> bool:
        return server.index in self._servers.agents and not self._servers.snapshot.server_state(server.index).is_agent_off

    def set_enabled(self, server: LiveServer, is_enabled: bool) -> bool:
        """`enable|disable agent`; False where the server has none."""
        if server.index not in self._servers.agents:
            return False
        self._servers.snapshot.set_destinations(server.index, is_agent_off=not is_enabled)
        return True

    def force(self, server: LiveServer, word: str, reason: str) -> bool:
        """The state that `word` (up, down) names, as if the agent had said it; False for another word, or without an agent."""
        if word not in ("up", "down") or not self.is_enabled(server):
            return False
        self._servers.agents[server.index] = replace(self._servers.agents[server.index], health=int(word == "up"))
        (self._servers.set_running if word == "up" else self._servers.set_stopped)(server, reason)
        return True

    def start(self) -> None:
        asked = [server for server in self._servers.directory.servers.values() if server.config.agent_check]
        for position, server in enumerate(asked):
            self._servers.agents[server.index] = AgentState()
            self._plan(server, server.config.agent_inter_ms / 1000 * position / len(asked))

    def add_server(self, server: LiveServer) -> None:
        """A server that came while the program runs; its agent waits for `enable agent`."""
        if server.config.agent_check:
            self._servers.agents[server.index] = AgentState()
            self.set_enabled(server, False)
            self._plan(server, server.config.agent_inter_ms / 1000)

    def remove_server(self, server: LiveServer) -> None:
        self._servers.agents.pop(server.index, None)
        if server.index in self._timers:
            self._timers.pop(server.index).cancel()
        if server.index in self._probes:
            self._probes.pop(server.index).cancel()

    def stop(self) -> None:
        for handle in self._timers.values():
            handle.cancel()
        for probe in self._probes.values():
            probe.cancel()
        self._timers.clear()
        self._probes.clear()

    def _plan(self, server: LiveServer, delay_s: float) -> None:
        self._timers[server.index] = self._loop.call_later(delay_s, self._ask, server)

    def _ask(self, server: LiveServer) -> None:
        state = self._servers.snapshot.server_state(server.index)
        if state.is_agent_off:
            self._plan(server, server.config.agent_inter_ms / 1000)
            return
        limit_ms = server.proxy.config.timeouts.check or server.config.agent_inter_ms
        sent = server.config.agent_send if server.agent_send is None else server.agent_send
        question = sent.encode("utf-8", "surrogateescape")
        finished = functools.partial(self._finished, server, time.monotonic())
        probe = AgentProbe(self._loop, agent_target(server, state), finished, question)
        self._probes[server.index] = probe
        self._timers[server.index] = self._loop.call_later(limit_ms / 1000, probe.expire)
        probe.start()

    def _finished(self, server: LiveServer, started: float, result: Result) -> None:
        self._probes.pop(server.index, None)
        self._timers[server.index].cancel()
        interval = server.config.agent_inter_ms / 1000
        spread = interval * self._spread_percent / 100
        self._plan(server, interval + random.uniform(-spread, spread))
        if self.is_enabled(server):
            apply(self._servers, server, result, int((time.monotonic() - started) * 1000))


def agent_target(server: LiveServer, state: ports.ServerState) -> Target:
    """Where the agent of a server listens."""
    config = server.config
    _, address = unpack(state.address)
    host = state.agent_host or config.agent_address or ("127.0.0.1" if isinstance(address, str) else address[0])
    return Target(family_of(host), (host, state.agent_port or config.agent_port))


def apply(servers: Servers, server: LiveServer, result: Result, duration_ms: int) -> None:
    """Carries out what an agent said. haproxy: an agent that does not answer says nothing about its server."""
    if result.status is not Status.CHECKED:
        health.apply_silent_agent(servers, server, result, duration_ms)
        return
    said = read_line(result.info)
    _administer(servers, server, said)
    if said.state:
        reason = f" ({said.reason})" if said.reason else ""
        has_passed = said.state.lower() in _UP
        verdict = Result(Status.L7OK if has_passed else Status.L7STS, 0, f"via agent : {said.state}{reason}")
        health.apply_agent(servers, server, verdict, duration_ms)
    else:
        servers.agents[server.index] = replace(
            servers.agents[server.index], status=Status.CHECKED, code=-1, duration_ms=duration_ms, info=said.fault
        )


def _administer(servers: Servers, server: LiveServer, said: Said) -> None:
    if said.admin == "maint":
        servers.set_maint(server)
    elif said.admin == "drain":
        servers.set_drain(server)
    elif said.admin == "ready":
        servers.set_ready(server)
    if said.percent is not None:
        servers.set_weight(server, min(_MAX_WEIGHT, server.config.weight * said.percent // 100))
    if said.maxconn is not None:
        servers.snapshot.set_maxconn(server.index, said.maxconn)
