"""Commands that list things: backends, server states and connections, the environment, sockets, version.

Knows HAProxy's columns (management guide, section 9.3). Must not know how states change.
"""

from __future__ import annotations

import os

from fastlb.config.keywords.server_resolution import is_service
from fastlb.control import ports, sockaddr
from fastlb.control.checks.status import RESULT_UNKNOWN, known, result_number
from fastlb.control.directory import LiveProxy, LiveServer
from fastlb.control.hub import clock_ms
from fastlb.control.runtime.command import Command, Level, Refused, Request, Severity
from fastlb.control.version import VERSION

_STATE_COLUMNS = (
    *("be_id", "be_name", "srv_id", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state", "srv_uweight", "srv_iweight"),
    *("srv_time_since_last_change", "srv_check_status", "srv_check_result", "srv_check_health", "srv_check_state"),
    *("srv_agent_state", "bk_f_forced_id", "srv_f_forced_id", "srv_fqdn", "srv_port", "srvrecord", "srv_use_ssl"),
    *("srv_check_port", "srv_check_addr", "srv_agent_addr", "srv_agent_port"),
)


def _show_version(request: Request) -> str:
    return request.told(Severity.INFO, f"{VERSION}\n")


def _show_backend(request: Request) -> str:
    return "# name\n" + "".join(f"{proxy.name}\n" for proxy in request.control.directory.proxies if proxy.is_backend)


def _show_env(request: Request) -> str:
    wanted = request.argument(0)
    if not wanted:
        return "".join(f"{name}={value}\n" for name, value in os.environ.items())
    if wanted not in os.environ:
        raise Refused("Variable not found\n")
    return f"{wanted}={os.environ[wanted]}\n"


def _show_cli_sockets(request: Request) -> str:
    lines = ["# socket lvl processes\n"]
    for stats_socket in request.control.configuration.global_.stats_sockets:
        address = stats_socket.address
        name = {"unix": f"unix@{address.host}", "abns": f"abns@{address.host}", "fd": f"fd@{address.fd}"}.get(address.family)
        lines.append(f"{name or f'{address.family}@{address.host}:{address.port}'} {stats_socket.level} all\n")
    return "".join(lines)


def _backends(request: Request) -> list[LiveProxy]:
    wanted = request.argument(0)
    if not wanted:
        return [proxy for proxy in request.control.directory.proxies if proxy.is_backend]
    backend = request.control.directory.backend(wanted)
    if backend is None:
        raise Refused("Can't find backend.\n")
    return [backend]


def _show_servers_state(request: Request) -> str:
    now = clock_ms()
    lines = ["1\n", f"# {' '.join(_STATE_COLUMNS)}\n"]
    for backend in _backends(request):
        lines += [_state_line(request, server, now) for server in backend.servers]
    return "".join(lines)


# An agent's flags: configured, like a check's, and that it is one.
_AGENT = ports.CHECK_CONFIGURED | 16


def _state_line(request: Request, server: LiveServer, now: int) -> str:
    state = request.control.snapshot.server_state(server.index)
    host, port = _host_and_port(state.address)
    config = server.config
    # A server whose name gave no address starts disabled too; that is no word of the configuration.
    is_disabled = config.disabled and bool(config.address.host or not config.address.name)
    status = known(state.check_status)
    is_running = state.check_flags & ports.CHECK_INPROGRESS
    check_port = config.check_port or (config.check_address.port if config.check_address else 0)
    check_host = (config.check_address.host if config.check_address else "") or "-"
    agent_state = _AGENT if server.index in request.control.servers.agents else 0
    agent_state |= ports.CHECK_ENABLED if request.control.agents.is_enabled(server) else 0
    values = (
        *(server.proxy.id, server.proxy.name, server.id, server.name, host, state.state, admin_shown(state, is_disabled)),
        *(state.uweight, state.iweight, (now - state.last_change_ms) // 1000, int(status)),
        *(RESULT_UNKNOWN if is_running else result_number(status), state.health, state.check_flags, agent_state),
        *(int(server.proxy.config.id is not None), int(config.id is not None), *_names(request, server, port)),
        *(int(config.tls.enabled), state.check_port or check_port, state.check_host or check_host),
        *(state.agent_host or config.agent_address or check_host, state.agent_port or config.agent_port or check_port),
    )
    return " ".join(str(value) for value in values) + "\n"


def _names(request: Request, server: LiveServer, port: int) -> tuple[str, int, str]:
    """Host name, port and SRV name; a server without a record of its SRV name has neither of the others."""
    name, configured = request.control.resolvers.name_of(server), server.config.address.name
    return (name or "-", port if name or not is_service(configured) else 0, configured if is_service(configured) else "-")


def admin_shown(state: ports.ServerState, is_disabled_in_configuration: bool) -> int:
    """The admin bits as HAProxy shows them: `disabled` is both forced and configured, and the latter never goes away."""
    admin = state.admin & ~ports.ADMIN_CMAINT
    if state.admin & ports.ADMIN_CMAINT:
        admin |= ports.ADMIN_FMAINT
    return admin | (ports.ADMIN_CMAINT if is_disabled_in_configuration else 0)


def _host_and_port(packed: bytes) -> tuple[str, int]:
    _family, address = sockaddr.unpack(packed)
    if isinstance(address, str):
        return "-", 0
    host, port = address
    return ("-" if host in ("0.0.0.0", "::") else host), port


def _show_servers_conn(request: Request) -> str:
    """Connections by server; the idle ones of all workers stand in one column, because a worker is no thread of ours."""
    head = "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur"
    lines = [f"{head} idle_per_thr[1]\n"]
    for backend in _backends(request):
        for server in backend.servers:
            state = request.control.snapshot.server_state(server.index)
            counters = request.control.snapshot.counters("server", server.index)
            host, port = _host_and_port(state.address)
            values = (
                *(f"{backend.name}/{server.name}", f"{backend.id}/{server.id}", host, port, "-"),
                *(server.config.pool_purge_delay_ms, counters.used_conns, state.served_max, 0, 0, counters.idle_conns),
                *(server.config.pool_max_conn, counters.idle_conns, counters.idle_conns),
            )
            lines.append(" ".join(str(value) for value in values) + "\n")
    return "".join(lines)


COMMANDS = (
    Command(("show", "backend"), _show_backend, "list the backends"),
    Command(("show", "cli", "sockets"), _show_cli_sockets, "list the runtime sockets"),
    Command(("show", "env"), _show_env, "the program's environment, or one variable", "[var]", Level.OPERATOR),
    Command(("show", "servers", "conn"), _show_servers_conn, "connections to the servers", "[<backend>]"),
    Command(("show", "servers", "state"), _show_servers_state, "states of the servers, to be restored", "[<backend>]"),
    Command(("show", "version"), _show_version, "version of the running program"),
)
