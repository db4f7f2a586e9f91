"""Asks for the names of servers again and again, and gives each server its address out of the answers.

Knows which servers share a name, HAProxy's rules for who gets which address, and how long a failure is borne (`hold`). Must not
know the DNS (question.py) nor how a server's state changes (servers.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from fastlb.config.keywords.server_resolution import is_service
from fastlb.config.model import Configuration
from fastlb.control import ports, sockaddr
from fastlb.control.directory import Directory, LiveServer
from fastlb.control.logs import format as fmt
from fastlb.control.logs.journal import Journal
from fastlb.control.resolvers.question import Answer, Asker, Service, Status
from fastlb.control.servers import Servers

NO_ADDRESS = "No IP for server "
NO_RECORD = "entry removed from SRV record"
MAX_SERVICE_WEIGHT = 256


@dataclass(slots=True, eq=False)
class Name:
    """A name, who asks for it and when it was last answered. seen_ms: of each address, when an answer last had it."""

    asker: Asker
    name: str
    prefers: str
    servers: list[LiveServer] = field(default_factory=list)
    last_valid_ms: int = 0
    seen_ms: dict[str, int] = field(default_factory=dict)

    @property
    def types(self) -> tuple[str, ...]:
        if is_service(self.name):
            return ("SRV",)
        return ("A", "AAAA") if self.prefers == "ipv4" else ("AAAA", "A")


class ResolverService:
    """Started on control's loop; `sections` are asked by `show resolvers`."""

    def __init__(
        self,
        configuration: Configuration,
        directory: Directory,
        servers: Servers,
        journal: Journal,
        clock_ms: Callable[[], int],
    ) -> None:
        self.sections = {name: Asker(section) for name, section in configuration.resolvers.items()}
        self._directory = directory
        self._servers = servers
        self._journal = journal
        self._clock_ms = clock_ms
        self._names: dict[tuple[str, str, str], Name] = {}
        self._targets: dict[int, str] = {}  # what a server of a SRV name stands for
        self._tasks: dict[tuple[str, str, str], asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begins to ask; does not block."""
        for server in self._directory.servers.values():
            if server.config.address.name and server.config.resolution.resolvers:
                self._join(server, server.config.address.name)

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def add_server(self, server: LiveServer) -> None:
        """haproxy: the name of a server that a command adds is not looked up."""

    def remove_server(self, server: LiveServer) -> None:
        self._leave(server)
        self._targets.pop(server.index, None)

    def name_of(self, server: LiveServer) -> str:
        """The host name whose address the server has; "" where a SRV name gave it none."""
        if is_service(server.config.address.name):
            return self._targets.get(server.index, "")
        return next((name.name for name in self._names.values() if server in name.servers), server.config.address.name)

    def rename(self, server: LiveServer, host: str, by: str) -> None:
        """Lets the server ask for another name from now on; told in the logs."""
        old = self.name_of(server)
        self._leave(server)
        self._tell(server, f"{server.path} changed its FQDN from {old or '(null)'} to {host} by '{by}'")
        self._join(server, host)

    # --- who asks for what ---

    def _join(self, server: LiveServer, host: str) -> None:
        resolution = server.config.resolution
        key = (resolution.resolvers, host, resolution.prefers)
        if key not in self._names:
            # haproxy: a name that was never answered counts as failed at once; here the start counts as an answer.
            self._names[key] = Name(self.sections[key[0]], host, resolution.prefers, last_valid_ms=self._clock_ms())
            self._tasks[key] = asyncio.get_running_loop().create_task(self._watch(self._names[key]))
        self._names[key].servers.append(server)

    def _leave(self, server: LiveServer, but: Name | None = None) -> None:
        """The server asks for no name any more, except for `but`."""
        for key, name in list(self._names.items()):
            if name is not but and server in name.servers:
                name.servers.remove(server)
                if not name.servers:
                    del self._names[key]
                    self._tasks.pop(key).cancel()

    async def _watch(self, name: Name) -> None:
        section = name.asker.section
        while True:
            try:
                answer = await name.asker.resolve(name.name, name.types)
                self._take(name, answer)
            except Exception as error:
                # An answer that cannot be used must not end the asking.
                asyncio.get_running_loop().call_exception_handler({"message": f"resolver of '{name.name}'", "exception": error})
            await asyncio.sleep(section.resolve_ms / 1000)

    # --- what comes of an answer ---

    def _take(self, name: Name, answer: Answer) -> None:
        now = self._clock_ms()
        hold = name.asker.section.hold_ms
        if answer.status is Status.VALID:
            name.last_valid_ms = now
            if is_service(name.name):
                self._take_services(name, answer.services)
            else:
                name.seen_ms |= dict.fromkeys(answer.addresses, now)
                name.seen_ms = {host: seen for host, seen in name.seen_ms.items() if now - seen <= hold["obsolete"]}
                self._take_addresses(name, list(name.seen_ms), answer.server)
        elif now - name.last_valid_ms >= hold[answer.status.hold]:
            for server in list(name.servers):
                if is_service(name.name) and self._targets.pop(server.index, ""):
                    # Its host may well have an address still: it must not bring the server back.
                    self._leave(server, but=name)
                    self._lose(server, NO_RECORD)
                else:
                    self._lose(server, answer.status.reason)

    def _take_addresses(self, name: Name, hosts: list[str], by: str) -> None:
        """Servers keep an address that is still there; others get one that no server of their backend and name has."""
        taken = {
            (server.proxy.index, self._address_of(server))
            for server in name.servers
            if not server.config.resolution.allows_duplicates
        }
        for place, server in enumerate(list(name.servers)):
            current = self._address_of(server)
            if current in hosts:
                continue
            free = hosts
            if not server.config.resolution.allows_duplicates:
                free = [host for host in hosts if (server.proxy.index, host) not in taken]
            host = next(iter(self._preferred(server, free)), "")
            if not server.config.resolution.allows_duplicates:
                taken.add((server.proxy.index, host))
            if not host:
                if current:
                    self._lose(server, NO_ADDRESS)
                continue
            # haproxy: those behind the first one find it in what it remembers of the answer.
            self._move(server, current, host, "DNS cache" if place else f"{name.asker.section.name}/{by}")
            name.asker.count_update(by)

    def _preferred(self, server: LiveServer, hosts: Iterable[str]) -> list[str]:
        networks = server.config.resolution.networks
        return sorted(hosts, key=lambda host: not any(ip_address(host) in network for network in networks))

    def _address_of(self, server: LiveServer) -> str:
        """The numeric address that the server has, "" for none."""
        state = self._servers.snapshot.server_state(server.index)
        _, address = sockaddr.unpack(state.address)
        return "" if state.admin & ports.ADMIN_RMAINT or isinstance(address, str) else address[0]

    def _move(self, server: LiveServer, old: str, host: str, by: str) -> None:
        self._tell(server, f"{server.path} changed its IP from {old or '(none)'} to {host} by {by}.")
        _, address = sockaddr.unpack(self._servers.snapshot.server_state(server.index).address)
        self._servers.set_address(server, sockaddr.pack(host, int(address[1])), self.name_of(server))
        if not old:
            self._tell(server, f"Server {server.path} administratively READY thanks to valid DNS answer.")

    def _lose(self, server: LiveServer, reason: str) -> None:
        self._servers.set_unresolved(server, reason)

    def _tell(self, server: LiveServer, message: str) -> None:
        self._journal.terminal("warning", message)
        self._journal.proxy(server.proxy.config, fmt.NOTICE, message)

    # --- SRV names: each record is a server ---

    def _take_services(self, name: Name, services: Iterable[Service]) -> None:
        """Servers whose record is gone lose it; records that no server has get one, the weight and the port with them."""
        wanted = {(service.host, service.port): service for service in services}
        free = []
        for server in name.servers:
            service = wanted.pop((self._targets.get(server.index, ""), self._port_of(server)), None)
            if service is not None:
                self._weigh(server, service)
                continue
            if self._targets.pop(server.index, ""):
                self._leave(server, but=name)
                self._lose(server, NO_RECORD)
            free.append(server)
        for server, service in zip(free, wanted.values(), strict=False):
            self._targets[server.index] = service.host
            self._tell(server, f"{server.path} changed its FQDN from (null) to {service.host} by 'SRV record'")
            _, address = sockaddr.unpack(self._servers.snapshot.server_state(server.index).address)
            self._servers.snapshot.set_address(server.index, sockaddr.pack(str(address[0]), service.port))
            self._weigh(server, service)
            self._join(server, service.host)

    def _port_of(self, server: LiveServer) -> int:
        _, address = sockaddr.unpack(self._servers.snapshot.server_state(server.index).address)
        return 0 if isinstance(address, str) else address[1]

    def _weigh(self, server: LiveServer, service: Service) -> None:
        """haproxy: a record's 0..65535 become 0..256, rounded up."""
        if server.config.resolution.ignores_weight:
            return
        weight = min((service.weight + 255) // 256, MAX_SERVICE_WEIGHT)
        if weight != self._servers.snapshot.server_state(server.index).uweight:
            self._servers.set_weight(server, weight)
