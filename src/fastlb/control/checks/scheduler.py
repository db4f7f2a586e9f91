"""When each server is checked: intervals, spreading, timeouts; one heap and one timer for all of them.

Knows `inter`, `fastinter`, `downinter`, `spread-checks` and `timeout check` (manual, section 5.2 and 4.2). Must not
know what a check does on the wire (tcp, sequence) or what its result means (health).

An entry of the heap is never moved or removed: a check that was rescheduled carries a newer number and the old
entry is dropped when its time comes. So a check costs two heap operations and no timer of its own.
"""

from __future__ import annotations

import asyncio
import functools
import heapq
import itertools
import random
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from fastlb.config.link_model import Source
from fastlb.control import ports
from fastlb.control.checks import health
from fastlb.control.checks.external import ExternalProbe, command_line
from fastlb.control.checks.plan import CheckPlans
from fastlb.control.checks.secure import check_tls
from fastlb.control.checks.sequence import Sequence, SequenceProbe
from fastlb.control.checks.server_state import server_state
from fastlb.control.checks.status import Result
from fastlb.control.checks.tcp import Target, TcpProbe
from fastlb.control.directory import LiveServer
from fastlb.control.servers import Servers
from fastlb.control.sockaddr import family_of, unpack

Probe = TcpProbe | ExternalProbe
# Checks with shorter intervals do not take part in the initial spread (haproxy: SRV_CHK_INTER_THRES).
_SPREAD_FROM_MS = 1000


class _Check:
    """One checked server's place in the time table."""

    __slots__ = ("due", "planned", "probe", "sequence", "server", "started", "target", "target_key", "version")
    versions = itertools.count(1)  # never the same for another server with the same index

    def __init__(self, server: LiveServer, sequence: Sequence | None) -> None:
        self.server = server
        self.probe: Probe | None = None
        self.version = 0
        self.due = 0.0
        self.planned = 0.0
        self.started = 0.0
        self.target: Target | None = None
        self.target_key: tuple[bytes, str | None, int] | None = None
        self.sequence = sequence


