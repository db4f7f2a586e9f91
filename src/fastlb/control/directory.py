"""Who is who: the configuration's proxies, servers and listeners joined with their indexes in the program.

Knows names, ids and how a command names an object. Must not know live state: that is read from the snapshot, by index.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastlb.config import model
from fastlb.control.ports import Program


@dataclass(slots=True, eq=False)
class LiveServer:
    """One server of a backend. `index` is its place in the program, `id` HAProxy's sid.

    agent_send: what commands have its agent asked, until control starts again; None: what the configuration says.
    is_added: by a command. tracked: the server that it follows (`track`). trackers: those that follow it, in haproxy's order: the
    last ones first.
    """

    index: int
    id: int
    name: str
    proxy: LiveProxy
    config: model.Server
    agent_send: str | None = None
    tracked: LiveServer | None = None
    trackers: list[LiveServer] = field(default_factory=list)
    is_added: bool = False

    @property
    def judge(self) -> LiveServer:
        """The server whose checks decide: the last one of the chain that this one tracks, or itself."""
        server = self
        while server.tracked is not None:
            server = server.tracked
        return server

    @property
    def path(self) -> str:
        return f"{self.proxy.name}/{self.name}"


@dataclass(slots=True, eq=False)
class LiveListener:
    """One bind address of a frontend."""

    index: int
    id: int
    name: str
    proxy: LiveProxy
    config: model.Bind | None


@dataclass(slots=True, eq=False)
class LiveProxy:
    """A frontend, a backend or both. `id` is HAProxy's iid."""

    index: int
    id: int
    name: str
    is_frontend: bool
    is_backend: bool
    is_http: bool
    config: model.Proxy
    servers: list[LiveServer] = field(default_factory=list)
    listeners: list[LiveListener] = field(default_factory=list)


class Directory:
    """All proxies in the order of the configuration, and lookups by what a command or a request says."""

    def __init__(self, configuration: model.Configuration, program: Program) -> None:
        self.configuration = configuration
        self.program = program
        self.proxies: list[LiveProxy] = []
        self.by_index: dict[int, LiveProxy] = {}
        self.servers: dict[int, LiveServer] = {}
        for entry in program.proxies:
            config = _section(configuration, entry.name, entry.is_frontend, entry.is_backend)
            if config is None:
                continue
            proxy = LiveProxy(entry.index, entry.id, entry.name, entry.is_frontend, entry.is_backend, entry.is_http, config)
            self.proxies.append(proxy)
            self.by_index[entry.index] = proxy
        self._join_servers(program)
        self._join_tracks()
        self._join_listeners(program)

    def _join_servers(self, program: Program) -> None:
        for entry in program.servers:
            proxy = self.by_index.get(entry.proxy)
            if proxy is None or entry.is_internal:
                continue
            config = next((server for server in proxy.config.servers if server.name == entry.name), None)
            if config is not None:
                server = LiveServer(entry.index, entry.id, entry.name, proxy, config)
                proxy.servers.append(server)
                self.servers[entry.index] = server

    def _join_tracks(self) -> None:
        by_path = {server.path: server for server in reversed(self.servers.values())}
        for server in reversed(self.servers.values()):
            server.tracked = by_path.get(server.config.track)
            if server.tracked is not None:
                server.tracked.trackers.append(server)

    def _join_listeners(self, program: Program) -> None:
        for entry in program.listeners:
            proxy = self.by_index.get(entry.proxy)
            if proxy is None:
                continue
            config = proxy.config.binds[entry.bind] if entry.bind < len(proxy.config.binds) else None
            proxy.listeners.append(LiveListener(entry.index, entry.id, entry.name, proxy, config))

    def add_server(
        self, index: int, id: int, proxy: LiveProxy, config: model.Server, tracked: LiveServer | None = None
    ) -> LiveServer:
        """A server that a command has added, behind the others of its backend."""
        server = LiveServer(index, id, config.name, proxy, config, tracked=tracked, is_added=True)
        proxy.servers.append(server)
        self.servers[index] = server
        if tracked is not None:
            tracked.trackers.insert(0, server)
        return server

    def remove_server(self, server: LiveServer) -> None:
        """A server that nobody tracks is gone."""
        server.proxy.servers.remove(server)
        del self.servers[server.index]
        if server.tracked is not None:
            server.tracked.trackers.remove(server)

    def frontend(self, name: str) -> LiveProxy | None:
        """The frontend of that name, or with that id where the name is `#ID` or a number (manual, section 9.3)."""
        return next((proxy for proxy in self.proxies if proxy.is_frontend and _is_called(proxy, name)), None)

    def backend(self, name: str) -> LiveProxy | None:
        """The backend of that name or id."""
        return next((proxy for proxy in self.proxies if proxy.is_backend and _is_called(proxy, name)), None)

    def server(self, backend: LiveProxy, name: str) -> LiveServer | None:
        """The server of that name or id in the backend."""
        return next((server for server in backend.servers if _is_called(server, name)), None)


def _section(configuration: model.Configuration, name: str, is_frontend: bool, is_backend: bool) -> model.Proxy | None:
    for section in configuration.proxies:
        if section.name == name and section.has_frontend == is_frontend and section.has_backend == is_backend:
            return section
    return None


def _is_called(thing: LiveProxy | LiveServer, name: str) -> bool:
    if thing.name == name:
        return True
    return name.startswith("#") and name[1:].isdigit() and thing.id == int(name[1:])
