"""What a check's result means: the health counter, HAProxy's `log-health-checks` line, UP and DOWN.

Knows rise and fall (manual, "rise", "fall"): health runs from 0 to rise+fall-1, the server is up from `rise` on; a
success below the top adds one and jumps to the top once it reaches `rise`; a failure takes one away and drops to 0
once it falls below. A new server stands at `rise`: one failure from DOWN, one success from the top.
Must not know sockets or time tables.
"""

from __future__ import annotations

from fastlb.control.checks.status import DESCRIPTIONS, Result, Status, known
from fastlb.control.directory import LiveServer
from fastlb.control.logs import format as fmt
from fastlb.control.logs.journal import printable
from fastlb.control.ports import (
    ADMIN_MAINT,
    CHECK_ENABLED,
    CHECK_INPROGRESS,
    STATE_RUNNING,
    STATE_STARTING,
    STATE_STOPPED,
    ServerState,
)
from fastlb.control.servers import AgentState, Servers

_MAX_INFO = 127


def apply(servers: Servers, server: LiveServer, result: Result, duration_ms: int) -> None:
    """Stores a finished check of the server and carries out what follows from it."""
    before = servers.snapshot.server_state(server.index)
    servers.snapshot.set_check(server.index, flags=before.check_flags & ~CHECK_INPROGRESS)
    if result.has_passed and server.config.observe:
        servers.snapshot.forget_errors(server.index)
    # If it went into maintenance while the check ran, the answer no longer counts.
    if not before.admin & ADMIN_MAINT:
        _judge(servers, server, before, result, duration_ms)


def apply_observed(servers: Servers, server: LiveServer, result: Result) -> None:
    """Stores a failure that traffic has shown (`observe`) and carries out what follows; a check may be running meanwhile."""
    before = servers.snapshot.server_state(server.index)
    if not before.admin & ADMIN_MAINT:
        _judge(servers, server, before, result, -1)


def _judge(servers: Servers, server: LiveServer, before: ServerState, result: Result, duration_ms: int) -> None:
    """duration_ms: below 0 where nothing was measured."""
    result = result._replace(info=_cut(result.info))
    health, has_moved = _next_health(before, result.has_passed)
    failed = before.failed_checks + (has_moved and not result.has_passed)
    servers.snapshot.set_check(
        server.index,
        health=health,
        status=result.status,
        code=result.code,
        duration_ms=duration_ms,
        description=result.info,
        time_ms=servers.clock_ms(),
        failed_checks=failed,
    )
    is_verbose = "log-health-checks" in server.proxy.config.options
    if is_verbose and (has_moved or result.status != known(before.check_status)):
        _tell(servers, server, before, health, result, duration_ms)
    reason = "" if is_verbose else _reason(result, duration_ms)
    if result.status is Status.L7OKC:
        # haproxy: a server that is down is not brought back by it.
        if before.state != STATE_STOPPED or health >= before.rise:
            servers.set_stopping(server, reason)
    elif result.has_passed:
        is_up = before.state in (STATE_RUNNING, STATE_STARTING)
        if not is_up and not _is_down_by_agent(servers, server) and (health >= before.rise or before.state != STATE_STOPPED):
            servers.set_running(server, reason)
    elif health < before.rise:
        servers.set_stopped(server, reason)


def apply_silent_agent(servers: Servers, server: LiveServer, result: Result, duration_ms: int) -> None:
    """Stores how an agent could not be asked. haproxy: that says nothing about its server."""
    before = servers.agents[server.index]
    state = servers.snapshot.server_state(server.index)
    servers.agents[server.index] = AgentState(result.status, -1, duration_ms, result.info, before.health)
    if "log-health-checks" in server.proxy.config.options and result.status != before.status:
        # haproxy: that a line had no end stands in the statistics only.
        shown = result._replace(info="") if result.status is Status.L7TOUT else result
        _write(servers, server, "Agent", shown, duration_ms, f"{before.health}/1 {_word(state, bool(before.health))}")


def apply_agent(servers: Servers, server: LiveServer, result: Result, duration_ms: int) -> None:
    """Stores an agent's "up" or "down" and carries out what follows: either judge takes the server out, both bring it back."""
    before, state = servers.agents[server.index], servers.snapshot.server_state(server.index)
    health = int(result.has_passed)
    servers.agents[server.index] = AgentState(result.status, result.code, duration_ms, result.info, health)
    is_verbose = "log-health-checks" in server.proxy.config.options
    if is_verbose and (health != before.health or result.status != before.status):
        _write(servers, server, "Agent", result, duration_ms, f"{health}/1 {_word(state, bool(health))}")
    reason = "" if is_verbose else _reason(result, duration_ms)
    if not result.has_passed:
        servers.set_stopped(server, reason)
    elif state.state == STATE_STOPPED and not (state.check_flags & CHECK_ENABLED and state.health < state.rise):
        servers.set_running(server, reason)


def _is_down_by_agent(servers: Servers, server: LiveServer) -> bool:
    agent = servers.agents.get(server.index)
    return agent is not None and not agent.health


def _next_health(before: ServerState, has_passed: bool) -> tuple[int, bool]:
    top = before.rise + before.fall - 1
    if has_passed:
        if before.health >= top:
            return before.health, False
        health = before.health + 1
        return (top if health >= before.rise else health), True
    if before.health <= 0:
        return 0, False
    health = before.health - 1
    return (health if health >= before.rise else 0), True


def _reason(result: Result, duration_ms: int) -> str:
    code = f", code: {result.code}" if result.has_code else ""
    info = f', info: "{printable(result.info)}"' if result.info else ""
    duration = f", check duration: {duration_ms}ms" if duration_ms >= 0 else ""
    return f", reason: {DESCRIPTIONS[result.status]}{code}{info}{duration}"


def _tell(servers: Servers, server: LiveServer, before: ServerState, health: int, result: Result, duration_ms: int) -> None:
    is_up = health >= before.rise
    count, of = (health - before.rise + 1, before.fall) if is_up else (health, before.rise)
    _write(servers, server, "Health", result, duration_ms, f"{count}/{of} {_word(before, is_up)}")


def _word(state: ServerState, is_up: bool) -> str:
    return ("UP" if state.uweight else "DRAIN") if is_up else "DOWN"


def _write(servers: Servers, server: LiveServer, kind: str, result: Result, duration_ms: int, status: str) -> None:
    message = (
        f"{kind} check for {'backup ' if server.config.backup else ''}server {server.path}"
        f" {_outcome(result)}{_reason(result, duration_ms)}, status: {status}."
    )
    servers.journal.terminal("warning", message)
    servers.journal.proxy(server.proxy.config, fmt.NOTICE, message)


def _outcome(result: Result) -> str:
    if result.status is Status.L7OKC:
        return "conditionally succeeded"
    return "succeeded" if result.has_passed else "failed"


def _cut(info: str) -> str:
    """As much of it as the arena and HAProxy's lines hold."""
    return info.encode("utf-8", "surrogateescape")[:_MAX_INFO].decode("utf-8", "surrogateescape")
