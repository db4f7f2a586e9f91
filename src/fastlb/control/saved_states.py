"""Carries out what state files say of the servers, before the first process serves.

Knows HAProxy's rules for what still holds of an old state: a server that the configuration has disabled since stays so, one that
tracks another follows that one. Must not know the files (compile/state_files.py).
"""

from __future__ import annotations

from collections.abc import Callable

from fastlb.config.model import Configuration, Proxy
from fastlb.config.saved_state import SavedState
from fastlb.control import ports
from fastlb.control.directory import Directory, LiveServer
from fastlb.control.hub import clock_ms
from fastlb.control.servers import Servers

_REASON = ", changed from server-state after a reload"


class _Terminal:
    """A journal that tells the operator who starts the program; the log's targets do not exist yet."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self.is_silent = False

    def terminal(self, label: str, message: str) -> None:
        if not self.is_silent:
            self._warn(f"config : {message}")

    def proxy(self, proxy: Proxy, level: int, message: str) -> None:
        return


def restore(
    configuration: Configuration, program: ports.Program, snapshot: ports.Snapshot, warn: Callable[[str], None]
) -> None:
    """Puts saved states into the arena. warn: takes the lines for standard error."""
    terminal = _Terminal(warn)
    servers = Servers(Directory(configuration, program), snapshot, terminal, clock_ms)
    now = clock_ms()
    for server in servers.directory.servers.values():
        saved = server.config.saved
        if saved is None:
            continue
        if saved.uweight is not None:
            snapshot.set_weight(server.index, saved.uweight)
        _restore_check(snapshot, server, saved)
        _restore_state(servers, terminal, server, saved)
        state = snapshot.server_state(server.index)
        if not state.admin & ports.ADMIN_RMAINT:
            # The arena's clock begins with the machine: what is older than that is as old as that.
            snapshot.set_server_times(server.index, last_change_ms=max(0, now - saved.since_s * 1000), down_trans=0)


def _restore_check(snapshot: ports.Snapshot, server: LiveServer, saved: SavedState) -> None:
    state = snapshot.server_state(server.index)
    flags = state.check_flags
    if saved.has_check_off:
        flags &= ~ports.CHECK_ENABLED
    snapshot.set_destinations(
        server.index,
        check_host=saved.check_host,
        check_port=saved.check_port,
        agent_host=saved.agent_host,
        agent_port=saved.agent_port,
        is_agent_off=saved.has_agent_off and server.config.agent_check,
    )
    snapshot.set_check(server.index, flags=flags, status=saved.status)


def _restore_state(servers: Servers, terminal: _Terminal, server: LiveServer, saved: SavedState) -> None:
    snapshot = servers.snapshot
    state = snapshot.server_state(server.index)
    if server.tracked is None:
        _restore_health(snapshot, server, saved.state)
    was_enabled = saved.admin & ports.ADMIN_CMAINT and not saved.admin & ports.ADMIN_FMAINT
    if state.admin & ports.ADMIN_CMAINT and was_enabled:
        servers.set_ready(server)
    elif state.admin & ports.ADMIN_MAINT:
        return
    if saved.admin & ports.ADMIN_FDRAIN:
        terminal.is_silent = True
        servers.set_drain(server)
        terminal.is_silent = False
    if server.tracked is None:
        _restore_operation(servers, server, saved.state)
    if saved.admin & ports.ADMIN_FMAINT and not saved.admin & ports.ADMIN_CMAINT:
        terminal.is_silent = True
        servers.set_maint(server)
        terminal.is_silent = False


def _restore_health(snapshot: ports.Snapshot, server: LiveServer, state: int) -> None:
    """haproxy: by the state alone, whatever the file says of the health."""
    now = snapshot.server_state(server.index)
    full = now.rise + now.fall - 1
    healths = {
        ports.STATE_STOPPED: 0,
        ports.STATE_STARTING: max(1, now.rise - 1),
        ports.STATE_RUNNING: full,
        ports.STATE_STOPPING: now.rise,
    }
    snapshot.set_check(server.index, health=healths[state])


def _restore_operation(servers: Servers, server: LiveServer, state: int) -> None:
    if state == ports.STATE_STOPPED:
        servers.set_stopped(server, _REASON)
    elif state == ports.STATE_STOPPING:
        servers.set_stopping(server, _REASON)
    elif state == ports.STATE_STARTING:
        servers.snapshot.set_state(server.index, ports.STATE_STARTING)
        servers.tell_drain(server)
    else:
        servers.tell_drain(server)
