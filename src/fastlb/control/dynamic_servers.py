"""`add server` and `del server`: what all processes do together, in an order in which none ever meets a server it does not know.

    add      this process makes the server's state, in maintenance; the master learns of it; the workers that were there before
             do; only then its place in the balancer counts, and commands see it
    remove   all workers say that no stream uses it, and close what is idle; the master forgets it; the workers do; only then
             its index may be given to another one

Knows that order and what may go wrong on the way (docs/internals/dynamic-servers.md). Must not know commands' words, nor how a
process keeps a server (roster.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol

from fastlb_core.bridge.dynamic import DynamicServers as Core
from fastlb_core.bridge.layout_tls import tls_fault

from fastlb.compile.dynamic import compile_server
from fastlb.config.keywords.dynamic_server import Known, read_dynamic_server
from fastlb.config.model import Address, Configuration, Server
from fastlb.config.values import ValueFault
from fastlb.control import ports
from fastlb.control.directory import Directory, LiveProxy, LiveServer
from fastlb.control.master import MasterChannel
from fastlb.control.messages import MessageError, MessageHub
from fastlb.control.roster import Record, Roster, lowest_free, text_of
from fastlb.control.servers import Servers
from fastlb.control.tls.certificates import Certificates, known_files
from fastlb.control.tls.material import Material

_ALL_TIMEOUT_S = 10.0  # for all workers to do what is asked: one may be starting
_AGAIN_S = 0.02
_SETTLE_TIMEOUT_S = 5.0
REFERENCED = "This server cannot be removed at runtime due to other configuration elements pointing to it."
NOT_IN_MAINTENANCE = "Only servers in maintenance mode can be deleted."
IN_USE = "Server still has connections attached to it, cannot remove it."


class Follower(Protocol):
    """A part of control that does something for servers."""

    def add_server(self, server: LiveServer) -> None: ...
    def remove_server(self, server: LiveServer) -> None: ...


class DynamicServers:
    """followers: told of each server that is there, and of each that is gone, in their order."""

    def __init__(
        self,
        configuration: Configuration,
        directory: Directory,
        servers: Servers,
        roster: Roster,
        hub: MessageHub,
        master: MasterChannel,
        certificates: Certificates,
    ) -> None:
        self._configuration = configuration
        self._directory = directory
        self._servers = servers
        self._snapshot = servers.snapshot
        self._roster = roster
        self._core: Core = roster.core
        self._hub = hub
        self._master = master
        self._certificates = certificates
        self._lock = asyncio.Lock()
        self._lost: set[int] = set()  # indexes that a worker may still have a server for
        self.followers: list[Follower] = []

    # -- add

    async def add(self, proxy: LiveProxy, words: Sequence[str]) -> LiveServer:
        """The new server of the backend; words: its name, address and options. Raises ValueFault with the reason."""
        async with self._lock:
            known = Known([(server.config, server.id) for server in proxy.servers], self._added_paths())
            files = known_files(self._configuration, self._certificates.material)
            config, serves = read_dynamic_server(self._configuration, proxy.config, known, words, files)
            tracked = _tracked(self._directory, config)
            record = self._record(proxy, config, words)
            self._take_in(record, tracked)
            try:
                await self._tell_all("add", text_of(record), "server-add", record=text_of(record))
                self._core.resize(proxy.index, record["place"] + 1, self._servers.clock_ms())
            except (MessageError, MemoryError) as error:
                await self._take_back(record["index"])
                raise ValueFault(f"{error}") from None
            server = self._directory.add_server(record["index"], record["server"]["id"], proxy, config, tracked)
            self._begin(server, serves)
            return server

    def _added_paths(self) -> set[str]:
        return {self._directory.servers[index].path for index in self._roster.records if index in self._directory.servers}

    def _record(self, proxy: LiveProxy, config: Server, words: Sequence[str]) -> Record:
        """Raises ValueFault."""
        number = config.id or lowest_free((server.id for server in proxy.servers), 1)
        try:
            values = compile_server(self._configuration, proxy.config, config, number)
        except ValueError as error:
            raise ValueFault(str(error)) from None
        if values["tls"] is not None and (fault := tls_fault(values["tls"])):
            raise ValueFault(fault)
        return {
            "serial": time.monotonic_ns(),
            "index": self._free_index(),
            "proxy": proxy.index,
            "place": self._core.free_place(proxy.index),
            "words": list(words),
            **values,
        }

    def _free_index(self) -> int:
        """A spare one as long as there is any; then one of the configuration's, where a server was removed."""
        n_configured = len(self._core.program.servers)
        taken = self._roster.records.keys() | self._lost
        index = lowest_free(taken, n_configured)
        if index < self._core.limit:
            return index
        free = sorted(self._roster.removed - taken)
        if not free:
            raise ValueFault(f"No server can be added: all {self._core.limit - n_configured} dynamic servers are in use.")
        return free[0]

    def _take_in(self, record: Record, tracked: LiveServer | None) -> None:
        """This process learns the server, which nobody else sees."""
        try:
            self._roster.add(text_of(record))
        except ValueError as error:
            raise ValueFault(str(error)) from None
        self._core.reset(record["index"], record["server"], self._servers.clock_ms())
        admin = self._snapshot.server_state(tracked.index).admin if tracked is not None else 0
        inherited = ports.ADMIN_IMAINT if admin & ports.ADMIN_MAINT else 0
        inherited |= ports.ADMIN_IDRAIN if admin & ports.ADMIN_DRAIN else 0
        if inherited:
            own = self._snapshot.server_state(record["index"]).admin
            self._snapshot.set_admin(record["index"], own | inherited)

    async def _take_back(self, index: int) -> None:
        """An addition came to nothing: whoever has heard of it forgets it. Nobody has used it."""
        self._roster.remove(index)
        self._core.clear(index)
        try:
            await self._tell_all("remove", str(index), "server-remove", server=index)
        except MessageError:
            self._lost.add(index)

    def _begin(self, server: LiveServer, serves: bool) -> None:
        self._servers.cookies.renew(server)
        for follower in self.followers:
            follower.add_server(server)
        if serves:
            self._servers.begin(server)

    # -- remove

    async def remove(self, server: LiveServer) -> None:
        """Raises ValueFault with the reason why the server must stay."""
        async with self._lock:
            if self._directory.servers.get(server.index) is not server:
                raise ValueFault("No such server.")
            self._refuse(server)
            await self._leave(server)
            self._refuse(server)
            for follower in self.followers:
                follower.remove_server(server)
            self._directory.remove_server(server)
            self._servers.forget(server)
            self._roster.remove(server.index)
            try:
                await self._tell_all("remove", str(server.index), "server-remove", server=server.index)
            except MessageError:
                # It is gone for everybody else; its index is not used again.
                self._lost.add(server.index)
            self._core.clear(server.index)
            self._core.resize(server.proxy.index, 0, self._servers.clock_ms())

    def _refuse(self, server: LiveServer) -> None:
        state = self._snapshot.server_state(server.index)
        if server.trackers or (server.index in self._core.program.referenced and server.index not in self._roster.records):
            raise ValueFault(REFERENCED)
        if not state.admin & ports.ADMIN_MAINT:
            raise ValueFault(NOT_IN_MAINTENANCE)
        if state.served or state.queued or self._snapshot.counters("server", server.index).used_conns:
            raise ValueFault(IN_USE)

    async def _leave(self, server: LiveServer) -> None:
        """Every worker closes what it has idle; raises ValueFault where streams use the server."""
        workers = [(number, worker.pid) for number, worker in enumerate(self._snapshot.workers()) if worker.pid]
        try:
            answers = await self._ask(workers, "server-leave", server=server.index)
        except MessageError as error:
            raise ValueFault(str(error)) from None
        if any(answer.get("busy") for answer in answers):
            raise ValueFault(IN_USE)

    # -- all processes

    async def _tell_all(self, change: str, content: str, command: str, **arguments: Any) -> None:
        """The master first, so that the workers it starts from now on know; then those that were there. Raises MessageError."""
        try:
            workers = await self._master.change_roster(change, content)
        except (TimeoutError, ConnectionError):
            raise MessageError("The master does not answer.") from None
        except ValueError as error:
            raise MessageError(str(error)) from None
        answers = await self._ask(workers, command, **arguments)
        deadline = time.monotonic() + _ALL_TIMEOUT_S
        while busy := [worker for worker, answer in zip(workers, answers, strict=True) if answer.get("busy")]:
            if time.monotonic() > deadline:
                raise MessageError("Streams do not end.")
            await asyncio.sleep(_AGAIN_S)
            workers, answers = busy, await self._ask(busy, command, **arguments)

    async def _ask(self, workers: list[tuple[int, int]], command: str, **arguments: Any) -> list[dict[str, Any]]:
        """The answers of these processes; {} of one that has ended. Raises MessageError where one does not answer."""
        return list(await asyncio.gather(*(self._ask_one(worker, pid, command, **arguments) for worker, pid in workers)))

    async def _ask_one(self, worker: int, pid: int, command: str, **arguments: Any) -> dict[str, Any]:
        deadline = time.monotonic() + _ALL_TIMEOUT_S
        while True:
            if self._snapshot.workers()[worker].pid not in (pid, 0):
                return {}  # another one stands there, which the master has told
            if self._hub.pid_of(worker) == pid:
                try:
                    return await self._hub.request(worker, command, **arguments)
                except MessageError as error:
                    fault = error
            else:
                fault = MessageError(f"Worker {worker + 1} is not connected.")
            if time.monotonic() > deadline:
                raise fault
            await asyncio.sleep(_AGAIN_S)

    # -- processes that are started again

    async def greet(self, worker: int) -> None:
        """A worker is there: it has what the master had when it was started, or what it had when its connection was lost."""
        await self._hub.request(worker, "servers", roster=self._roster.text())

    async def settle(self) -> None:
        """This process was started again: all workers know what the master knows before anything is done with a server."""
        if not self._roster.records and not self._roster.removed:
            return
        workers = [(number, worker.pid) for number, worker in enumerate(self._snapshot.workers()) if worker.pid]
        try:
            async with asyncio.timeout(_SETTLE_TIMEOUT_S):
                await self._ask(workers, "servers", roster=self._roster.text())
        except (MessageError, TimeoutError):
            return  # who does not answer is greeted with it later
        for record in self._roster.records.values():
            self._core.resize(record["proxy"], record["place"] + 1, self._servers.clock_ms())


