"""`observe`: errors that workers found in traffic, once there are `error-limit` of them in a row (manual, section 5.2).

Knows HAProxy's words for what was found and what `on-error` makes of it. Workers count (proxy/observe.pyx of the core) and write
to an eventfd where a server's limit is reached; how often that was stands in the arena, so a late look misses none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from fastlb.control.checks import health
from fastlb.control.checks.scheduler import CheckScheduler
from fastlb.control.checks.status import Result, Status
from fastlb.control.directory import LiveServer
from fastlb.control.ports import ServerState
from fastlb.control.servers import Servers

# By observed_t of proxy/observe.pxd.
_FOUND = (
    "L4 successful connection",
    "L4 unsuccessful connection",
    "Correct http response",
    "Wrong http response",
    "Invalid http response (headers)",
    "Read error (http)",
    "Read timeout (http)",
    "Close from server (http)",
)


class Observer:
    """Acts on what workers report. fd: their eventfd, borrowed; below 0 for none."""

    def __init__(self, loop: asyncio.AbstractEventLoop, servers: Servers, checks: CheckScheduler, fd: int) -> None:
        self._loop = loop
        self._servers = servers
        self._checks = checks
        self._fd = fd
        self._observed: list[LiveServer] = []
        for server in servers.directory.servers.values():
            self.add_server(server)

    def add_server(self, server: LiveServer) -> None:
        if server.config.check and server.config.observe:
            self._observed.append(server)

    def remove_server(self, server: LiveServer) -> None:
        if server in self._observed:
            self._observed.remove(server)

    def start(self) -> None:
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._look)
            # What came while nobody listened (control was restarted).
            self._look()

    def stop(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)

    def _look(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)
        for server in self._observed:
            count, why = self._servers.snapshot.take_observed(server.index)
            for _ in range(count):
                apply(self._servers, server, why)
                self._checks.hasten(server)


def apply(servers: Servers, server: LiveServer, why: int) -> None:
    """Carries out `on-error` of a server whose limit is reached. why: observed_t of the last error."""
    snapshot, config = servers.snapshot, server.config
    state = snapshot.server_state(server.index)
    snapshot.set_check(server.index, failed_hana=state.failed_hana + 1)
    if config.on_error == "fastinter":
        return
    if config.on_error != "fail-check":
        snapshot.set_check(server.index, health=_lowered(state, config.on_error))
    found = _FOUND[why] if 0 <= why < len(_FOUND) else _FOUND[1]
    info = f"Detected {config.error_limit} consecutive errors, last one was: {found}"
    health.apply_observed(servers, server, Result(Status.HANA, -1, info))


def _lowered(state: ServerState, on_error: str) -> int:
    """The health that the simulated failure then takes one from: to DOWN, or to one failure before it."""
    return min(state.health, state.rise if on_error == "mark-down" else state.rise + 1)