class CheckScheduler:
    """Runs the checks of all servers on one event loop.

    spread_percent: `spread-checks`, 0..50. randomness: for tests.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: Servers,
        spread_percent: int,
        randomness: random.Random | None = None,
    ) -> None:
        self._loop = loop
        self._servers = servers
        self._snapshot = servers.snapshot
        self._spread_percent = spread_percent
        self._random = randomness or random.Random()
        self._heap: list[tuple[float, int, int]] = []
        self._checks: dict[int, _Check] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_when = 0.0
        self._is_draining = False
        self._never_sends_local = servers.directory.configuration.global_.never_sends_local
        self._plans = CheckPlans(servers.directory.configuration, servers.directory.program)
        self.n_running = 0

    def start(self) -> None:
        """Registers every checked server and plans its first check."""
        checked = [server for server in self._servers.directory.servers.values() if server.config.check]
        # haproxy: a server begins below its full health, unless its `fall` is 1, so that `fastinter` counts.
        first = [(s.config.fastinter_ms if s.config.fall > 1 else 0) or s.config.inter_ms for s in checked]
        shortest = min((ms for ms in first if ms >= _SPREAD_FROM_MS), default=0)
        now = time.monotonic()
        for position, server in enumerate(checked):
            check = _Check(server, self._plans.plan(server.proxy.config))
            self._checks[server.index] = check
            self._register(server)
            # haproxy: each server's first check comes after its share of the longer of its interval and the shortest one.
            span = max(shortest, first[position])
            self._plan(check, now + span / 1000 * position / len(checked))
        self._servers.on_ready = self.check_now

    def add_server(self, server: LiveServer) -> None:
        """A server that came while the program runs; its checks wait for `enable health`."""
        if server.config.check:
            self._checks[server.index] = check = _Check(server, self._plans.plan(server.proxy.config))
            self._plan(check, time.monotonic() + server.config.inter_ms / 1000)

    def remove_server(self, server: LiveServer) -> None:
        """Its check ends without a result, and comes no more."""
        check = self._checks.pop(server.index, None)
        if check is not None and check.probe is not None:
            check.probe.cancel()
            check.probe = None
            self.n_running -= 1

    def stop(self) -> None:
        """Ends running checks without a result and plans no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._heap.clear()
        for check in self._checks.values():
            if check.probe is not None:
                check.probe.cancel()
                check.probe = None

    def check_now(self, server: LiveServer) -> None:
        """Brings the server's next check forward to now; used when it leaves maintenance."""
        check = self._checks.get(server.index)
        if check is not None and check.probe is None:
            self._plan(check, time.monotonic())

    def hasten(self, server: LiveServer) -> None:
        """Brings the server's next check forward by `fastinter`, where it has one; used when traffic shows errors."""
        check = self._checks.get(server.index)
        if check is None or check.probe is not None or not server.config.fastinter_ms:
            return
        soon = time.monotonic() + server.config.fastinter_ms / 1000
        if soon < check.planned:
            self._plan(check, soon)

    def set_enabled(self, server: LiveServer, is_enabled: bool) -> bool:
        """`enable|disable health`; False where the server has no checks."""
        if server.index not in self._checks:
            return False
        flags = self._snapshot.server_state(server.index).check_flags
        flags = flags | ports.CHECK_ENABLED if is_enabled else flags & ~ports.CHECK_ENABLED
        self._snapshot.set_check(server.index, flags=flags)
        return True

    def _register(self, server: LiveServer) -> None:
        state = self._snapshot.server_state(server.index)
        # After a crash of control the arena holds the flags of its predecessor: keep what an operator decided.
        enabled = state.check_flags & ports.CHECK_ENABLED if state.check_flags & ports.CHECK_CONFIGURED else ports.CHECK_ENABLED
        paused = ports.CHECK_PAUSED if state.admin & ports.ADMIN_MAINT else 0
        self._snapshot.set_check(server.index, flags=ports.CHECK_CONFIGURED | enabled | paused)

    # -- time

    def _plan(self, check: _Check, when: float) -> None:
        check.version = next(_Check.versions)
        check.planned = when
        heapq.heappush(self._heap, (when, check.server.index, check.version))
        self._arm()

    def _arm(self) -> None:
        if not self._heap or self._is_draining:
            return
        when = self._heap[0][0]
        if self._timer is not None:
            if self._timer_when <= when:
                return
            self._timer.cancel()
        self._timer_when = when
        self._timer = self._loop.call_later(max(0.0, when - time.monotonic()), self._run_due)

    def _run_due(self) -> None:
        self._timer = None
        # A little ahead: the loop's timers have millisecond steps, and one wake-up per check is what this avoids.
        now = time.monotonic() + 0.001
        self._is_draining = True
        try:
            while self._heap and self._heap[0][0] <= now:
                when, index, version = heapq.heappop(self._heap)
                check = self._checks.get(index)
                if check is None or check.version != version:
                    continue
                try:
                    if check.probe is None:
                        check.due = when
                        self._run(check)
                    else:
                        self._look_at_deadline(check, check.probe, now)
                except Exception as error:
                    self._recover(check, error)
        finally:
            self._is_draining = False
            self._arm()

    def _recover(self, check: _Check, error: Exception) -> None:
        """A check broke, not its server: tell it and try again after the interval, for one check must not end them all."""
        if check.probe is not None:
            check.probe.cancel()
            check.probe = None
            self.n_running -= 1
        self._plan(check, time.monotonic() + check.server.config.inter_ms / 1000)
        self._loop.call_exception_handler({"message": f"check of {check.server.path}", "exception": error})

    def _interval(self, server: LiveServer) -> float:
        """Seconds until the next check, by the server's health (manual, "fastinter")."""
        state = self._snapshot.server_state(server.index)
        config = server.config
        interval_ms = config.inter_ms
        if state.health < state.rise + state.fall - 1:
            is_down = state.state == ports.STATE_STOPPED and state.health == 0
            interval_ms = (config.downinter_ms if is_down else config.fastinter_ms) or interval_ms
        interval = interval_ms / 1000
        if self._spread_percent:
            spread = interval * self._spread_percent / 100
            interval += self._random.uniform(-spread, spread)
        return interval

    def _look_at_deadline(self, check: _Check, probe: Probe, now: float) -> None:
        """The running check's next moment of truth has come: expire it, or look again when its phase may end.

        Without `timeout check` a check has its interval; with it, connecting has `timeout connect` (at most the
        interval) and the answer `timeout check` from the connection on (manual, "timeout check").
        """
        timeouts = check.server.proxy.config.timeouts
        limit = check.started + check.server.config.inter_ms / 1000
        answer_limit = timeouts.check / 1000 if timeouts.check else 0.0
        if answer_limit and probe.connected_at:
            limit = probe.connected_at + answer_limit
        elif answer_limit and timeouts.connect:
            limit = min(limit, check.started + timeouts.connect / 1000)
        if limit <= now:
            probe.expire()
        elif answer_limit and not probe.connected_at:
            self._plan(check, min(limit, now + answer_limit))
        else:
            self._plan(check, limit)

    # -- running

    def _run(self, check: _Check) -> None:
        server = check.server
        state = self._snapshot.server_state(server.index)
        now = time.monotonic()
        if not state.check_flags & ports.CHECK_ENABLED or state.admin & ports.ADMIN_MAINT:
            self._plan(check, now + server.config.inter_ms / 1000)
            return
        self._snapshot.set_check(server.index, flags=state.check_flags | ports.CHECK_INPROGRESS)
        check.started = now
        finished = functools.partial(self._finished, check)
        check.probe = self._probe(check, state, finished)
        self.n_running += 1
        self._look_at_deadline(check, check.probe, now)
        check.probe.start()

    def _probe(self, check: _Check, state: ports.ServerState, finished: Callable[[Result], None]) -> Probe:
        server, sequence = check.server, check.sequence
        if server.proxy.config.check.kind == "external-check":
            may_fork = self._servers.directory.configuration.global_.insecure_fork_wanted
            return ExternalProbe(self._loop, *command_line(server, state), finished, may_fork)
        target = self._target(check, state)
        if sequence is None:
            return TcpProbe(self._loop, target, finished)
        evaluation = self._plans.evaluation(sequence, server.index)
        told = server_state(self._servers, server) if server.proxy.config.check.sends_state else b""
        return SequenceProbe(self._loop, target, finished, sequence, evaluation, told)

    def _finished(self, check: _Check, result: Result) -> None:
        check.probe = None
        self.n_running -= 1
        now = time.monotonic()
        health.apply(self._servers, check.server, result, int((now - check.started) * 1000))
        # Where the process was late, the next check comes that much earlier: otherwise checks that were late together
        # would stay together, and the spread over the interval would be lost.
        interval = self._interval(check.server)
        lateness = max(0.0, check.started - check.due)
        self._plan(check, now + interval - min(lateness, interval / 2))

    def _target(self, check: _Check, state: ports.ServerState) -> Target:
        """Where the check connects now; kept until `set server` moves the server or its checks."""
        key = (state.address, state.check_host, state.check_port)
        if check.target is None or check.target_key != key:
            check.target_key = key
            # Its TLS depends on the server's line alone, and reads certificates: once.
            tls = check_tls(check.server.config) if check.target is None else check.target.tls
            target = check_target(check.server, state)
            check.target = replace(target, tls=tls, says_local=not self._never_sends_local)
        return check.target


