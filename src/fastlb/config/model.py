"""The typed model of a configuration: what the sections of a file mean, after parsing.

Knows HAProxy's objects (global, frontend, backend, listen, server, bind) as plain dataclasses.
Must not know how they are written in a file (`keywords/`), how they become C structs (`compile/`)
or anything that needs a compiled module. What one subject has many of stands in `*_model.py` beside it.

Units: times are milliseconds (int), sizes bytes (int). `None` means "not set in the file", so that
`resolve.py` can tell a default from a choice; after `resolve()` the fields that the engine needs are set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from .check_rules import CheckRules
from .link_model import KeepAlive, Source, UnixBind
from .log_model import LogProfile, LogTarget, Ring
from .persist_model import CookiePersistence
from .saved_state import SavedState
from .section_model import HttpErrors, Resolvers, UserList
from .tls_model import BindTls, GlobalTls, ServerTls

if TYPE_CHECKING:
    from .acl import Acl
    from .logformat import LogFormat
    from .rule import Rule, RuleValue
    from .samples.ast import Expression

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Location:
    """Where something stands in the configuration: file name, line and column, both from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Address:
    """One socket address as HAProxy writes it (manual, section 11.1).

    family: "ipv4", "ipv6", "unix", "abns" or "fd".
    host: numeric IP address, "" for any, the path of a unix socket or the abstract name.
    port_low, port_high: a port range, both 0 where no port was given.
    port_offset: servers only; "+10" or "-5" map the client's destination port, None for a fixed port.
    fd: the inherited descriptor where family is "fd", else -1.
    name: the host name as written where `host` came from a resolver, else "".
    """

    family: str
    host: str = ""
    port_low: int = 0
    port_high: int = 0
    port_offset: int | None = None
    fd: int = -1
    name: str = ""

    @property
    def port(self) -> int:
        return self.port_low


@dataclass(slots=True)
class StatsSocket:
    """`stats socket` in global: one listener of the runtime API."""

    location: Location
    address: Address
    level: str = "operator"
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    maxconn: int | None = None
    name: str = ""
    expose_fd_listeners: bool = False
    severity_output: str = "none"


@dataclass(slots=True)
class Global:
    """The merged `global` sections. maxconn_is_computed: no line says it, the start has taken it from the limits.

    case_names, case_file_names: of `h1-case-adjust` and `h1-case-adjust-file`, by name in lower case.
    """

    daemon: bool = False
    master_worker: bool = False
    uid: int | None = None
    gid: int | None = None
    user: str = ""
    group: str = ""
    chroot: str = ""
    pidfile: str = ""
    unix_bind: UnixBind = field(default_factory=UnixBind)
    insecure_setuid_wanted: bool = False
    capabilities: tuple[str, ...] = ()
    never_sends_local: bool = False  # pp2-never-send-local
    node: str = ""
    state_file: str = ""
    state_base: str = ""
    description: str = ""
    maxconn: int | None = None
    maxconn_is_computed: bool = False
    nbthread: int | None = None
    ulimit_n: int | None = None
    hard_stop_after_ms: int | None = None
    mworker_max_reloads: int | None = None
    logs: list[LogTarget] = field(default_factory=list)
    log_tag: str | None = None
    log_send_hostname: str | None = None
    stats_sockets: list[StatsSocket] = field(default_factory=list)
    stats_timeout_ms: int = 10_000
    stats_maxconn: int = 10
    spread_checks: int = 0
    external_check: bool = False
    insecure_fork_wanted: bool = False
    bufsize: int = 16384
    maxrewrite: int = 1024
    maxaccept: int = 64
    max_conn_rate: int = 0
    max_sess_rate: int = 0
    max_tls_rate: int = 0
    max_comp_rate: int = 0  # bytes
    error_codes: frozenset[int] = frozenset(range(400, 500))
    fail_codes: frozenset[int] = frozenset(range(500, 600)) - {501, 505}
    http_maxhdr: int = 101
    h1_any_payload: bool = False
    http_logurilen: int = 1023
    http_cookielen: int = 0
    stick_counters: int = 3
    case_names: dict[str, str] = field(default_factory=dict)
    case_file_names: dict[str, str] = field(default_factory=dict)
    comp_level: int = 1
    maxzlibmem: int = 0  # megabytes, 0: no limit
    environment: dict[str, str | None] = field(default_factory=dict)  # None: taken away
    set_vars: list[Rule] = field(default_factory=list)  # of the scope proc, in each worker before it accepts
    vars_limits: dict[str, int] = field(default_factory=dict)  # bytes by scope; 0 or none: no limit
    tls: GlobalTls = field(default_factory=GlobalTls)


