"""What a generation leaves to the one after it: statistics, states of servers, entries of stick tables.

Knows which of a server's settings were changed while it ran, and what the new file says about them. The statistics of a
generation that is being drained go to the one that serves, as it counts on. Must not know when (master.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from fastlb_core.bridge import heritage as core
from fastlb_core.bridge.builder import Program, ServerEntry
from fastlb_core.bridge.tables import Tables

from fastlb.compile.addresses import sockaddr
from fastlb.config.model import Configuration, Proxy, Server
from fastlb.config.samples.values import TableRef
from fastlb.control import ports
from fastlb.supervisor.generation import Generation

_MAX_NUMBERED = 1 << 20  # servers' numbers that are looked up in a list


class Heritage:
    """Of one generation; created when it is, used by the master."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._ledger = core.Ledger(generation.program)
        self._tables_copied_ms = 0

    def leave_to(self, heir: Generation) -> list[str]:
        """Before the heir's processes are born: all that there is. Blocks for as long as the tables' copies take.

        Returns what could not be left, in words for the operator.
        """
        started_ms = _now_ms()
        lost = []
        _States(self._generation, heir).copy()
        self._ledger.pass_on(heir.program)
        for old, new, name in _same_tables(self._generation.program, heir.program):
            if self._copy_table(old, new, name, heir, 0) is None:
                lost.append(f"Stick table '{name}' has keys of another kind now: it begins empty.")
        self._tables_copied_ms = started_ms
        return lost

    def take_back(self) -> None:
        """The heir came to nothing."""
        self._ledger.forget()
        self._tables_copied_ms = 0

    def leave_rest_to(self, heir: Generation, with_tables: bool = True) -> None:
        """What came since the last call, to the generation that serves now."""
        started_ms = _now_ms()
        self._ledger.pass_on(heir.program)
        if with_tables:
            for old, new, name in _same_tables(self._generation.program, heir.program):
                self._copy_table(old, new, name, heir, self._tables_copied_ms)
            self._tables_copied_ms = started_ms

    def _copy_table(self, old: int, new: int, name: str, heir: Generation, since_ms: int) -> int | None:
        now_ids = _now_ids(name, self._generation, heir)
        copied: int | None = core.copy_table(
            self._generation.program, old, heir.program, new, since_ms=since_ms, now_ids=now_ids
        )
        return copied


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


# -- servers


class _States:
    """The states of the servers that both configurations have."""

    def __init__(self, old: Generation, new: Generation) -> None:
        self._old = old
        self._new = new

    def copy(self) -> None:
        before, after = self._old.program, self._new.program
        backends = {px.name: px.index for px in after.proxies if px.is_backend}
        for px in before.proxies:
            if px.is_backend and px.name in backends:
                core.copy_proxy(before, px.index, after, backends[px.name])
        entries = _servers(after)
        for key, (index, old) in _configured(before, self._old.configuration).items():
            if key in entries:
                self._copy_server(index, old, entries[key], _configured_server(self._new.configuration, *key))
        core.refresh(after)

    def _copy_server(self, old_index: int, old: Server, new_index: int, new: Server | None) -> None:
        if new is None:
            return
        state: ports.ServerState = self._old.snapshot.server_state(old_index)
        fresh: ports.ServerState = self._new.snapshot.server_state(new_index)
        address = _kept_address(old, new, state)
        admin = _kept_admin(old, new, state, fresh, address is not None)
        keeps_checks = old.check == new.check
        operational, health = _kept_health(state, fresh, admin, keeps_checks, old.slowstart_ms == new.slowstart_ms)
        core.copy_server(
            self._old.program,
            old_index,
            self._new.program,
            new_index,
            admin=admin,
            state=operational,
            health=health,
            weight=state.uweight if state.iweight == fresh.iweight else None,
            maxconn=state.maxconn if old.maxconn == new.maxconn else None,
            address=address,
            keeps_checks=keeps_checks,
            keeps_check_destination=keeps_checks and _check_destination(old) == _check_destination(new),
            keeps_agent=_agent(old) == _agent(new),
        )


def _check_destination(srv: Server) -> tuple[object, ...]:
    return srv.check_address, srv.check_port


def _agent(srv: Server) -> tuple[object, ...]:
    return srv.agent_check, srv.agent_address, srv.agent_port


