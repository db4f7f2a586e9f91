"""From the typed model to the program that the engine runs.

Knows the model and fastlb_core's builder. Must not know files, keywords, processes or sockets' making.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from fastlb_core.bridge.builder import Program, ProgramBuilder
from fastlb_core.bridge.constants import H1_ANY_PAYLOAD

from fastlb.config.ids import assign_ids, first_proxy_id
from fastlb.config.model import Configuration
from fastlb.config.samples.convert_token import token_bits

from .balancing import balance_values
from .compression import compression_values, packers_of_worker
from .failure import CompileError
from .fcgi import add_fcgi_apps
from .http_options import add_case_names, add_http_options
from .links import add_links
from .listeners import BoundListener, GivenListener, add_listeners
from .logs import add_formats, add_profile_steps, add_profiles, add_targets, targets_of
from .persist import persist_values
from .proxies import add_proxy
from .routes import Routes
from .rules import RuleCompiler
from .servers import (
    add_direct_server,
    add_internal_server,
    add_server_tls,
    add_servers,
    refer_to_tracked,
    servers_by_path,
    uses_service,
)
from .stick import table_values
from .text import file_bytes

MAX_LOGURILEN = 65535

__all__ = ["BoundListener", "CompileError", "GivenListener", "compile_program"]


def compile_program(
    configuration: Configuration,
    *,
    n_workers: int,
    listeners: Sequence[BoundListener],
    service_address: bytes,
    message_address: bytes,
    log_pid: int,
    generation: int = 1,
    ring_fds: Mapping[str, int] = MappingProxyType({}),
) -> Program:
    """Lays out the whole configuration; blocks for about a millisecond per hundred servers.

    n_workers: 1..64. listeners: the bound sockets. service_address, message_address: sun_path of control's sockets; the
    second is the engine's own business and not part of a program. log_pid: the pid that log lines show. ring_fds: the
    workers' ends of the sockets to control, for each ring that a log target names.
    Raises CompileError (a ValueError) naming the line of the configuration, MemoryError.
    """
    del message_address
    glob = configuration.global_
    builder = ProgramBuilder(
        n_workers=n_workers,
        log_tag=file_bytes(glob.log_tag or "fastlb"),
        log_hostname=file_bytes(glob.log_send_hostname or ""),
        log_pid=log_pid,
        maxconn=glob.maxconn or 0,
        bufsize=glob.bufsize,
        maxrewrite=glob.maxrewrite,
        maxaccept=glob.maxaccept,
        maxhdr=glob.http_maxhdr,
        h1_flags=H1_ANY_PAYLOAD if glob.h1_any_payload else 0,
        generation=generation,
        logurilen=min(glob.http_logurilen, MAX_LOGURILEN),
        hostname=file_bytes(glob.log_send_hostname or socket.gethostname()),
        n_trackers=glob.stick_counters,
        comp_level=glob.comp_level,
        max_packers=packers_of_worker(glob.maxzlibmem, n_workers),
    )
    builder.set_rates(
        conn_rate=glob.max_conn_rate, sess_rate=glob.max_sess_rate, tls_rate=glob.max_tls_rate, comp_rate=glob.max_comp_rate
    )
    builder.set_token_algorithms(*token_bits(glob.tls.token_algorithms, glob.tls.token_encryptions))
    for name, der in glob.tls.token_keys.items():
        builder.add_token_key(file_bytes(name), der)
    builder.set_status_kinds(glob.error_codes, glob.fail_codes)
    _fill(builder, configuration, listeners, service_address, n_workers, ring_fds)
    return builder.finish()


def _fill(
    builder: ProgramBuilder,
    configuration: Configuration,
    listeners: Sequence[BoundListener],
    service_address: bytes,
    n_workers: int,
    ring_fds: Mapping[str, int],
) -> None:
    glob, routes = configuration.global_, Routes(configuration)
    own: dict[int, list[BoundListener]] = {id(px): [] for px in configuration.proxies}
    for listener in listeners:
        own[id(listener.proxy)].append(listener)
    numbers = assign_ids((px.id for px in configuration.proxies), first_proxy_id(bool(glob.stats_sockets)))
    index_of = {
        id(px): add_proxy(builder, px, number, glob, routes) for px, number in zip(configuration.proxies, numbers, strict=True)
    }
    profiles = list(configuration.log_profiles)
    add_profiles(builder, configuration.log_profiles.values())
    add_targets(builder, None, glob.logs, glob, profiles, ring_fds)
    for px in configuration.proxies:
        if px.stick_table is not None:
            builder.set_stick_table(index_of[id(px)], table_values(px.stick_table))
    add_case_names(builder, glob)
    server_indexes: dict[tuple[str, str], int] = {}
    by_path = servers_by_path(configuration.proxies)
    active = [px for px in configuration.proxies if not px.disabled]
    for px in active:
        index = index_of[id(px)]
        add_http_options(builder, index, px)
        backend = routes.default_backend(px)
        if backend is not None:
            builder.set_default_backend(index, index_of[id(backend)])
        add_targets(builder, index, targets_of(px, glob), glob, profiles, ring_fds)
        server_indexes.update(add_servers(builder, index, px, by_path))
        add_listeners(builder, index, own[id(px)], n_workers, glob)
        if px.compression is not None and px.speaks_http:
            builder.set_compression(index, compression_values(px.compression))
        if px.cookie is not None and px.has_backend:
            builder.set_persist(index, persist_values(px, px.cookie))
    for px in active:
        if px.stats is not None or uses_service(px):
            add_internal_server(builder, index_of[id(px)], service_address)
        server_indexes.update(add_direct_server(builder, index_of[id(px)], px))
    refer_to_tracked(builder, active, server_indexes)
    rules = RuleCompiler(builder, configuration, index_of, server_indexes)
    for px in active:
        add_server_tls(builder, px, server_indexes, rules, glob)
        add_links(builder, px, server_indexes, rules)
        rules.add_rules(px, index_of[id(px)])
        if px.has_backend:
            builder.set_balance(index_of[id(px)], **balance_values(px, rules))
        if px.has_frontend:
            add_formats(builder, index_of[id(px)], px, rules, glob)
    add_fcgi_apps(builder, configuration, index_of, rules, ring_fds)
    add_profile_steps(builder, configuration.log_profiles.values(), rules)
    rules.finish()
