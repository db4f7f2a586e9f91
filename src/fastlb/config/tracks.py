"""`track`: which server each one follows, once all files are read (manual, section 5.2 "track").

Knows HAProxy's rules: the tracked server exists, is checked or tracks another one itself, and no chain comes back to where it
began. Must not know what following means (control/servers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .diagnostics import nearest
from .model import Proxy, Server

Report = Callable[[Server, str, str, str], None]


class Tracks:
    """The servers by their names, and what they track."""

    def __init__(self, proxies: Sequence[Proxy]) -> None:
        self._servers = {px.name: (px, {srv.name: srv for srv in reversed(px.servers)}) for px in proxies if px.has_backend}
        self._targets: dict[int, Server] = {}

    def check(self, px: Proxy, report: Report) -> None:
        """Finds what the servers of the proxy track. report: called with a server, a code, HAProxy's message and a hint."""
        for srv in px.servers:
            if srv.track:
                self.check_one(px, srv, report)

    def check_one(self, px: Proxy, srv: Server, report: Report) -> None:
        """The same for one server, which need not be among the proxy's yet."""
        fault = self._fault(px, srv)
        if fault:
            report(srv, *fault)

    def _fault(self, px: Proxy, srv: Server) -> tuple[str, str, str] | None:
        name, _, server_name = srv.track.rpartition("/")
        if (name or px.name) not in self._servers:
            guess = nearest(name, self._servers)
            message = f"unable to find required proxy '{name}' for tracking."
            return "unknown-backend", message, f"did you mean '{guess}'?" if guess else ""
        owner, servers = self._servers[name or px.name]
        target = servers.get(server_name)
        if target is None:
            guess = nearest(server_name, servers)
            message = f"unable to find required server '{server_name}' for tracking."
            return "unknown-server", message, f"did you mean '{guess}'?" if guess else ""
        path = f"{owner.name}/{target.name}"
        if not (target.check or target.agent_check or target.track):
            message = f"unable to use {path} for tracking as it does not have any check nor agent enabled."
            return "unchecked-server", message, f"add 'check' to server {path}"
        if any(one is srv for one in self._chain(target)):
            message = f"unable to track {path} as it belongs to a tracking chain looping back to {px.name}/{srv.name}."
            return "track-loop", message, ""
        if px.check.disables_on_404 != owner.check.disables_on_404:
            message = f"unable to use {path} for tracking: disable-on-404 option inconsistency."
            return "track-mismatch", message, "both proxies need 'http-check disable-on-404', or neither"
        srv.track = path
        self._targets[id(srv)] = target
        return None

    def _chain(self, srv: Server) -> Iterator[Server]:
        """The server and those that it follows, as far as they are known by now."""
        yield srv
        while id(srv) in self._targets:
            srv = self._targets[id(srv)]
            yield srv
