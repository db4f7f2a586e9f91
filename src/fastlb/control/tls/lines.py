"""Bind and server lines with TLS as the workers have them, and how they get to what the model says now.

Knows which contexts are alike and what a worker must be told. Must not know what a change is (material.py) or commands.

    make ... make     each new context is made in every worker, between two turns of its loop, and held there
    switch            all lines at once; what one worker cannot make is made by none: `forget`
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fastlb.compile.tls import certificate_values, line_identity, server_values
from fastlb.config.model import Bind, Global
from fastlb.config.tls_model import BindTls, Certificate, ServerTls
from fastlb.control.directory import Directory, LiveServer
from fastlb.control.messages import MessageError, MessageHub
from fastlb.control.tls.wire import packed

_TICKET_SECRET = 80  # bytes, as SSL_CTX_set_tlsext_ticket_keys takes them
_SHOWN = ("names", "excluded", "is_default")
_MAKE_TIMEOUT_S = 30.0
Values = dict[str, Any]


class CannotMake(Exception):
    """libssl refuses; the text is its reason."""


@dataclass(slots=True)
class Made:
    """A context that the workers have, or are about to. id: those below the number of configured ones are the master's."""

    id: int
    values: Values
    shown: Values
    certificate: Certificate | None = None


@dataclass(slots=True)
class BindLine:
    listener: int
    bind: Bind
    n_configured: int
    made: list[Made]
    has_changed: bool = False


@dataclass(slots=True)
class ServerLine:
    server: LiveServer
    made: Made
    has_changed: bool = False


