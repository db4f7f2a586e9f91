"""Commands that change or tell one server: state, health, weight, address, maxconn, its checks.

Knows the words of HAProxy's `set server` (management guide, section 9.3). Must not know how a change is carried out:
`servers.Servers` does that, with its log lines.
"""

from __future__ import annotations

import re

from fastlb.config.keywords.balance import is_static
from fastlb.control import ports, sockaddr
from fastlb.control.directory import LiveServer
from fastlb.control.runtime.agents import set_agent, set_agent_address, set_agent_port, set_agent_send
from fastlb.control.runtime.command import Command, Level, Refused, Request, Severity
from fastlb.control.runtime.resolvers import set_fqdn
from fastlb.control.runtime.words import address_and_port, numeric, port_from

_USAGE = (
    "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | fqdn | "
    "health | maxconn | state | weight\n"
)
_MAX_WEIGHT = 256


def _disable_server(request: Request) -> str:
    request.control.servers.set_maint(request.server())
    return ""


def _enable_server(request: Request) -> str:
    server = request.server()
    # haproxy: this leaves maintenance only; a forced drain stays until `set server ... state ready`.
    if request.control.snapshot.server_state(server.index).admin & ports.ADMIN_MAINT:
        request.control.servers.set_ready(server)
    return ""


def _set_server(request: Request) -> str:
    server = request.server()
    kind = _SETTINGS.get(request.argument(1))
    if kind is None:
        raise Refused(_USAGE)
    return kind(request, server)


def _set_state(request: Request, server: LiveServer) -> str:
    servers = request.control.servers
    changes = {"ready": servers.set_ready, "drain": servers.set_drain, "maint": servers.set_maint}
    change = changes.get(request.argument(2))
    if change is None:
        raise Refused("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n")
    change(server)
    return ""


def _set_health(request: Request, server: LiveServer) -> str:
    if server.tracked is not None:
        raise Refused("cannot change health on a tracking server.\n")
    if not request.control.servers.force_health(server, request.argument(2), ", changed from CLI"):
        raise Refused("'set server <srv> health' expects 'up', 'stopping', or 'down'.\n")
    return ""


