"""`add server` and `del server` (management guide, section 9.3).

Knows HAProxy's answers. Must not know how all processes learn of it (control/dynamic_servers.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fastlb.config.diagnostics import printable
from fastlb.config.keywords.balance import is_static
from fastlb.config.values import ValueFault
from fastlb.control.directory import LiveProxy
from fastlb.control.dynamic_servers import DynamicServers
from fastlb.control.logs import format as fmt
from fastlb.control.runtime.command import Command, Level, Refused, Request, Severity

_STATIC = "Backend must use a dynamic load balancing to support dynamic servers."


async def _add(request: Request) -> str:
    path = request.argument(0)
    with _short_answers():
        proxy, name = request.backend_of(path)
    if is_static(proxy.config):
        raise Refused(_STATIC)
    try:
        await _dynamic_servers(request).add(proxy, [name, *request.arguments[1:]])
    except ValueFault as fault:
        request.control.journal.terminal("alert", printable(f"'server {path}' : {fault.message}"))
        raise Refused(f"{fault.message}\n") from None
    _tell(request, proxy, f"'server {path}' : New server registered.")
    return request.told(Severity.INFO, "New server registered.\n")


async def _delete(request: Request) -> str:
    with _short_answers():
        server = request.server()
    try:
        await _dynamic_servers(request).remove(server)
    except ValueFault as fault:
        raise Refused(fault.message) from None
    _tell(request, server.proxy, f"'server {server.path}' : Server deleted.")
    return request.told(Severity.INFO, "Server deleted.")


@contextlib.contextmanager
def _short_answers() -> Iterator[None]:
    """haproxy: these two commands say the same as others, without the empty line behind it."""
    try:
        yield
    except Refused as refusal:
        raise Refused(str(refusal).rstrip("\n")) from None


def _dynamic_servers(request: Request) -> DynamicServers:
    if request.control.dynamic_servers is None:
        raise Refused("Servers cannot be added or deleted here.")
    return request.control.dynamic_servers


def _tell(request: Request, proxy: LiveProxy, message: str) -> None:
    """In the logs too: who looks for a server that is not in the configuration finds where it came from."""
    request.control.journal.terminal("notice", message)
    request.control.journal.proxy(proxy.config, fmt.NOTICE, message)


COMMANDS = (
    Command(("add", "server"), _add, "create a new server", "<bk>/<srv> <addr> [<option> ...]", Level.ADMIN),
    Command(("del", "server"), _delete, "remove a server that is in maintenance", "<bk>/<srv>", Level.ADMIN),
)