def _kept_address(old: Server, new: Server, state: ports.ServerState) -> bytes | None:
    """The address that a command or a resolver has given to a server whose line still says the same."""
    is_same = old.address.name == new.address.name if old.address.name else old.address == new.address
    if not is_same or old.address.port != new.address.port or state.address == sockaddr(old.address):
        return None
    if state.admin & ports.ADMIN_RMAINT:
        return None  # it had lost its address
    return state.address


def _kept_admin(old: Server, new: Server, state: ports.ServerState, fresh: ports.ServerState, has_address: bool) -> int:
    """What was ordered stays; what the line says counts again where the line was changed."""
    admin = fresh.admin
    if has_address:
        admin &= ~ports.ADMIN_RMAINT
    if old.disabled == new.disabled and not fresh.admin & ports.ADMIN_RMAINT:
        admin = admin & ~ports.ADMIN_CMAINT | state.admin & ports.ADMIN_CMAINT
    return admin | state.admin & (ports.ADMIN_FMAINT | ports.ADMIN_FDRAIN)


def _kept_health(
    state: ports.ServerState, fresh: ports.ServerState, admin: int, keeps_checks: bool, same_ramp: bool
) -> tuple[int, int]:
    """The operational state and the health, on the scale of the new `rise` and `fall`."""
    if admin & ports.ADMIN_MAINT:
        return ports.STATE_STOPPED, 0
    was_out = bool(state.admin & ports.ADMIN_MAINT)
    if not keeps_checks or was_out:
        return ports.STATE_RUNNING, fresh.rise
    operational = state.state
    if operational == ports.STATE_STARTING and not same_ramp:
        operational = ports.STATE_RUNNING
    if operational == ports.STATE_STOPPED:
        return operational, min(state.health, fresh.rise - 1)
    missing = state.rise + state.fall - 1 - state.health
    return operational, max(fresh.rise + fresh.fall - 1 - missing, fresh.rise)


def _servers(program: Program) -> dict[tuple[str, str], int]:
    """Those of the configuration, but for what `del server` has removed."""
    return {_key(program, srv): srv.index for srv in program.servers if not srv.is_internal and srv.index not in program.removed}


def _key(program: Program, srv: ServerEntry) -> tuple[str, str]:
    return program.proxies[srv.proxy].name, srv.name


def _configured(program: Program, configuration: Configuration) -> dict[tuple[str, str], tuple[int, Server]]:
    found = {}
    lines = {(px.name, srv.name): srv for px in configuration.proxies if px.has_backend for srv in px.servers}
    for key, index in _servers(program).items():
        if key in lines:
            found[key] = index, lines[key]
    return found


def _configured_server(configuration: Configuration, backend: str, name: str) -> Server | None:
    px = configuration.backend(backend)
    return next((srv for srv in px.servers if srv.name == name), None) if px is not None else None


# -- stick tables


def _same_tables(old: Program, new: Program) -> Iterator[tuple[int, int, str]]:
    """The indexes of the tables that both have, with their names."""
    others = {info.name: info.index for info in Tables(new).infos}
    for info in Tables(old).infos:
        if info.name in others:
            yield info.index, others[info.name], info.name


def _now_ids(table: str, old: Generation, new: Generation) -> list[int] | None:
    """The numbers of the servers that the table's entries may name, by their old ones; None where all kept theirs.

    Where backends with different servers share a table, its numbers mean nothing and each name's first one counts.
    """
    backends = {px.name for px in old.configuration.proxies if px.has_backend and _stores_in(px, table)}
    now = {key: new.program.servers[index].id for key, index in _servers(new.program).items()}
    found: dict[int, int] = {}
    for srv in (*old.program.added.values(), *old.program.servers):
        key = _key(old.program, srv)
        if not srv.is_internal and key[0] in backends and srv.id < _MAX_NUMBERED:
            found.setdefault(srv.id, now.get(key, 0))
    if all(before == after for before, after in found.items()):
        return None
    return [found.get(number, 0) for number in range(max(found) + 1)]


def _stores_in(px: Proxy, table: str) -> bool:
    arguments: Iterator[Any] = (
        argument for rules in px.rules.values() for rule in rules if rule.core == "stick" for argument in rule.arguments
    )
    return any(isinstance(argument, TableRef) and (argument.name or px.name) == table for argument in arguments)
