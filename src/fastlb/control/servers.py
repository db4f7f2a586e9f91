"""Changes of servers' states: what the checks and the runtime API ask for, carried out in the arena and told in the logs.

Knows HAProxy's rules for administrative and operational states and its exact words. Must not know who asked (a check, a
command, the statistics page) nor how the balancer reacts: the snapshot rebuilds it.

    operational   STOPPED ◄──── fall ──── RUNNING ◄── slowstart over ── STARTING
                     └──────── rise ──────────────────────────────────────►┘        STOPPING: no new streams
    maintenance   stops the server whatever its checks say; leaving it starts one failure from DOWN and checks at once
    unresolved    maintenance as well (RMAINT) of a server whose name gave no address; only an address ends it
    drain         keeps the operational state, takes no new streams but persistent ones
    track         a server has all three of the one that it tracks, beside what was asked for itself
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastlb.config import model
from fastlb.control import ports, sockaddr
from fastlb.control.cookies import DynamicCookies
from fastlb.control.directory import Directory, LiveProxy, LiveServer
from fastlb.control.logs import format as fmt

_FORCED_MAINT = ports.ADMIN_FMAINT | ports.ADMIN_CMAINT | ports.ADMIN_HMAINT
# eweight is the user weight times this (lb/shared.pxd), so that a slowstart ramp has steps below 1.
WEIGHT_SCALE = 16


def weight_of(state: ports.ServerState) -> int:
    """The effective weight in the user's unit, rounded up: a ramp begins at 1, not at 0."""
    return -(-state.eweight // WEIGHT_SCALE)


@dataclass(frozen=True, slots=True)
class AgentState:
    """What a server's agent said last. status: a number of checks/status.py; health: 1, or 0 where it said down."""

    status: int = 1
    code: int = -1
    duration_ms: int = 0
    info: str = ""
    health: int = 1


class Teller(Protocol):
    """Who takes lines about servers: the journal of a running program."""

    def terminal(self, label: str, message: str) -> None: ...
    def proxy(self, proxy: model.Proxy, level: int, message: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Before:
    """What must be known from before a change to tell and count it."""

    state: ports.ServerState
    n_usable: int

    @property
    def was_paused(self) -> bool:
        """True where the server took no new streams anyway: its end is a notice, not an alert."""
        return self.state.state == ports.STATE_STOPPING or bool(self.state.admin & ports.ADMIN_DRAIN)

    @property
    def was_stopped(self) -> bool:
        return self.state.state == ports.STATE_STOPPED


class Servers:
    """All changes of server state go through here; every method is a no-op where nothing would change.

    on_ready: called with a server that left maintenance, so that it is checked at once.
    on_killed: called with a server whose streams shall end (manual, "on-marked-down" and "on-marked-up").
    """

    def __init__(self, directory: Directory, snapshot: ports.Snapshot, journal: Teller, clock_ms: Callable[[], int]) -> None:
        self.directory = directory
        self.snapshot = snapshot
        self.journal = journal
        self.clock_ms = clock_ms
        self.on_ready: Callable[[LiveServer], None] = lambda server: None
        self.on_killed: Callable[[LiveServer], None] = lambda server: None
        self.cookies = DynamicCookies(snapshot)
        self.agents: dict[int, AgentState] = {}
        # After a crash of control its predecessor's ramps go on.
        self.slow_starting = {index for index in directory.servers if snapshot.server_state(index).state == ports.STATE_STARTING}

    # -- operational state, from checks and `set server ... health`

    def set_running(self, server: LiveServer, reason: str) -> None:
        """The server is up again; with slowstart its weight ramps. `reason` follows "is UP" in the log, ", ..." or ""."""
        before = self._before(server)
        if before.state.admin & ports.ADMIN_MAINT or before.state.state in (ports.STATE_RUNNING, ports.STATE_STARTING):
            return
        self._start(server, before)
        self._tell(server, fmt.NOTICE, f"{_title(server)} is UP{reason}{self._online(server, before)}")
        self._tell_drain(server, before.state.admin)
        self._backend_changed(server.proxy, before)
        for one in server.trackers:
            self.set_running(one, _via(one))

    def set_stopped(self, server: LiveServer, reason: str) -> None:
        """The server is down."""
        before = self._before(server)
        if before.state.admin & ports.ADMIN_MAINT or before.was_stopped:
            return
        self._stop(server, before)
        level = fmt.NOTICE if before.was_paused else fmt.ALERT
        self._tell(server, level, f"{_title(server)} is DOWN{reason}{self._left(server, before)}")
        self._tell_drain(server, before.state.admin)
        self._backend_changed(server.proxy, before)
        for one in server.trackers:
            self.set_stopped(one, _via(one))

    def set_stopping(self, server: LiveServer, reason: str) -> None:
        """The server finishes what it has and takes nothing new (NOLB)."""
        before = self._before(server)
        if before.state.admin & ports.ADMIN_MAINT or before.state.state == ports.STATE_STOPPING:
            return
        if before.was_stopped:
            self._count_downtime(server, before)
        self.snapshot.set_state(server.index, ports.STATE_STOPPING)
        self._tell(server, fmt.NOTICE, f"{_title(server)} is stopping{reason}{self._online(server, before)}")
        self._tell_drain(server, before.state.admin)
        self._backend_changed(server.proxy, before)
        for one in server.trackers:
            self.set_stopping(one, _via(one))

    # -- operational state by order, from the runtime API and the statistics page

    def force_health(self, server: LiveServer, word: str, reason: str) -> bool:
        """The state that `word` (up, stopping, down) names, as if checks had found it; False for another word."""
        change = {"up": self.set_running, "stopping": self.set_stopping, "down": self.set_stopped}.get(word)
        if change is None:
            return False
        state = self.snapshot.server_state(server.index)
        self.snapshot.set_check(server.index, health=0 if word == "down" else state.rise + state.fall - 1)
        change(server, reason)
        return True

    # -- administrative state, from the runtime API and the statistics page

    def set_maint(self, server: LiveServer) -> None:
        """Forced maintenance; ends a forced drain silently."""
        admin = self.snapshot.server_state(server.index).admin
        if admin & _FORCED_MAINT:
            return
        # haproxy: leaving a drain for it is an alert, though the server took no new streams.
        self._add(server, ports.ADMIN_FMAINT, was_paused=False if admin & ports.ADMIN_FDRAIN else None)
        self._drop(server, ports.ADMIN_FDRAIN)

    def set_unresolved(self, server: LiveServer, reason: str) -> None:
        """Maintenance of a server whose name has no address any more; the address goes. `reason`: HAProxy's words."""
        state = self.snapshot.server_state(server.index)
        if state.admin & ports.ADMIN_RMAINT:
            return
        _, address = sockaddr.unpack(state.address)
        self.snapshot.set_address(server.index, sockaddr.pack("0.0.0.0", int(address[1])))
        self._add(server, ports.ADMIN_RMAINT, f" ({reason})")

    def set_drain(self, server: LiveServer) -> None:
        """Forced drain; ends forced maintenance."""
        self._add(server, ports.ADMIN_FDRAIN)
        self._drop(server, _FORCED_MAINT)

    def set_ready(self, server: LiveServer) -> None:
        """Leaves forced maintenance and forced drain."""
        self._drop(server, ports.ADMIN_FDRAIN)
        self._drop(server, _FORCED_MAINT)

    def set_address(self, server: LiveServer, packed: bytes, name: str = "") -> None:
        """Moves the server to `packed`, a sockaddr. One whose name had no address leaves its maintenance by it.

        name: the one that has the address, where it is not the configuration's.
        """
        self.snapshot.set_address(server.index, packed)
        self.cookies.renew(server)
        self._drop(server, ports.ADMIN_RMAINT, name or server.config.address.name)

    def begin(self, server: LiveServer) -> None:
        """A server that was added with `enabled` serves at once, as one of the configuration does."""
        before = self._before(server)
        admin = before.state.admin & ~ports.ADMIN_FMAINT
        self.snapshot.set_admin(server.index, admin)
        if admin & ports.ADMIN_MAINT:
            return  # that of a server that it tracks, or its name has no address
        self.snapshot.set_check(server.index, health=before.state.rise)
        self.snapshot.set_state(server.index, ports.STATE_RUNNING)
        self._backend_changed(server.proxy, before)

    def forget(self, server: LiveServer) -> None:
        """The server is gone."""
        self.slow_starting.discard(server.index)

    def set_weight(self, server: LiveServer, weight: int) -> None:
        """The user's weight, 0..256."""
        before = self._before(server)
        self.snapshot.set_weight(server.index, weight)
        self._backend_changed(server.proxy, before)

    def tick(self) -> None:
        """Once a second: moves the ramps of slow-starting servers on (manual, "slowstart")."""
        now = self.clock_ms()
        for index in list(self.slow_starting):
            self.snapshot.refresh(index, now)
            if self.snapshot.server_state(index).state != ports.STATE_STARTING:
                self.slow_starting.discard(index)

    def tell_drain(self, server: LiveServer) -> None:
        """Says that a drain is in force, where one is."""
        self._tell_drain(server, self.snapshot.server_state(server.index).admin)

    # -- parts

    def _before(self, server: LiveServer) -> _Before:
        return _Before(self.snapshot.server_state(server.index), self._n_usable(server.proxy))

    def _n_usable(self, proxy: LiveProxy) -> int:
        state = self.snapshot.proxy_state(proxy.index)
        return state.n_active + state.n_backup

    def _add(self, server: LiveServer, flag: int, reason: str = "", was_paused: bool | None = None) -> None:
        """Sets an administrative flag of the server, and the inherited one of those that track it.

        reason: HAProxy's words behind "maintenance". was_paused: see _Before, where it is not to be found out.
        """
        before = self._before(server)
        admin = before.state.admin
        kind, inherited = _kind(flag)
        if admin & flag:
            return
        reason = _via(server) if flag == inherited else reason
        if kind == ports.ADMIN_MAINT and not admin & kind:
            self._enter_maint(server, before, admin | flag, reason, before.was_paused if was_paused is None else was_paused)
        else:
            self.snapshot.set_admin(server.index, admin | flag)
            if kind == ports.ADMIN_DRAIN and not admin & ports.ADMIN_MAINT:
                self._enter_drain(server, before, reason)
        if not admin & kind:
            for one in server.trackers:
                self._add(one, inherited, was_paused=was_paused)

    def _drop(self, server: LiveServer, flags: int, name: str = "") -> None:
        """Clears administrative flags of one kind, and the inherited one of those that track the server, if none is left.

        name: the one that resolves again.
        """
        before = self._before(server)
        left = before.state.admin & ~flags
        kind, inherited = _kind(flags)
        if left == before.state.admin:
            return
        if kind == ports.ADMIN_MAINT and not left & kind:
            reason = {ports.ADMIN_RMAINT: "resolves again", ports.ADMIN_IMAINT: "leaving maintenance"}.get(flags)
            self._leave_maint(server, before, left, reason or "leaving forced maintenance", f" ('{name}')" if name else "")
        else:
            self.snapshot.set_admin(server.index, left)
            if kind == ports.ADMIN_MAINT:
                self._tell_maint(server, flags, left)
            elif not left & ports.ADMIN_MAINT:
                self._leave_drain(server, before, left)
        if not left & kind:
            for one in server.trackers:
                self._drop(one, inherited)

    def _enter_maint(self, server: LiveServer, before: _Before, admin: int, reason: str, was_paused: bool) -> None:
        if before.state.check_flags & ports.CHECK_CONFIGURED:
            self.snapshot.set_check(server.index, flags=before.state.check_flags | ports.CHECK_PAUSED, health=0)
        else:
            self.snapshot.set_check(server.index, health=0)
        self.snapshot.set_admin(server.index, admin)
        if before.was_stopped:
            ending = "" if reason.endswith(")") else "."
            self._tell(server, fmt.NOTICE, f"{_title(server)} was DOWN and now enters maintenance{reason}{ending}")
            return
        self._stop(server, before)
        level = fmt.NOTICE if was_paused else fmt.ALERT
        self._tell(server, level, f"{_title(server)} is going DOWN for maintenance{reason}{self._left(server, before)}")
        self._backend_changed(server.proxy, before)

    def _enter_drain(self, server: LiveServer, before: _Before, via: str) -> None:
        if before.state.admin & ports.ADMIN_DRAIN:
            self._tell(server, fmt.NOTICE, f"{_title(server)} remains in forced drain mode.")
            return
        counts = self._left(server, before) if before.was_stopped else self._online(server, before)
        self._tell(server, fmt.NOTICE, f"{_title(server)} enters drain state{via}{counts}")
        self._backend_changed(server.proxy, before)

    def _leave_maint(self, server: LiveServer, before: _Before, admin: int, reason: str, name: str) -> None:
        flags = before.state.check_flags
        if flags & ports.CHECK_CONFIGURED:
            # One failure from DOWN: the next check decides, and it is made at once.
            self.snapshot.set_check(server.index, flags=flags & ~ports.CHECK_PAUSED, health=before.state.rise)
        self.snapshot.set_admin(server.index, admin)
        is_up = self._start_as_tracked(server, before)
        word = "DRAIN" if admin & ports.ADMIN_DRAIN else "READY"
        self._tell(server, fmt.NOTICE, f"{_title(server)}{name} is {'UP' if is_up else 'DOWN'}/{word} ({reason}).")
        self._tell_drain(server, admin)
        self._backend_changed(server.proxy, before)
        self.on_ready(server)

    def _leave_drain(self, server: LiveServer, before: _Before, admin: int) -> None:
        if admin & ports.ADMIN_DRAIN:
            self._tell_drain(server, admin)
            return
        state = "DOWN" if before.was_stopped else "UP"
        self._tell(server, fmt.NOTICE, f"{_title(server)} is {state} (leaving forced drain).")
        self._backend_changed(server.proxy, before)

    def _tell_maint(self, server: LiveServer, dropped: int, admin: int) -> None:
        """What keeps the server in maintenance, where something else has ended."""
        if dropped == ports.ADMIN_IMAINT and admin & _FORCED_MAINT:
            self._tell(server, fmt.NOTICE, f"{_title(server)} remains in forced maintenance.")
        elif dropped == _FORCED_MAINT:
            via = _via(server) if admin & ports.ADMIN_IMAINT else ""
            self._tell(
                server, fmt.NOTICE, f"{_title(server)} is leaving forced maintenance but remains in maintenance{via}."
            )

    def _tell_drain(self, server: LiveServer, admin: int) -> None:
        """haproxy: of a drain that goes on while the state changes it says that much; the words are its own."""
        if admin & ports.ADMIN_FDRAIN:
            self._tell(server, fmt.NOTICE, f"{_title(server)} remains in forced drain mode.")
        elif admin & ports.ADMIN_IDRAIN:
            message = f"{_title(server)} is leaving forced drain but remains in drain mode{_via(server)}."
            self._tell(server, fmt.NOTICE, message)

    def _start_as_tracked(self, server: LiveServer, before: _Before) -> bool:
        """The state of a server that leaves maintenance: up, but for one whose tracked server is not."""
        state = ports.STATE_RUNNING
        if server.tracked is not None:
            state = self.snapshot.server_state(server.tracked.index).state
        if state in (ports.STATE_RUNNING, ports.STATE_STARTING):
            self._start(server, before)
        elif state == ports.STATE_STOPPING:
            self._count_downtime(server, before)
            self.snapshot.set_state(server.index, state)
        else:
            self.snapshot.set_state(server.index, state)
        return state != ports.STATE_STOPPED

    def _start(self, server: LiveServer, before: _Before) -> None:
        if before.was_stopped:
            self._count_downtime(server, before)
        if server.config.slowstart_ms:
            self.snapshot.set_state(server.index, ports.STATE_STARTING)
            self.slow_starting.add(server.index)
        else:
            self.snapshot.set_state(server.index, ports.STATE_RUNNING)
        if server.config.ends_backup_when_up and not server.config.backup:
            for other in server.proxy.servers:
                if other.config.backup:
                    self.on_killed(other)

    def _stop(self, server: LiveServer, before: _Before) -> None:
        self.snapshot.set_state(server.index, ports.STATE_STOPPED)
        self.snapshot.set_server_times(server.index, last_change_ms=self.clock_ms(), down_trans=before.state.down_trans + 1)
        self.slow_starting.discard(server.index)
        if server.config.ends_streams_when_down:
            self.on_killed(server)

    def _count_downtime(self, server: LiveServer, before: _Before) -> None:
        now = self.clock_ms()
        down = before.state.down_time_ms + max(0, now - before.state.last_change_ms)
        self.snapshot.set_server_times(server.index, last_change_ms=now, down_time_ms=down)

    def _backend_changed(self, proxy: LiveProxy, before: _Before) -> None:
        """Tells and counts when the backend lost its last usable server or has one again."""
        n_usable = self._n_usable(proxy)
        if bool(n_usable) == bool(before.n_usable):
            return
        now = self.clock_ms()
        state = self.snapshot.proxy_state(proxy.index)
        if n_usable:
            down = state.down_time_ms + max(0, now - state.last_change_ms)
            self.snapshot.set_proxy_times(proxy.index, last_change_ms=now, down_time_ms=down)
            return
        self.snapshot.set_proxy_times(proxy.index, last_change_ms=now, down_trans=state.down_trans + 1)
        kind = "proxy" if proxy.is_frontend else "backend"
        self.journal.terminal("alert", f"{kind} '{proxy.name}' has no server available!")
        self.journal.proxy(proxy.config, fmt.EMERG, f"{kind} {proxy.name} has no server available!")

    def _tell(self, server: LiveServer, level: int, message: str) -> None:
        self.journal.terminal("warning", message)
        self.journal.proxy(server.proxy.config, level, message)

    def _left(self, server: LiveServer, before: _Before) -> str:
        """What is left after a server went: HAProxy's second half of the line."""
        px = self.snapshot.proxy_state(server.proxy.index)
        # A stopped server's queue goes back to the backend: all of it is requeued, nothing remains.
        return (
            f". {px.n_active} active and {px.n_backup} backup servers left.{_on_backup(px)}"
            f" {before.state.served} sessions active, {before.state.queued} requeued, 0 remaining in queue."
        )

    def _online(self, server: LiveServer, before: _Before) -> str:
        px = self.snapshot.proxy_state(server.proxy.index)
        return (
            f". {px.n_active} active and {px.n_backup} backup servers online.{_on_backup(px)}"
            f" {before.state.queued} sessions requeued, {px.queued} total in queue."
        )


def _on_backup(px: ports.ProxyState) -> str:
    return " Running on backup." if px.n_backup and not px.n_active else ""


def _via(server: LiveServer) -> str:
    """Where a server's state comes from: HAProxy's words; "" for one that tracks none."""
    return f" via {server.tracked.path}" if server.tracked is not None else ""


def _kind(flags: int) -> tuple[int, int]:
    """All administrative flags of the kind (maintenance or drain) of these, and the one that trackers inherit."""
    if flags & ports.ADMIN_MAINT:
        return ports.ADMIN_MAINT, ports.ADMIN_IMAINT
    return ports.ADMIN_DRAIN, ports.ADMIN_IDRAIN


def _title(server: LiveServer) -> str:
    return f"{'Backup ' if server.config.backup else ''}Server {server.path}"