def join(configuration: Configuration, directory: Directory, roster: Roster) -> None:
    """What the process before this one had added and removed, into the directory of the configuration's servers."""
    for index in roster.removed - roster.records.keys():
        if index in directory.servers:
            directory.remove_server(directory.servers[index])
    files = known_files(configuration, Material(configuration, lambda text: []))
    for record in sorted(roster.records.values(), key=lambda each: each["serial"]):
        index, proxy = record["index"], directory.by_index[record["proxy"]]
        if index in directory.servers:
            directory.remove_server(directory.servers[index])
        known = Known([], ())
        try:
            config, _ = read_dynamic_server(configuration, proxy.config, known, record["words"], files)
            tracked = _tracked(directory, config)
        except ValueFault:
            # A file that its line names was removed since by a command: as much as is known serves on.
            config, tracked = Server(proxy.config.location, record["words"][0], Address("ipv4")), None
        directory.add_server(index, record["server"]["id"], proxy, config, tracked)


def _tracked(directory: Directory, config: Server) -> LiveServer | None:
    """Raises ValueFault where the server that it tracks was removed."""
    if not config.track:
        return None
    backend, _, name = config.track.rpartition("/")
    proxy = directory.backend(backend)
    found = directory.server(proxy, name) if proxy is not None else None
    if found is None:
        raise ValueFault(f"unable to find required server '{name}' for tracking.")
    return found