def _source_port(source: Source) -> int:
    """0 where each connection has another one of a range."""
    return source.address.port if source.address.port == source.address.port_high else 0


def check_target(server: LiveServer, state: ports.ServerState) -> Target:
    """The address that checks of a server use: `addr` and `port` where they are set, on its line or by commands."""
    config = server.config
    family, address = unpack(state.address)
    # haproxy: checks speak the PROXY protocol like the traffic unless they go elsewhere (manual, "check-send-proxy").
    speaks_proxy = config.check_send_proxy or (
        config.send_proxy > 0 and config.check_port is None and config.check_address is None
    )
    send_proxy = max(1, config.send_proxy) if speaks_proxy else 0
    other = config.check_address
    if other is not None and other.family in ("unix", "abns"):
        return Target(socket.AF_UNIX, other.host if other.family == "unix" else "\0" + other.host, None, send_proxy)
    if isinstance(address, str):
        return Target(family, address, None, send_proxy)
    host, port = address
    if other is not None and other.host:
        host, port = other.host, other.port or port
        family = family_of(host)
    if state.check_host:
        host, family = state.check_host, family_of(state.check_host)
    source = config.source or server.proxy.config.source
    bind = (source.address.host, _source_port(source)) if source is not None and source.address.host else None
    return Target(family, (host, state.check_port or config.check_port or port), bind, send_proxy)
