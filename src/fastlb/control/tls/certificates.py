"""Certificates of the running program: changes are tried, done in all workers, and only then what the model says.

Knows the order of things and what happens when a worker or this process is started again. Must not know commands' words.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from fastlb_core.bridge.layout_tls import tls_fault

from fastlb.config.model import Configuration
from fastlb.config.tls_files import Tell, TlsFiles, unloadable
from fastlb.config.tls_model import Authorities, BindTls, Certificate, KeyPair, Revocations, ServerTls
from fastlb.config.tls_pem import TlsFault
from fastlb.config.values import ValueFault
from fastlb.control.directory import Directory, LiveServer
from fastlb.control.messages import MessageError, MessageHub
from fastlb.control.tls.files import Read, changes_of, read_line
from fastlb.control.tls.lines import BindLine, CannotMake, Lines, Made, ServerLine
from fastlb.control.tls.material import KINDS, Change, Material, uses
from fastlb.control.tls.transaction import Transaction

# Between two generations of ids lies more than a process can use up; below it are those of the master.
_FIRST_ID = 1 << 20


@dataclass(slots=True)
class _Plan:
    """What a change makes of the lines that it concerns."""

    material: Material
    binds: list[tuple[BindLine, BindTls, list[Made]]]
    servers: list[tuple[ServerLine, ServerTls, Made]]
    unused: list[tuple[Any, ServerTls]]  # of servers without `ssl`, whose checks may have it


class Certificates:
    """configuration: this process's own copy of the model, which changes with the certificates."""

    def __init__(self, configuration: Configuration, directory: Directory, hub: MessageHub) -> None:
        self._configuration = configuration
        self._hub = hub
        self._lock = asyncio.Lock()
        self.material = Material(configuration, self._read_entry)
        self.transactions: dict[str, Transaction[Any]] = {kind: Transaction() for kind in KINDS}
        self.lines = Lines(directory, configuration.global_, hub, _FIRST_ID + time.monotonic_ns() // 1000)
        self._trial: Material | None = None
        self._servers = [server.config for proxy in directory.proxies for server in proxy.servers]

    @property
    def journal(self) -> list[Change]:
        return list(self.material.journal.values())

    def uses(self, kind: str, name: str) -> int:
        """How many contexts are made of what `name` is."""
        users = (server for server in self._servers if server.tls.enabled or server.tls.checks)
        return uses((line.bind for line in self.lines.binds), users, kind, name)

    def default_of(self, crt_list: str, line: int, name: str) -> list[str]:
        """Places of the bind lines whose default certificate is that line of the list."""
        place = (crt_list, line, name)
        return [
            f"{each.bind.location.file}:{each.bind.location.line}"
            for each in self.lines.binds
            if any(one.is_default and (one.source, one.line, one.pair.name) == place for one in each.bind.tls.certificates)
        ]

    # -- servers that come and go

    def add_server(self, server: LiveServer) -> None:
        self._servers.append(server.config)
        self.lines.add_server(server)

    def remove_server(self, server: LiveServer) -> None:
        self._servers = [config for config in self._servers if config is not server.config]
        self.lines.remove_server(server)

    # -- changing

    async def perform(self, *changes: Change) -> None:
        """Does all changes, or none; raises ValueFault with the reason. Returns when all workers have done them."""
        async with self._lock:
            plan = self._plan(list(changes))
            self._try(plan)
            workers = self._hub.workers
            binds = [(line, made) for line, _, made in plan.binds]
            servers = [(line, made) for line, _, made in plan.servers]
            try:
                await self.lines.make(workers, binds, servers)
            except CannotMake as refusal:
                raise ValueFault(str(refusal)) from None
            self.material = plan.material
            self._adopt(plan)
            await self.lines.switch(workers, self.journal, [line for line, _ in binds], [line for line, _ in servers])

    def _plan(self, changes: list[Change]) -> _Plan:
        """Tries the changes, one after the other, on a copy. Raises ValueFault."""
        trial = self._trial = self.material.copy()
        binds = [line.bind.tls for line in self.lines.binds]
        servers = [server.tls for server in self._servers]
        try:
            for change in changes:
                binds = [trial.bind_after(tls, change) for tls in binds]
                servers = [trial.server_after(tls, change) for tls in servers]
                trial.record(change)
        finally:
            self._trial = None
        plan = _Plan(trial, [], [], [])
        for line, tls in zip(self.lines.binds, binds, strict=True):
            if tls is not line.bind.tls:
                plan.binds.append((line, tls, self.lines.bind_plan(line, tls)))
        lines = {id(line.server.config): line for line in self.lines.servers}
        for server, after in zip(self._servers, servers, strict=True):
            if after is not server.tls and id(server) in lines:
                plan.servers.append((lines[id(server)], after, self.lines.server_plan(lines[id(server)], after)))
            elif after is not server.tls:
                plan.unused.append((server, after))
        return plan

    @staticmethod
    def _try(plan: _Plan) -> None:
        """Makes everything here first: what libssl refuses must not reach a worker."""
        for line, _, plans in plan.binds:
            known = {made.id for made in line.made}
            fresh = [made.values | made.shown for made in plans if made.id not in known]
            if fault := tls_fault({"certificates": fresh, "strict_sni": False, "id": b""}):
                raise ValueFault(fault)
        for _, _, made in plan.servers:
            if fault := tls_fault({**made.values, "sni": None}):
                raise ValueFault(fault)

    @staticmethod
    def _adopt(plan: _Plan) -> None:
        for line, tls, made in plan.binds:
            line.bind.tls, line.made, line.has_changed = tls, made, True
        for server_line, server_tls, server_made in plan.servers:
            server_line.server.config.tls, server_line.made, server_line.has_changed = server_tls, server_made, True
        for server, server_tls in plan.unused:
            server.tls = server_tls

    async def read_again(self, read: Read) -> int:
        """Makes all as the files say (files.read_files), or changes nothing: how many changes that took. Raises ValueFault."""
        if "fault" in read:
            raise ValueFault(read["fault"])
        changes = changes_of(self.material, read)
        if changes:
            await self.perform(*changes)
        return len(changes)

    # -- processes that are started again

    async def greet(self, worker: int, has_changed: bool) -> None:
        """A worker is there. has_changed: it has other certificates than the configuration's."""
        async with self._lock:
            if has_changed and not self.journal:
                await self._learn(worker)
            else:
                await self.lines.teach(worker, self.journal)

    async def _learn(self, worker: int) -> None:
        """This process was started again: the worker has kept what its predecessor had done."""
        try:
            journal: list[Change] = (await self._hub.request(worker, "tls-journal"))["journal"]
        except MessageError:
            return
        try:
            plan = self._plan(journal)
        except (ValueFault, ValueError, KeyError, TypeError):
            return  # what a worker says must not end this process
        self.material = plan.material
        self._adopt(plan)
        for each in self._hub.workers:
            await self.lines.teach(each, self.journal)

    # -- lines of crt-lists

    def _read_entry(self, text: str) -> list[Certificate]:
        return read_line(self._configuration, text, known_files(self._configuration, self._trial or self.material))


def known_files(configuration: Configuration, material: Material) -> TlsFiles:
    """Files of the running program: what was loaded."""
    files = _KnownFiles(configuration.global_.tls)
    files.material = material
    return files


class _KnownFiles(TlsFiles):
    """Files of the running program: what was loaded. Nothing is read, as with HAProxy."""

    material: Material

    def load(self, path: str, tell: Tell, bundles: bool = True) -> list[KeyPair]:
        del tell, bundles
        if path not in self.material.pairs:
            raise TlsFault(f"certificate '{path}' does not exist!", "missing-file")
        pair = self.material.pairs[path]
        if pair is None:
            raise TlsFault(f"certificate '{path}' is empty!", "missing-file")
        return [pair]

    def authorities(self, path: str, keyword: str, tell: Tell) -> Authorities:
        del tell
        if path not in self.material.authorities:
            raise unloadable(path, keyword, "")
        return self.material.authorities[path]

    def revocations(self, path: str) -> Revocations:
        if path not in self.material.revocations:
            raise unloadable(path, "crl-file", "")
        return self.material.revocations[path]