class Lines:
    """All lines with `ssl`. ids of new contexts are never used again, not by a control process that is started later either."""

    def __init__(self, directory: Directory, glob: Global, hub: MessageHub, first_id: int) -> None:
        self._glob = glob
        self._hub = hub
        self._ids = itertools.count(first_id)
        self.binds: list[BindLine] = []
        self.servers: list[ServerLine] = []
        seen: set[int] = set()
        for proxy in directory.proxies:
            for listener in proxy.listeners:
                bind = listener.config
                if bind is None or not bind.tls.enabled or id(bind) in seen:
                    continue
                seen.add(id(bind))
                made = [self._certificate(at, each, bind.tls) for at, each in enumerate(bind.tls.certificates)]
                self.binds.append(BindLine(listener.index, bind, len(made), made))
            for server in proxy.servers:
                self.add_server(server)

    def add_server(self, server: LiveServer) -> None:
        """A server that the workers have, with TLS or without."""
        if server.config.tls.enabled:
            self.servers.append(ServerLine(server, Made(0, self._server_values(server, server.config.tls), {})))

    def remove_server(self, server: LiveServer) -> None:
        self.servers = [line for line in self.servers if line.server is not server]

    def _certificate(self, number: int, certificate: Certificate, tls: BindTls) -> Made:
        values = certificate_values(certificate, tls, self._glob.tls)
        return Made(number, values, {name: values.pop(name) for name in _SHOWN}, certificate)

    def _server_values(self, server: LiveServer, tls: ServerTls) -> Values:
        values = server_values(replace(server.config, tls=tls), self._glob)
        assert values is not None
        del values["sni"]  # an expression belongs to the program: the line keeps its own
        return values

    # -- plans

    def bind_plan(self, line: BindLine, tls: BindTls) -> list[Made]:
        """The contexts that the line will have; those that stay keep their ids."""
        by_certificate = {id(made.certificate): made for made in line.made}
        plan: list[Made] = []
        for at, certificate in enumerate(tls.certificates):
            fresh = self._certificate(-1, certificate, tls)
            old = by_certificate.get(id(certificate)) or (line.made[at] if at < len(line.made) else None)
            is_same = old is not None and _alike(old.values, fresh.values)
            plan.append(replace(fresh, id=old.id if is_same and old is not None else next(self._ids)))
        return plan

    def server_plan(self, line: ServerLine, tls: ServerTls) -> Made:
        values = self._server_values(line.server, tls)
        return line.made if values == line.made.values else Made(next(self._ids), values, {})

    # -- workers

    async def make(
        self, workers: list[int], binds: list[tuple[BindLine, list[Made]]], servers: list[tuple[ServerLine, Made]]
    ) -> None:
        """Makes what these workers do not have yet; raises CannotMake where one refuses, after all have forgotten it."""
        for message in self._makes(binds, servers):
            answers = await asyncio.gather(*(self._request(worker, "tls-make", message) for worker in workers))
            fault = next((answer["fault"] for answer in answers if answer.get("fault")), "")
            if fault:
                for worker in workers:
                    self._hub.tell(worker, "tls-forget")
                raise CannotMake(fault)

    def _makes(self, binds: list[tuple[BindLine, list[Made]]], servers: list[tuple[ServerLine, Made]]) -> Iterator[Values]:
        for line, plan in binds:
            known = {made.id for made in line.made}
            for made in plan:
                if made.id not in known:
                    yield self.bind_message(line, made)
        for server_line, made in servers:
            if made.id != server_line.made.id:
                yield {"server": server_line.server.index, "id": made.id, "values": packed(made.values)}

    @staticmethod
    def bind_message(line: BindLine, made: Made) -> Values:
        """What makes a certificate's context. The secret of its tickets is the same in all workers, and no older one's."""
        settings = made.values["settings"]
        if "ticket_secret" not in settings:
            settings["ticket_secret"] = secrets.token_bytes(_TICKET_SECRET)
        identity = packed(line_identity(line.bind))
        return {"listener": line.listener, "id": made.id, "identity": identity, "values": packed(made.values)}

    async def _request(self, worker: int, command: str, message: Values) -> Values:
        """A worker that went away is greeted with everything when it is back."""
        try:
            return await self._hub.request(worker, command, timeout_s=_MAKE_TIMEOUT_S, **message)
        except MessageError:
            return {}

    async def switch(self, workers: list[int], journal: list[Any], lines: list[BindLine], servers: list[ServerLine]) -> None:
        """Makes these workers use what the lines say. journal: what they keep for a control process that is started anew."""
        message = {
            "binds": [[line.listener, [{"id": made.id, **packed(made.shown)} for made in line.made]] for line in lines],
            "servers": [[line.server.index, line.made.id] for line in servers],
            "keys": [
                [line.listener, packed(line.bind.tls.ticket_keys[-3:])]
                for line in lines
                if line.bind.tls.ticket_file and line.made
            ],
            "journal": journal,
        }
        await asyncio.gather(*(self._switch(worker, message) for worker in workers))

    async def _switch(self, worker: int, message: Values) -> None:
        """A worker that cannot has missed something, or is stuck: it shall come back and learn all of it."""
        try:
            await self._hub.request(worker, "tls-switch", timeout_s=_MAKE_TIMEOUT_S, **message)
        except MessageError:
            self._hub.drop(worker)

    async def teach(self, worker: int, journal: list[Any]) -> None:
        """Brings a worker that knows the configuration only to where the others are."""
        binds = [line for line in self.binds if line.has_changed]
        servers = [line for line in self.servers if line.has_changed]
        for line in binds:
            for made in line.made:
                if made.id >= line.n_configured:
                    await self._request(worker, "tls-make", self.bind_message(line, made))
        for server_line in servers:
            message = {"server": server_line.server.index, "id": server_line.made.id, "values": packed(server_line.made.values)}
            await self._request(worker, "tls-make", message)
        if binds or servers or journal:
            await self.switch([worker], journal, binds, servers)


def _alike(old: Values, new: Values) -> bool:
    """Whether the context can stay. Keys of tickets are changed in place."""
    volatile = ("ticket_keys", "ticket_secret")
    bare = [{name: value for name, value in each["settings"].items() if name not in volatile} for each in (old, new)]
    return bare[0] == bare[1] and {**old, "settings": 0} == {**new, "settings": 0}
