"""Commands that change limits and frontends: maxconn of anything, rates, counters, enable and disable frontend.

Knows HAProxy's answers. Must not know how the workers learn of a change: the snapshot sees to that.
"""

from __future__ import annotations

import re

from fastlb.control import ports
from fastlb.control.logs import format as fmt
from fastlb.control.runtime.command import Command, Level, Refused, Request
from fastlb.control.runtime.process import shut_listeners
from fastlb.control.runtime.server import change_maxconn


def _number(text: str) -> int:
    """The number a text begins with, 0 where it begins with none (haproxy: atol)."""
    match = re.match(r"[ \t]*[+-]?\d+", text)
    return int(match[0]) if match else 0


def _set_maxconn_server(request: Request) -> str:
    return change_maxconn(request, request.server(), request.argument(1))


def _set_maxconn_frontend(request: Request) -> str:
    frontend = request.frontend()
    if not request.argument(1):
        raise Refused("Integer value expected.\n")
    value = _number(request.argument(1))
    if value < 0 or value > 2**31 - 1:
        raise Refused("Value out of range.\n")
    request.control.snapshot.set_frontend_maxconn(frontend.index, value)
    return ""


_RATES = {"connections": "conn_rate", "sessions": "sess_rate", "ssl-sessions": "tls_rate", "http-compression": "comp_rate"}
_RATES_HELP = """'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s
"""


def _set_rate_limit(request: Request) -> str:
    field = _RATES.get(request.argument(0))
    if field is None or request.argument(1) != "global":
        raise Refused(_RATES_HELP)
    if not request.argument(2):
        raise Refused("Expects an integer value.\n")
    value = _number(request.argument(2))
    if value < 0 or value > 2**31 - 1:
        raise Refused("Value out of range.\n")
    if field == "comp_rate":
        # haproxy: a product beyond 32 bits wraps, so that a high limit becomes a low one.
        value = min(value * 1024, 2**32 - 1)
    request.control.snapshot.set_rate_limits(**{field: value})
    return ""


def _set_maxconn_global(request: Request) -> str:
    if not request.argument(0):
        raise Refused("Expects an integer value.\n")
    value = _number(request.argument(0))
    hard_limit = request.control.hard_maxconn
    if value < 0 or value > hard_limit:
        raise Refused("Value out of range.\n")
    # haproxy: 0 means the limit that the process was started with.
    request.control.snapshot.set_global_maxconn(value or hard_limit)
    return ""


def _disable_frontend(request: Request) -> str:
    frontend = request.frontend()
    state = request.control.snapshot.proxy_state(frontend.index).fe_state
    if state == ports.FRONTEND_STOPPED:
        raise Refused("Frontend was previously shut down, cannot disable.\n")
    if state == ports.FRONTEND_PAUSED:
        raise Refused("All sockets are already disabled.\n")
    request.control.snapshot.set_frontend_state(frontend.index, ports.FRONTEND_PAUSED)
    _tell(request, f"Paused frontend {frontend.name}.", frontend.index)
    return ""


def _enable_frontend(request: Request) -> str:
    frontend = request.frontend()
    state = request.control.snapshot.proxy_state(frontend.index).fe_state
    if state == ports.FRONTEND_STOPPED:
        raise Refused("Frontend was previously shut down, cannot enable.\n")
    if state == ports.FRONTEND_RUN:
        raise Refused("All sockets are already enabled.\n")
    request.control.snapshot.set_frontend_state(frontend.index, ports.FRONTEND_RUN)
    _tell(request, f"Resumed frontend {frontend.name}.", frontend.index)
    return ""


async def _shutdown_frontend(request: Request) -> str:
    frontend = request.frontend()
    if request.control.snapshot.proxy_state(frontend.index).fe_state == ports.FRONTEND_STOPPED:
        raise Refused("Frontend was already shut down.\n")
    request.control.snapshot.set_frontend_state(frontend.index, ports.FRONTEND_STOPPED)
    await shut_listeners(request, frontend.name)
    frontends = request.control.snapshot.counters("frontend", frontend.index).cum_conn
    backends = request.control.snapshot.counters("backend", frontend.index).cum_sess if frontend.is_backend else 0
    _tell(request, f"Proxy {frontend.name} stopped (cumulated conns: FE: {frontends}, BE: {backends}).", frontend.index)
    return ""


def _tell(request: Request, message: str, proxy: int) -> None:
    request.control.journal.terminal("warning", message)
    request.control.journal.proxy(request.control.directory.by_index[proxy].config, fmt.WARNING, message)


def _clear_counters(request: Request) -> str:
    """Maxima, or with `all` everything; an operator may not clear everything (management guide, "clear counters")."""
    everything = request.argument(0) == "all"
    if everything and request.session.level < Level.ADMIN:
        raise Refused("Permission denied\n")
    request.control.snapshot.clear_counters(everything)
    return ""


COMMANDS = (
    Command(("clear", "counters"), _clear_counters, "reset the maxima, or with 'all' every counter", "[all]", Level.OPERATOR),
    Command(("disable", "frontend"), _disable_frontend, "stop accepting on a frontend for a while", "<frontend>", Level.ADMIN),
    Command(("enable", "frontend"), _enable_frontend, "accept on a frontend again", "<frontend>", Level.ADMIN),
    Command(("set", "maxconn", "frontend"), _set_maxconn_frontend, "change a frontend's maxconn", "<frontend> <n>", Level.ADMIN),
    Command(("set", "maxconn", "global"), _set_maxconn_global, "change the program's maxconn", "<n>", Level.ADMIN),
    Command(("set", "rate-limit"), _set_rate_limit, "change a rate of the program", "<what> global <n>", Level.ADMIN),
    Command(("shutdown", "frontend"), _shutdown_frontend, "stop a frontend for good", "<frontend>", Level.ADMIN),
    Command(("set", "maxconn", "server"), _set_maxconn_server, "change a server's maxconn", "<bk>/<srv> <n>", Level.ADMIN),
)
