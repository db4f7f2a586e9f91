"""A server that comes while the program runs, as the plain values that every process lays it out from.

Knows how a server of the configuration is compiled, and that nothing can be added to the running program any more: an expression
stands for itself. Must not know who is told (control/dynamic_servers.py).
"""

from __future__ import annotations

from typing import Any

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.dynamic import refers

from fastlb.config.model import Configuration, Proxy, Server

from .failure import CompileError
from .links import link_values
from .rules import RuleCompiler
from .servers import server_arguments
from .tls import server_values

_REFERS = "expressions with variables, maps, lists, tables, proxies or servers are not supported by fastlb for dynamic servers."


def compile_server(configuration: Configuration, px: Proxy, srv: Server, number: int) -> dict[str, Any]:
    """What DynamicServers.learn takes as "server", "tls" and "link". number: its id. Raises ValueError with the reason."""
    rules = RuleCompiler(ProgramBuilder(n_workers=1), configuration, {}, {})
    try:
        sni = rules.at(srv.location, px).expression(srv.tls.sni) if srv.tls.sni is not None else None
        link = link_values(px, srv, rules)
    except (CompileError, KeyError, OSError):
        # A map that would be read, a proxy that this builder does not have.
        raise ValueError(_REFERS) from None
    if refers([sni, *(link or {}).values()]):
        raise ValueError(_REFERS)
    return {
        "server": server_arguments(px, srv, number),
        "tls": server_values(srv, configuration.global_, sni),
        "link": link,
    }
