"""The compiled program and its builder: see builder.pyx. Texts are bytes, times milliseconds, addresses packed sockaddrs."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

class ProxyEntry(NamedTuple):
    index: int
    name: str
    id: int
    is_frontend: bool
    is_backend: bool
    is_http: bool

class ServerEntry(NamedTuple):
    index: int
    name: str
    id: int
    proxy: int
    is_internal: bool

class ListenerEntry(NamedTuple):
    index: int
    name: str
    id: int
    proxy: int
    bind: int

class PatternsEntry(NamedTuple):
    index: int
    id: int
    name: str
    is_map: bool
    is_acl: bool
    description: str

class Program:
    """An immutable program with its arena; made by ProgramBuilder.finish() only. Frees its memory with the last reference."""

    @property
    def proxies(self) -> tuple[ProxyEntry, ...]: ...
    @property
    def servers(self) -> tuple[ServerEntry, ...]: ...
    @property
    def added(self) -> dict[int, ServerEntry]: ...
    @property
    def removed(self) -> set[int]: ...
    @property
    def referenced(self) -> frozenset[int]: ...
    @property
    def listeners(self) -> tuple[ListenerEntry, ...]: ...
    @property
    def log_sinks(self) -> tuple[tuple[int, bytes, int], ...]: ...
    @property
    def patterns(self) -> tuple[PatternsEntry, ...]: ...
    @property
    def variables(self) -> tuple[str, ...]: ...
    @property
    def n_workers(self) -> int: ...
    @property
    def generation(self) -> int: ...
    @property
    def arena_size(self) -> int: ...
    @property
    def arena_used(self) -> int: ...
    @property
    def arena_room(self) -> int: ...
    def frontend(self, name: str) -> ProxyEntry | None: ...
    def backend(self, name: str) -> ProxyEntry | None: ...
    def entry(self, server: int) -> ServerEntry: ...
    def server(self, backend: str, name: str) -> ServerEntry | None: ...

class ProgramBuilder:
    """Collects what the configuration says, then lays it out once. Every add_* returns the new object's index.

    n_workers: 1..64. Raises ValueError for values out of range and unknown algorithms, MemoryError.
    """

    def __init__(
        self,
        *,
        n_workers: int,
        log_tag: bytes = ...,
        log_hostname: bytes = ...,
        log_pid: int = ...,
        maxconn: int = ...,
        bufsize: int = ...,
        maxrewrite: int = ...,
        maxaccept: int = ...,
        maxhdr: int = ...,
        generation: int = ...,
        logurilen: int = ...,
        hostname: bytes = ...,
        n_trackers: int = ...,
    ) -> None: ...
    def add_proxy(
        self,
        name: str,
        *,
        id: int,
        caps: int,
        mode: int,
        display_name: str = ...,
        http_mode: int = ...,
        reuse: int = ...,
        log_kind: int = ...,
        options: int = ...,
        retries: int = ...,
        redispatch: int = ...,
        timeouts: Mapping[str, int] = ...,
        maxconn: int = ...,
        fullconn: int = ...,
        balance: str = ...,
        all_backups: bool = ...,
        forwardfor_header: bytes = ...,
        forwardfor_except: tuple[bytes, bytes] | None = ...,
        monitor_uri: bytes = ...,
        error_pages: Mapping[int, bytes] = ...,
        log_tag: bytes = ...,
        internal_prefix: bytes = ...,
    ) -> int: ...
    def set_stick_table(self, proxy: int, values: Mapping[str, Any]) -> None: ...
    def set_balance(self, proxy: int, **values: Any) -> None: ...
    def set_default_backend(self, proxy: int, backend: int) -> None: ...
    def add_userlist(self, name: bytes, users: list[tuple[bytes, bytes, bool, list[bytes]]]) -> int: ...
    def add_acl(self, name: bytes, lines: list[dict[str, Any]]) -> int: ...
    def add_pattern_set(self, file: bytes, entries: list[tuple[bytes, bytes, int]], has_values: bool) -> int: ...
    def describe_pattern_set(self, number: int, id: int, is_map: bool, is_acl: bool, description: str) -> None: ...
    def add_patterns(
        self, method: str, ignore_case: bool, number: int, *, output: str = ..., captures: bool = ...
    ) -> int: ...
    def set_rules(self, proxy: int, number: int, rules: list[dict[str, Any]]) -> None: ...
    def set_error_answers(self, proxy: int, answers: dict[int, list[Any]]) -> None: ...
    def set_inspect(self, proxy: int, request_ms: int, response_ms: int) -> None: ...
    def set_formats(
        self,
        proxy: int,
        *,
        log: Any = ...,
        sd: Any = ...,
        error: Any = ...,
        unique_id: Any = ...,
        unique_id_header: bytes = ...,
    ) -> None: ...
    def set_captures(
        self,
        proxy: int,
        *,
        request: Sequence[tuple[bytes, int]],
        response: Sequence[tuple[bytes, int]],
        cookie: tuple[bytes, int] | None,
    ) -> None: ...
    def set_variables(
        self, counts: Sequence[int], limits: Sequence[int] = ..., at_start: Sequence[Any] = ..., names: Sequence[str] = ...
    ) -> None: ...
    def add_log_sink(self, *, kind: int, address: bytes = ..., fd: int = ...) -> int: ...
    def add_log_profile(self, tag: bytes) -> int: ...
    def set_log_step(
        self, profile: int, step: int, *, is_dropped: bool = ..., format: Any = ..., sd: Any = ...
    ) -> None: ...
    def set_log_steps(self, proxy: int, steps: int) -> None: ...
    def add_log_target(
        self,
        proxy: int | None,
        sink: int,
        *,
        format: int,
        facility: int,
        level: int = ...,
        min_level: int = ...,
        max_length: int = ...,
        sample_size: int = ...,
        sample_ranges: Sequence[tuple[int, int]] = ...,
        profile: int = ...,
        fcgi_app: int | None = ...,
    ) -> None: ...
    def add_fcgi_app(self, values: dict[str, Any]) -> int: ...
    def set_fcgi_app(self, proxy: int, app: int) -> None: ...
    def add_server(
        self,
        proxy: int,
        name: str,
        *,
        id: int,
        address: bytes,
        flags: int = ...,
        weight: int = ...,
        maxconn: int = ...,
        minconn: int = ...,
        maxqueue: int = ...,
        port_offset: int = ...,
        send_proxy: int = ...,
        source: bytes = ...,
        pool_max_conn: int = ...,
        pool_purge_ms: int = ...,
        slowstart_ms: int = ...,
        rise: int = ...,
        fall: int = ...,
        disabled: bool = ...,
        unresolved: bool = ...,
        inherited: bool = ...,
        cookie: bytes = ...,
        observe: int = ...,
        error_limit: int = ...,
        max_reuse: int = ...,
        ring_id: int | None = ...,
        redir: bytes = ...,
    ) -> int: ...
    def refer_to_server(self, server: int) -> None: ...
    def add_listener(
        self,
        proxy: int,
        name: str,
        *,
        id: int,
        fds: Sequence[int],
        flags: int = ...,
        maxconn: int = ...,
        cip_magic: int = ...,
        tls: dict[str, Any] | None = ...,
        bind: int = ...,
    ) -> int: ...
    def set_server_tls(self, server: int, values: dict[str, Any]) -> None: ...
    def finish(self) -> Program: ...