@dataclass(slots=True)
class Bind:
    """One `bind` address: a line with several comma-separated addresses gives several of these."""

    location: Location
    address: Address
    name: str = ""
    id: int | None = None
    interface: str = ""
    v4v6: bool = False
    v6only: bool = False
    tfo: bool = False
    defer_accept: bool = False
    accept_proxy: bool = False
    netscaler_magic: int = 0  # accept-netscaler-cip
    transparent: bool = False
    backlog: int | None = None
    maxconn: int | None = None
    mss: int = 0
    tcp_ut_ms: int = 0
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    tls: BindTls = field(default_factory=BindTls)


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a server's name is asked for while the program runs (manual, section 5.2 "resolvers" and "resolve-*").

    resolvers: the section's name, "" for never. prefers: "ipv4" or "ipv6". networks: addresses that come before others.
    """

    resolvers: str = ""
    prefers: str = "ipv6"
    networks: tuple[Network, ...] = ()
    allows_duplicates: bool = False
    ignores_weight: bool = False


@dataclass(slots=True)
class Server:
    """One `server` line, with `default-server` settings applied.

    check_address: `addr`/`port` of the checks; None to use the server's own.
    address: host "" with a name is one that no resolver knew (`init-addr none`); such a server is `disabled` as well.
    weight: 0..256. maxconn, minconn, maxqueue: 0 means no limit. source: None where the backend's counts.
    hash_key: "id", "addr" or "addr-port".
    """

    location: Location
    name: str
    address: Address
    id: int | None = None
    check: bool = False
    check_address: Address | None = None
    check_port: int | None = None
    inter_ms: int = 2000
    fastinter_ms: int | None = None
    downinter_ms: int | None = None
    rise: int = 2
    fall: int = 3
    weight: int = 1
    backup: bool = False
    cookie: str = ""
    disabled: bool = False
    maxconn: int = 0
    minconn: int = 0
    maxqueue: int = 0
    slowstart_ms: int = 0
    send_proxy: int = 0  # 0 none, 1 or 2: version of the PROXY protocol
    check_send_proxy: bool = False
    agent_check: bool = False
    agent_port: int = 0
    agent_address: str = ""
    agent_inter_ms: int = 2000
    agent_send: str = ""
    saved: SavedState | None = None  # of its state file
    awaits_state: bool = False  # no method has found its address but perhaps `last`, the state file
    track: str = ""  # [<backend>/]<server> as written; once the files are read always with the backend, "" for none
    observe: str = ""  # "layer4", "layer7", "" for nothing
    error_limit: int = 10
    on_error: str = "fail-check"
    proto: str = ""  # "h1", "fcgi" or "none", as the file says
    check_proto: str = ""
    init_addr: list[str] = field(default_factory=list)
    resolution: Resolution = Resolution()
    ends_streams_when_down: bool = False  # on-marked-down shutdown-sessions
    ends_backup_when_up: bool = False  # on-marked-up shutdown-backup-sessions
    source: Source | None = None
    tcp_ut_ms: int = 0
    max_reuse: int = -1
    redir: str = ""
    non_stick: bool = False
    hash_key: str = "id"
    pool_conn_name: Expression | None = None
    proxy_v2_options: frozenset[str] = frozenset()
    proxy_v2_tlvs: tuple[tuple[int, LogFormat], ...] = ()
    guid: str = ""
    tfo: bool = False
    pool_max_conn: int = -1
    pool_purge_delay_ms: int = 5000
    log_proto: str = ""  # "legacy" or "octet-count"; for rings
    tls: ServerTls = field(default_factory=ServerTls)


@dataclass(frozen=True, slots=True)
class Balance:
    """`balance` (manual, section 4.2 "balance").

    name: of the parameter or header. length, depth: of `uri`, 0 for no limit. flags: "whole", "path-only", "check_post",
    "use_domain_only".
    expression: what `hash` and `rdp-cookie` take. draws: of `random`.
    """

    algorithm: str = "roundrobin"
    name: str = ""
    length: int = 0
    depth: int = 0
    flags: tuple[str, ...] = ()
    expression: Expression | None = None
    draws: int = 2
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class HashType:
    """`hash-type`: "map-based" or "consistent", the function's name, and whether `avalanche` follows it."""

    method: str = "map-based"
    function: str = "sdbm"
    avalanche: bool = False