def weight_from(text: str, initial: int) -> int:
    """The weight that `text` asks for: 0..256, or a percentage of the initial weight. Raises Refused."""
    if not text:
        raise Refused("Require <weight> or <weight%>.\n")
    match = re.match(r"-?\d+", text)
    if match is None:
        raise Refused("Empty weight string empty or preceded by garbage")
    number, rest = int(match[0]), text[match.end() :]
    if rest == "%":
        if number < 0:
            raise Refused("Relative weight must be positive.\n")
        number = min(initial * number // 100, _MAX_WEIGHT)
    elif rest:
        raise Refused("Trailing garbage in weight string")
    if not 0 <= number <= _MAX_WEIGHT:
        raise Refused("Absolute weight can only be between 0 and 256 inclusive.\n")
    return number


def _set_weight(request: Request, server: LiveServer) -> str:
    return _change_weight(request, server, request.argument(2))


def _set_weight_alone(request: Request) -> str:
    return _change_weight(request, request.server(), request.argument(1))


def _change_weight(request: Request, server: LiveServer, text: str) -> str:
    initial = request.control.snapshot.server_state(server.index).iweight
    weight = weight_from(text, initial)
    if is_static(server.proxy.config) and weight not in (0, initial):
        raise Refused("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n")
    request.control.servers.set_weight(server, weight)
    return ""


def _get_weight(request: Request) -> str:
    state = request.control.snapshot.server_state(request.server().index)
    return f"{state.uweight} (initial {state.iweight})\n"


def _set_address(request: Request, server: LiveServer) -> str:
    """`addr IP [port PORT]`; answers what changed, as HAProxy does."""
    by = " by 'stats socket command'"
    host, wants_port, port_text = request.argument(2), request.argument(3) == "port", request.argument(4)
    if not host:
        raise Refused("set server <b>/<s> addr requires an address and optionally a port.\n")
    old = request.control.snapshot.server_state(server.index).address
    family, address = sockaddr.unpack(old)
    if isinstance(address, str):
        raise Refused(f"Can't change the address of a server on a unix socket{by}\n")
    old_host, old_port = address
    new_host = numeric(host)
    if new_host is None:
        raise Refused(f"Invalid addr '{host}'{by}\n")
    if sockaddr.family_of(new_host) != family:
        raise Refused(f"Can't change the address family of a running server, a reload can{by}\n")
    told = [f"IP changed from '{old_host}' to '{new_host}'" if new_host != old_host else "no need to change the addr"]
    new_port = old_port
    if wants_port:
        if not port_text.isdigit() or not 1 <= int(port_text) <= 65535:
            raise Refused(f"{told[0]}, problem converting port '{port_text}' to an int{by}\n")
        new_port = int(port_text)
        told.append(f"port changed from '{old_port}' to '{new_port}'" if new_port != old_port else "no need to change the port")
    if (new_host, new_port) != (old_host, old_port):
        request.control.servers.set_address(server, sockaddr.pack(new_host, new_port))
    return request.told(Severity.WARNING, f"{', '.join(told)}{by}\n")


def _set_check_address(request: Request, server: LiveServer) -> str:
    """`check-addr IP [port PORT]`."""
    if not request.argument(2):
        raise Refused("set server <b>/<s> check-addr requires an address and optionally a port.\n")
    _require_checks(request, server)
    host, port = address_and_port(request)
    request.control.snapshot.set_destinations(server.index, check_host=host, check_port=port)
    return ""


def _set_check_port(request: Request, server: LiveServer) -> str:
    if not request.argument(2):
        raise Refused("set server <b>/<s> check-port requires a port.\n")
    _require_checks(request, server)
    request.control.snapshot.set_destinations(server.index, check_port=port_from(request.argument(2)))
    return ""


def _require_checks(request: Request, server: LiveServer) -> None:
    if not request.control.snapshot.server_state(server.index).check_flags & ports.CHECK_ENABLED:
        raise Refused("health checks are not enabled on this server")


def _set_maxconn(request: Request, server: LiveServer) -> str:
    return change_maxconn(request, server, request.argument(2))


def change_maxconn(request: Request, server: LiveServer, text: str) -> str:
    """`maxconn` of a server; 0 means no limit. Raises Refused."""
    if not text:
        raise Refused("Require <maxconn>.\n")
    match = re.match(r"-?\d+", text)
    if match is None:
        raise Refused("maxconn string empty or preceded by garbage")
    if match.end() != len(text):
        raise Refused("Trailing garbage in maxconn string")
    if int(text) < 0 or int(text) > 2**31 - 1:
        raise Refused("Invalid maxconn value.\n")
    request.control.snapshot.set_maxconn(server.index, int(text))
    return ""


def _disable_health(request: Request) -> str:
    request.control.checks.set_enabled(request.server(), False)
    return ""


def _enable_health(request: Request) -> str:
    if not request.control.checks.set_enabled(request.server(), True):
        raise Refused("Health check was not configured on this server, cannot enable.\n")
    return ""


_SETTINGS = {
    "addr": _set_address,
    "agent": set_agent,
    "agent-addr": set_agent_address,
    "agent-port": set_agent_port,
    "agent-send": set_agent_send,
    "check-addr": _set_check_address,
    "check-port": _set_check_port,
    "fqdn": set_fqdn,
    "health": _set_health,
    "maxconn": _set_maxconn,
    "state": _set_state,
    "weight": _set_weight,
}

COMMANDS = (
    Command(("disable", "health"), _disable_health, "stop checking a server", "<bk>/<srv>", Level.ADMIN),
    Command(("disable", "server"), _disable_server, "put a server into maintenance", "<bk>/<srv>", Level.ADMIN),
    Command(("enable", "health"), _enable_health, "check a server again", "<bk>/<srv>", Level.ADMIN),
    Command(("enable", "server"), _enable_server, "take a server out of maintenance", "<bk>/<srv>", Level.ADMIN),
    Command(("get", "weight"), _get_weight, "tell a server's weight and its initial one", "<bk>/<srv>"),
    Command(("set", "server"), _set_server, "change state, health, weight, address or maxconn", "<bk>/<srv> [opts]", Level.ADMIN),
    Command(("set", "weight"), _set_weight_alone, "change a server's weight", "<bk>/<srv> <weight>", Level.ADMIN),
)
