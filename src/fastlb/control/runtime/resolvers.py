"""`show resolvers` and `set server ... fqdn` (management guide, section 9.3).

Knows HAProxy's words. Must not know how names are asked for.
"""

from __future__ import annotations

from fastlb.control.directory import LiveServer
from fastlb.control.resolvers.question import Asker
from fastlb.control.runtime.command import Command, Level, Refused, Request


def set_fqdn(request: Request, server: LiveServer) -> str:
    """Another name to ask for. Only of a server with `resolvers`: no other one is ever asked for again."""
    host = request.argument(2)
    if not host:
        raise Refused("set server <b>/<s> fqdn requires a FQDN.\n")
    if not server.config.resolution.resolvers:
        raise Refused("set server <b>/<s> fqdn failed because no resolution is configured.\n")
    resolvers = request.control.resolvers
    old = resolvers.name_of(server)
    if old == host:
        raise Refused(f"no need to change the FDQN by '{_WHO}'.\n")
    resolvers.rename(server, host, _WHO)
    return f"{server.path} changed its FQDN from {old or '(null)'} to {host} by '{_WHO}'\n"


def _show_resolvers(request: Request) -> str:
    sections = request.control.resolvers.sections
    wanted = request.argument(0)
    if wanted and wanted not in sections:
        raise Refused("Can't find that resolvers section\n")
    return "".join(_section(name, asker) for name, asker in sections.items() if not wanted or name == wanted)


def _section(name: str, asker: Asker) -> str:
    lines = [f"Resolvers section {name}\n"]
    for server in asker.servers:
        lines.append(f" nameserver {server.config.name}:\n")
        lines += [f"  {counter + ':':<13}{value}\n" for counter, value in server.counters.items()]
    return "".join(lines)


_WHO = "stats socket command"
COMMANDS = (Command(("show", "resolvers"), _show_resolvers, "dump counters of name servers", "[<id>]", Level.OPERATOR),)