@dataclass(slots=True)
class Timeouts:
    """`timeout NAME`, milliseconds; None where unset, which means no limit."""

    connect: int | None = None
    client: int | None = None
    server: int | None = None
    queue: int | None = None
    http_request: int | None = None
    http_keep_alive: int | None = None
    check: int | None = None
    client_fin: int | None = None
    server_fin: int | None = None
    tunnel: int | None = None
    tarpit: int | None = None
    client_hs: int | None = None


@dataclass(slots=True)
class ForwardFor:
    """`option forwardfor [except NET] [header NAME] [if-none]`."""

    except_network: Network | None = None
    header: str = "X-Forwarded-For"
    if_none: bool = False


@dataclass(slots=True)
class Stats:
    """`stats ...` of a proxy: the statistics page."""

    uri: str = "/haproxy?stats"
    realm: str = "HAProxy Statistics"
    refresh_s: int | None = None
    users: list[tuple[str, str]] = field(default_factory=list)
    show_version: bool = False
    show_legends: bool = False
    show_node: str | None = None
    show_modules: bool = False
    show_description: str | None = None
    scopes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ErrorFiles:
    """`errorfiles <section> [<status>...]`; no statuses: all that the section has."""

    location: Location
    section: str
    statuses: tuple[int, ...] = ()


@dataclass(slots=True)
class StickData:
    """One data type that a stick table stores: its name, how many of it (arrays), and a rate's period."""

    name: str
    elements: int = 1
    period_ms: int = 0


@dataclass(slots=True)
class StickTable:
    """`stick-table` (manual, section 4.2). type: ip, ipv4, ipv6, integer, string or binary; length: bytes of a key at most.

    expire_ms: None for entries that never expire. srvkey: "name" or "addr". write_to, recv_only: what peers would do with it.
    """

    location: Location
    type: str = ""
    length: int = 0
    size: int = 0
    expire_ms: int | None = None
    nopurge: bool = False
    srvkey: str = "name"
    write_to: str = ""
    recv_only: bool = False
    store: list[StickData] = field(default_factory=list)


@dataclass(slots=True)
class FormatText:
    """A log format as it stands in the file. parsed: filled in by `resolve`."""

    location: Location
    text: str
    parsed: LogFormat | None = None


@dataclass(slots=True)
class Formats:
    """`log-format`, `log-format-sd`, `error-log-format` and `unique-id-format` of a proxy."""

    log: FormatText | None = None
    sd: FormatText | None = None
    error: FormatText | None = None
    unique_id: FormatText | None = None


@dataclass(slots=True)
class Captures:
    """What a frontend captures: (header's name in lower case, length) of each slot, "" for those that rules fill.

    cookie: (name, length) or None.
    """

    request: list[tuple[str, int]] = field(default_factory=list)
    response: list[tuple[str, int]] = field(default_factory=list)
    cookie: tuple[str, int] | None = None


@dataclass(slots=True)
class Compression:
    """`compression ...` of a proxy (manual, section 4.2). algorithms and types: in the order of the lines, of answers.

    minsize: bytes; answers whose announced length is less are left alone. direction: "response", "request" or "both".
    """

    algorithms: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    offload: bool = False
    minsize: int = 0
    direction: str = "response"
    algorithm_req: str = ""
    types_req: list[str] = field(default_factory=list)
    minsize_req: int = 0


