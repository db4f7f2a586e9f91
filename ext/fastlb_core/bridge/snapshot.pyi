"""Python's view of the shared arena: see snapshot.pyx. Field names are those of base/arena.pxd and lb/shared.pxd."""

from typing import NamedTuple

from fastlb_core.bridge.builder import Program

class Limits(NamedTuple):
    conn_rate: int
    sess_rate: int
    tls_rate: int
    comp_rate: int

class Globals(NamedTuple):
    master_pid: int
    n_workers: int
    start_ms: int
    start_real_ms: int
    n_conns: int
    n_conns_max: int
    maxconn: int
    cum_conns: int
    cum_reqs: int
    generation: int
    size: int
    used: int
    limits: Limits
    tls_rate: int
    tls_rate_max: int
    comp_in_rate: int
    comp_out_rate: int

class WorkerState(NamedTuple):
    pid: int
    state: int
    command: int
    heartbeat_ms: int
    n_loops: int
    n_wakeups: int
    n_accepted: int
    log_dropped: int
    n_conns: int
    n_streams: int
    n_idle_back: int
    n_pipes: int
    pool_bytes: int
    idle_ns: int
    window_ns: int

class ProxyState(NamedTuple):
    fe_conns: int
    fe_conns_max: int
    fe_maxconn: int
    fe_state: int
    be_conns: int
    be_conns_max: int
    queued: int
    queued_max: int
    last_change_ms: int
    down_time_ms: int
    down_trans: int
    last_sess_ms: int
    n_active: int
    n_backup: int
    total_weight: int
    using_backup: int

class ServerState:
    """A copy of the server's struct (server_state.pyx)."""

    @property
    def admin(self) -> int: ...
    @property
    def state(self) -> int: ...
    @property
    def uweight(self) -> int: ...
    @property
    def iweight(self) -> int: ...
    @property
    def eweight(self) -> int: ...
    @property
    def maxconn(self) -> int: ...
    @property
    def address(self) -> bytes: ...
    @property
    def check_flags(self) -> int: ...
    @property
    def health(self) -> int: ...
    @property
    def rise(self) -> int: ...
    @property
    def fall(self) -> int: ...
    @property
    def check_status(self) -> int: ...
    @property
    def check_code(self) -> int: ...
    @property
    def check_duration_ms(self) -> int: ...
    @property
    def check_time_ms(self) -> int: ...
    @property
    def check_desc(self) -> str: ...
    @property
    def check_host(self) -> str: ...
    @property
    def check_port(self) -> int: ...
    @property
    def agent_host(self) -> str: ...
    @property
    def agent_port(self) -> int: ...
    @property
    def is_agent_off(self) -> bool: ...
    @property
    def last_change_ms(self) -> int: ...
    @property
    def down_time_ms(self) -> int: ...
    @property
    def failed_checks(self) -> int: ...
    @property
    def failed_hana(self) -> int: ...
    @property
    def down_trans(self) -> int: ...
    @property
    def slowstart_until_ms(self) -> int: ...
    @property
    def served(self) -> int: ...
    @property
    def served_max(self) -> int: ...
    @property
    def queued(self) -> int: ...
    @property
    def queued_max(self) -> int: ...
    @property
    def last_sess_ms(self) -> int: ...
    @property
    def throttle(self) -> int: ...
    @property
    def cookie(self) -> bytes: ...

class Counters(NamedTuple):
    cum_conn: int
    cum_sess: int
    cum_req: int
    cum_lbconn: int
    bytes_in: int
    bytes_out: int
    denied_req: int
    denied_resp: int
    failed_req: int
    failed_conn: int
    failed_resp: int
    denied_conn: int
    denied_sess: int
    retries: int
    redispatches: int
    cli_aborts: int
    srv_aborts: int
    intercepted: int
    http_rsp: tuple[int, ...]
    connect: int
    reuse: int
    idle_hits: int
    queue_ms: int
    connect_ms: int
    response_ms: int
    total_ms: int
    queue_ms_max: int
    connect_ms_max: int
    response_ms_max: int
    total_ms_max: int
    sess_rate: int
    sess_rate_max: int
    conn_rate: int
    conn_rate_max: int
    req_rate: int
    req_rate_max: int
    idle_conns: int
    used_conns: int

class Snapshot:
    """The arena of one program; the methods' contracts stand in snapshot.pyx."""

    @property
    def program(self) -> Program: ...
    def __init__(self, program: Program) -> None: ...
    def globals(self) -> Globals: ...
    def workers(self) -> list[WorkerState]: ...
    def proxy_state(self, proxy: int) -> ProxyState: ...
    def server_state(self, server: int) -> ServerState: ...
    def times(self, kind: str, index: int) -> tuple[tuple[tuple[int, ...], int], ...]: ...
    @staticmethod
    def times_limits() -> tuple[int, ...]: ...
    def counters(self, kind: str, index: int) -> Counters: ...
    def sample_rates(self) -> None: ...
    def clear_counters(self, everything: bool) -> None: ...
    def set_worker(self, index: int, pid: int, state: int = ...) -> None: ...
    def set_wake_fd(self, index: int, fd: int) -> None: ...
    def set_observed_fd(self, fd: int) -> None: ...
    def command_worker(self, index: int, command: int) -> None: ...
    def wake_worker(self, index: int) -> None: ...
    def recover_worker(self, index: int) -> None: ...
    def recover_process(self, pid: int) -> None: ...
    def set_admin(self, server: int, admin: int) -> None: ...
    def set_state(self, server: int, state: int) -> None: ...
    def set_weight(self, server: int, weight: int) -> None: ...
    def set_maxconn(self, server: int, maxconn: int) -> None: ...
    def set_address(self, server: int, address: bytes) -> None: ...
    def set_dynamic_cookie(self, server: int, key: bytes | None) -> None: ...
    def set_check(
        self,
        server: int,
        *,
        flags: int | None = ...,
        health: int | None = ...,
        status: int | None = ...,
        code: int | None = ...,
        duration_ms: int | None = ...,
        description: str | None = ...,
        time_ms: int | None = ...,
        failed_checks: int | None = ...,
        failed_hana: int | None = ...,
        rise: int | None = ...,
        fall: int | None = ...,
    ) -> None: ...
    def set_destinations(
        self,
        server: int,
        *,
        check_host: str | None = ...,
        check_port: int | None = ...,
        agent_host: str | None = ...,
        agent_port: int | None = ...,
        is_agent_off: bool | None = ...,
    ) -> None: ...
    def take_observed(self, server: int) -> tuple[int, int]: ...
    def forget_errors(self, server: int) -> None: ...
    def set_server_times(
        self, server: int, *, last_change_ms: int | None = ..., down_time_ms: int | None = ..., down_trans: int | None = ...
    ) -> None: ...
    def set_proxy_times(
        self, proxy: int, *, last_change_ms: int | None = ..., down_time_ms: int | None = ..., down_trans: int | None = ...
    ) -> None: ...
    def set_frontend_state(self, proxy: int, state: int) -> None: ...
    def set_frontend_maxconn(self, proxy: int, maxconn: int) -> None: ...
    def set_global_maxconn(self, maxconn: int) -> None: ...
    def set_rate_limits(self, **limits: int) -> None: ...
    def refresh(self, server: int, now_ms: int) -> None: ...
