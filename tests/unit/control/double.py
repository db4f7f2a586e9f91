"""An arena in memory for the tests of control: the Protocol of control/ports.py without shared memory.

Knows what the real one promises (usable servers are counted after each change). Must not do what control should do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastlb.config import model
from fastlb.control import ports, sockaddr
from fastlb.control.hub import clock_ms


@dataclass
class Entry:
    index: int
    name: str
    id: int
    proxy: int = 0
    is_internal: bool = False
    is_frontend: bool = False
    is_backend: bool = False
    is_http: bool = False
    bind: int = 0


@dataclass
class ServerState:
    rise: int
    fall: int
    uweight: int
    iweight: int
    eweight: int
    maxconn: int
    address: bytes
    admin: int = 0
    state: int = ports.STATE_RUNNING
    check_flags: int = 0
    health: int = 0
    check_status: int = 1
    check_code: int = -1
    check_duration_ms: int = 0
    check_desc: str = ""
    check_host: str = ""
    check_port: int = 0
    agent_host: str = ""
    agent_port: int = 0
    is_agent_off: bool = False
    last_change_ms: int = 0
    down_time_ms: int = 0
    failed_checks: int = 0
    failed_hana: int = 0
    down_trans: int = 0
    slowstart_until_ms: int = 0
    served: int = 0
    served_max: int = 0
    queued: int = 0
    queued_max: int = 0
    last_sess_ms: int = 0
    cookie: bytes = b""


@dataclass
class ProxyState:
    fe_conns: int = 0
    fe_conns_max: int = 0
    fe_maxconn: int = 2000
    fe_state: int = 0
    be_conns: int = 0
    be_conns_max: int = 0
    queued: int = 0
    queued_max: int = 0
    last_change_ms: int = 0
    down_time_ms: int = 0
    down_trans: int = 0
    last_sess_ms: int = 0
    n_active: int = 0
    n_backup: int = 0
    total_weight: int = 0


COUNTER_NAMES = (
    *("cum_conn", "cum_sess", "cum_req", "cum_lbconn", "bytes_in", "bytes_out", "denied_req", "denied_resp", "failed_req"),
    *("failed_conn", "failed_resp", "denied_conn", "denied_sess", "retries", "redispatches", "cli_aborts", "srv_aborts"),
    *("comp_in", "comp_out", "comp_rsp"),
    *("intercepted", "connect", "reuse", "queue_ms", "connect_ms", "response_ms", "total_ms", "queue_ms_max", "connect_ms_max"),
    *("response_ms_max", "total_ms_max", "sess_rate", "sess_rate_max", "conn_rate", "conn_rate_max", "req_rate"),
    *("req_rate_max", "idle_conns", "used_conns"),
)


class Counters:
    """All zero until a test sets one."""

    http_rsp: Sequence[int] = (0, 0, 0, 0, 0, 0)

    def __getattr__(self, name: str) -> int:
        if name not in COUNTER_NAMES:
            raise AttributeError(name)
        return 0


@dataclass
class WorkerState:
    pid: int = 0
    state: int = ports.WORKER_RUNNING
    heartbeat_ms: int = 0
    n_loops: int = 0
    n_wakeups: int = 0
    n_accepted: int = 0
    log_dropped: int = 0
    n_conns: int = 0
    n_streams: int = 0
    n_idle_back: int = 0
    n_pipes: int = 0
    pool_bytes: int = 0
    idle_ns: int = 900
    window_ns: int = 1000


@dataclass
class Limits:
    conn_rate: int = 0
    sess_rate: int = 0
    tls_rate: int = 0
    comp_rate: int = 0


@dataclass
class Globals:
    master_pid: int = 4242
    n_workers: int = 1
    start_ms: int = 0
    start_real_ms: int = 1_795_436_913_000
    n_conns: int = 0
    maxconn: int = 2000
    cum_conns: int = 0
    cum_reqs: int = 0
    limits: Limits = field(default_factory=Limits)
    tls_rate: int = 0
    tls_rate_max: int = 0
    comp_in_rate: int = 0
    comp_out_rate: int = 0


@dataclass
class Program:
    """The entries that a compiled configuration would have; ids as HAProxy gives them, proxies from 2."""

    proxies: list[Entry] = field(default_factory=list)
    servers: list[Entry] = field(default_factory=list)
    listeners: list[Entry] = field(default_factory=list)
    n_workers: int = 1


def compiled(configuration: model.Configuration) -> Program:
    program = Program()
    for section in configuration.proxies:
        index = len(program.proxies)
        program.proxies.append(
            Entry(
                index,
                section.name,
                section.id or index + 2,
                is_frontend=section.has_frontend,
                is_backend=section.has_backend,
                is_http=section.mode == "http",
            )
        )
        for place, server in enumerate(section.servers, 1):
            program.servers.append(Entry(len(program.servers), server.name, server.id or place, index))
        for place, bind in enumerate(section.binds, 1):
            program.listeners.append(
                Entry(len(program.listeners), bind.name or f"sock-{place}", bind.id or place, index, bind=place - 1)
            )
    return program


class Arena:
    """The snapshot's double."""

    def __init__(self, configuration: model.Configuration, program: Program) -> None:
        self.program = program
        self.n_workers = 1
        self.worker_states = [WorkerState()]
        self.global_state = Globals(start_ms=clock_ms())
        now = clock_ms()
        self.proxies = [ProxyState(last_change_ms=now) for _ in program.proxies]
        self.servers: list[ServerState] = []
        self.backups: list[bool] = []
        self.slowstart: list[int] = []
        self.counter_objects: dict[tuple[str, int], Counters] = {}
        self.histograms: dict[tuple[str, int], tuple[tuple[tuple[int, ...], int], ...]] = {}
        self.cleared: list[bool] = []
        for section in configuration.proxies:
            for server in section.servers:
                self._add(server, now)
        for entry in program.proxies:
            self._count(entry.index)

    def _add(self, server: model.Server, now: int) -> None:
        address = b"\1\0" + server.address.host.encode() + b"\0"
        if server.address.family in ("ipv4", "ipv6"):
            address = sockaddr.pack(server.address.host or "0.0.0.0", server.address.port)
        state = ServerState(
            *(server.rise, server.fall, server.weight, server.weight, server.weight * 16, server.maxconn, address),
            health=server.rise,
            last_change_ms=now,
        )
        if server.disabled:
            state.admin = ports.ADMIN_CMAINT if server.address.host else ports.ADMIN_RMAINT
            state.state, state.health = ports.STATE_STOPPED, 0
        self.servers.append(state)
        self.backups.append(server.backup)
        self.slowstart.append(server.slowstart_ms)

    def _count(self, proxy: int) -> None:
        usable = [
            index
            for index, entry in enumerate(self.program.servers)
            if entry.proxy == proxy
            and self.servers[index].state in (ports.STATE_RUNNING, ports.STATE_STARTING)
            and not self.servers[index].admin & (ports.ADMIN_MAINT | ports.ADMIN_DRAIN)
            and self.servers[index].eweight > 0
        ]
        self.proxies[proxy].n_backup = sum(self.backups[index] for index in usable)
        self.proxies[proxy].n_active = len(usable) - self.proxies[proxy].n_backup

    def _changed(self, server: int) -> None:
        self._count(self.program.servers[server].proxy)

    def globals(self) -> Globals:
        return self.global_state

    def workers(self) -> list[WorkerState]:
        return self.worker_states

    def proxy_state(self, proxy: int) -> ProxyState:
        return ProxyState(**vars(self.proxies[proxy]))

    def server_state(self, server: int) -> ServerState:
        return ServerState(**vars(self.servers[server]))

    def counters(self, kind: str, index: int) -> Counters:
        return self.counter_objects.setdefault((kind, index), Counters())

    def times(self, kind: str, index: int) -> tuple[tuple[tuple[int, ...], int], ...]:
        return self.histograms.get((kind, index), (((0,) * 4, 0),) * 4)

    def times_limits(self) -> tuple[int, ...]:
        return (0, 1, 2)

    def sample_rates(self) -> None:
        pass

    def clear_counters(self, everything: bool) -> None:
        self.cleared.append(everything)

    def set_admin(self, server: int, admin: int) -> None:
        self.servers[server].admin = admin
        self._changed(server)

    def set_state(self, server: int, state: int) -> None:
        self.servers[server].state = state
        if state == ports.STATE_STARTING:
            self.servers[server].slowstart_until_ms = clock_ms() + self.slowstart[server]
        self._changed(server)

    def set_weight(self, server: int, weight: int) -> None:
        self.servers[server].uweight = weight
        self.servers[server].eweight = weight * 16
        self._changed(server)

    def set_maxconn(self, server: int, maxconn: int) -> None:
        self.servers[server].maxconn = maxconn

    def set_dynamic_cookie(self, server: int, key: bytes | None) -> None:
        self.servers[server].cookie = key or b""

    def set_address(self, server: int, address: bytes) -> None:
        self.servers[server].address = address

    def set_check(
        self,
        server: int,
        *,
        flags: int | None = None,
        health: int | None = None,
        status: int | None = None,
        code: int | None = None,
        duration_ms: int | None = None,
        description: str | None = None,
        time_ms: int | None = None,
        failed_checks: int | None = None,
        failed_hana: int | None = None,
    ) -> None:
        given = {
            "check_flags": flags,
            "health": health,
            "check_status": status,
            "check_code": code,
            "check_duration_ms": duration_ms,
            "check_desc": description,
            "failed_checks": failed_checks,
            "failed_hana": failed_hana,
        }
        for name, value in given.items():
            if value is not None:
                setattr(self.servers[server], name, value)

    def set_destinations(
        self,
        server: int,
        *,
        check_host: str | None = None,
        check_port: int | None = None,
        agent_host: str | None = None,
        agent_port: int | None = None,
        is_agent_off: bool | None = None,
    ) -> None:
        given = {
            "check_host": check_host,
            "check_port": check_port,
            "agent_host": agent_host,
            "agent_port": agent_port,
            "is_agent_off": is_agent_off,
        }
        for name, value in given.items():
            if value is not None:
                setattr(self.servers[server], name, value)

    def take_observed(self, server: int) -> tuple[int, int]:
        return 0, 0

    def forget_errors(self, server: int) -> None:
        pass

    def set_server_times(
        self, server: int, *, last_change_ms: int | None = None, down_time_ms: int | None = None, down_trans: int | None = None
    ) -> None:
        _set(self.servers[server], last_change_ms=last_change_ms, down_time_ms=down_time_ms, down_trans=down_trans)

    def set_proxy_times(
        self, proxy: int, *, last_change_ms: int | None = None, down_time_ms: int | None = None, down_trans: int | None = None
    ) -> None:
        _set(self.proxies[proxy], last_change_ms=last_change_ms, down_time_ms=down_time_ms, down_trans=down_trans)

    def set_frontend_state(self, proxy: int, state: int) -> None:
        self.proxies[proxy].fe_state = state

    def set_frontend_maxconn(self, proxy: int, maxconn: int) -> None:
        self.proxies[proxy].fe_maxconn = maxconn

    def set_global_maxconn(self, maxconn: int) -> None:
        self.global_state.maxconn = maxconn

    def set_rate_limits(self, **limits: int) -> None:
        vars(self.global_state.limits).update(limits)

    def refresh(self, server: int, now_ms: int) -> None:
        state = self.servers[server]
        if now_ms >= state.slowstart_until_ms:
            state.state = ports.STATE_RUNNING


def _set(thing: object, **values: int | None) -> None:
    for name, value in values.items():
        if value is not None:
            setattr(thing, name, value)