@dataclass(slots=True)
class Proxy:
    """A frontend, a backend or a listen section; `listen` is both and `kind` tells.

    options: the plain `option X` switches that are on, by name ("dontlognull", "abortonclose", ...); explicit
    `no option X` removes an inherited one. Options with arguments have a field of their own.
    redispatch: 0 off, -1 only on the last retry, N every Nth retry (manual, "option redispatch").
    http_mode: "keep-alive", "server-close" or "close".
    log_format: "" (default line), "tcplog", "httplog", "httpslog", "tcplog clf", "httplog clf", "httplog json", or "format"
    (formats.log).
    log_steps: what `log-steps` names, none for the usual line alone.
    errorfiles: status -> the complete bytes to send. errorlocs: status -> (302 or 303, location).
    errorfile_sets: `errorfiles` lines, which resolve turns into errorfiles. http_error_rules: `http-error` lines by status,
    the words of an answer as config/actions/replies.py reads them.
    retry_on: the words and statuses of `retry-on`. header_names: what `option http-restrict-req-hdr-names` says, "" for nothing.
    session_rate: `rate-limit sessions`, 0 for no limit.
    acls: by name. rules: by rule set ("http-request", "use_backend", ...), in the order of the lines.
    """

    location: Location
    kind: str
    name: str
    id: int | None = None
    mode: str = "tcp"
    disabled: bool = False
    description: str = ""
    binds: list[Bind] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)
    maxconn: int | None = None
    fullconn: int | None = None
    backlog: int | None = None
    default_backend: str = ""
    balance: Balance = field(default_factory=Balance)
    cookie: CookiePersistence | None = None
    state_source: str = "none"  # load-server-state-from-file: "global", "local" or "none"
    state_file: str = ""  # server-state-file-name, "" for the backend's name
    dynamic_cookie_key: str = ""
    rdp_cookie: str | None = None
    max_keep_alive_queue: int = -1
    max_session_srv_conns: int = 5
    cli_keepalive: KeepAlive = field(default_factory=KeepAlive)
    srv_keepalive: KeepAlive = field(default_factory=KeepAlive)
    hash_preserve_affinity: str = "always"
    guid: str = ""
    hash_type: HashType = field(default_factory=HashType)
    hash_balance_factor: int = 0
    retries: int = 3
    redispatch: int = 0
    options: set[str] = field(default_factory=set)
    timeouts: Timeouts = field(default_factory=Timeouts)
    logs: list[LogTarget] = field(default_factory=list)
    log_global: bool = False
    log_tag: str | None = None
    log_format: str = ""
    log_steps: tuple[str, ...] = ()
    http_mode: str = "keep-alive"
    http_reuse: str = "safe"
    monitor_uri: str = ""
    errorfiles: dict[int, bytes] = field(default_factory=dict)
    errorlocs: dict[int, tuple[int, str]] = field(default_factory=dict)
    errorfile_sets: list[ErrorFiles] = field(default_factory=list)
    http_error_rules: dict[int, tuple[RuleValue, ...]] = field(default_factory=dict)
    forwardfor: ForwardFor | None = None
    originalto: ForwardFor | None = None
    send_name_header: str = ""
    retry_on: tuple[str, ...] = ("conn-failure",)
    header_names: str = ""
    session_rate: int = 0
    check: CheckRules = field(default_factory=CheckRules)
    stats: Stats | None = None
    source: Source | None = None
    acls: dict[str, Acl] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    inspect_delay_ms: int | None = None
    response_inspect_delay_ms: int | None = None
    stick_table: StickTable | None = None
    formats: Formats = field(default_factory=Formats)
    unique_id_header: str = ""
    captures: Captures = field(default_factory=Captures)
    compression: Compression | None = None
    fcgi_app: str = ""
    fcgi_app_at: Location | None = None

    @property
    def title(self) -> str:
        """What HAProxy's messages call it."""
        return "proxy" if self.kind == "listen" else self.kind

    @property
    def has_frontend(self) -> bool:
        return self.kind in ("frontend", "listen")

    @property
    def has_backend(self) -> bool:
        return self.kind in ("backend", "listen")

    @property
    def speaks_http(self) -> bool:
        """Its mode is HTTP, or a rule switches streams to it (manual, "tcp-request content switch-mode")."""
        return self.mode == "http" or any(rule.action == "switch-mode" for rule in self.rules.get("tcp-request content", ()))


@dataclass(slots=True)
class FcgiApp:
    """A `fcgi-app` section (manual, section 10.1).

    proxy: stands for it: ACLs, rules "set-param" (name, format) and "pass-header" (name), and `log-stderr` as `logs`.
    """

    location: Location
    name: str
    proxy: Proxy
    docroot: str = ""
    index: str = ""
    path_info: str = ""
    keep_conn: bool = True
    get_values: bool = False
    mpxs_conns: bool = False


@dataclass(slots=True)
class Configuration:
    """Everything the files say. `proxies` is in file order and holds no defaults sections."""

    global_: Global = field(default_factory=Global)
    proxies: list[Proxy] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    userlists: dict[str, UserList] = field(default_factory=dict)
    http_errors: dict[str, HttpErrors] = field(default_factory=dict)
    resolvers: dict[str, Resolvers] = field(default_factory=dict)
    log_profiles: dict[str, LogProfile] = field(default_factory=dict)
    rings: dict[str, Ring] = field(default_factory=dict)
    fcgi_apps: dict[str, FcgiApp] = field(default_factory=dict)
    directories: dict[str, str] = field(default_factory=dict)  # by file: where its relative names begin (`default-path`)

    def directory_of(self, location: Location) -> str:
        """Where relative names of files begin in the file of that line; "" for where the process was started."""
        return self.directories.get(location.file, "")

    def backend(self, name: str) -> Proxy | None:
        """The proxy that `default_backend NAME` means, or None."""
        return next((px for px in self.proxies if px.has_backend and px.name == name), None)
