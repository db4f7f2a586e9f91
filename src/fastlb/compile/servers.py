"""The servers of a backend, and the internal server behind `stats`, as servers of the program.

Knows addresses, limits and flags. Must not know health checks' schedules (control does them from the model).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from fastlb_core.bridge.builder import ProgramBuilder
from fastlb_core.bridge.constants import SERVER_FLAGS

from fastlb.config.ids import assign_ids
from fastlb.config.keywords.server_resolution import is_service
from fastlb.config.model import Address, Global, Proxy, Server

from .addresses import sockaddr, unix_sockaddr
from .failure import CompileError
from .rules import RuleCompiler
from .text import file_bytes
from .tls import server_values

INTERNAL_NAME = "<STATS>"
DIRECT_NAME = "<NOSRV>"
# proxy/observe.pxd, observe_t
OBSERVE = {"": 0, "layer4": 1, "layer7": 2}
MAX_RING_ID = 2**20 - 1  # lb/ring.pyx: points of larger numbers may meet
ANY_HOSTS = ("", "0.0.0.0", "::")


def servers_by_path(proxies: Iterable[Proxy]) -> dict[str, Server]:
    """All servers by `backend/server`, as `track` names them."""
    return {f"{px.name}/{srv.name}": srv for px in proxies for srv in px.servers if px.has_backend}


def add_servers(builder: ProgramBuilder, index: int, px: Proxy, by_path: Mapping[str, Server]) -> dict[tuple[str, str], int]:
    """Adds the servers of the backend at `index`, in their order; their indexes by names. Raises CompileError."""
    indexes = {}
    for srv, number in zip(px.servers, assign_ids(srv.id for srv in px.servers), strict=True):
        values = _arguments(px, srv, number)
        indexes[px.name, srv.name] = builder.add_server(index, **values, inherited=_inherits_maintenance(srv, by_path))
    return indexes


def _arguments(px: Proxy, srv: Server, number: int) -> dict[str, Any]:
    try:
        return server_arguments(px, srv, number)
    except ValueError as error:
        raise CompileError(srv.location, f"'server {px.name}/{srv.name}' : {error}") from None


def server_arguments(px: Proxy, srv: Server, number: int) -> dict[str, Any]:
    """What the core is told of a server (builder.server_values). number: its id. Raises ValueError for a bad address."""
    named = srv.source or px.source
    has_address = srv.address.family not in ("ipv4", "ipv6") or srv.address.host not in ANY_HOSTS
    return {
        "name": srv.name,
        "id": number,
        "address": sockaddr(srv.address),
        "flags": _flags(srv),
        "weight": srv.weight,
        "maxconn": srv.maxconn,
        "minconn": min(srv.minconn, srv.maxconn),
        "maxqueue": srv.maxqueue,
        "port_offset": srv.address.port_offset or 0,
        "send_proxy": srv.send_proxy,
        "source": b"" if named is None else sockaddr(named.address),
        "pool_max_conn": srv.pool_max_conn,
        "pool_purge_ms": srv.pool_purge_delay_ms,
        "slowstart_ms": srv.slowstart_ms,
        "max_reuse": srv.max_reuse,
        "redir": file_bytes(srv.redir),
        "ring_id": _ring_id(srv, number),
        "rise": srv.rise,
        "fall": srv.fall,
        "disabled": srv.disabled,
        "cookie": file_bytes(srv.cookie) if px.mode == "http" else b"",
        "observe": OBSERVE[srv.observe] if srv.check else 0,
        "error_limit": srv.error_limit,
        # a name that nobody knew (`init-addr none`): in maintenance from the start, until it resolves
        "unresolved": not has_address and bool(srv.address.name),
    }


def add_server_tls(
    builder: ProgramBuilder, px: Proxy, indexes: dict[tuple[str, str], int], rules: RuleCompiler, glob: Global
) -> None:
    """What TLS to the servers of `px` is; once the rules' compiler knows all names."""
    for srv in px.servers:
        sni = rules.at(srv.location, px).expression(srv.tls.sni) if srv.tls.sni is not None else None
        values = server_values(srv, glob, sni)
        if values is not None:
            builder.set_server_tls(indexes[px.name, srv.name], values)


def refer_to_tracked(builder: ProgramBuilder, proxies: Iterable[Proxy], indexes: Mapping[tuple[str, str], int]) -> None:
    """Servers that others track must stay."""
    for path in {srv.track for px in proxies for srv in px.servers if srv.track}:
        backend, _, name = path.rpartition("/")
        if (backend, name) in indexes:
            builder.refer_to_server(indexes[backend, name])


def add_internal_server(builder: ProgramBuilder, index: int, service_address: bytes) -> None:
    """Adds control's service on the unix socket `service_address` (sun_path) to the proxy at `index`."""
    builder.add_server(
        index, INTERNAL_NAME, id=0, address=unix_sockaddr(service_address), flags=SERVER_FLAGS["internal"], pool_max_conn=16
    )


def direct_server(px: Proxy) -> Server | None:
    """`option transparent`: what stands for the address that the client has connected to."""
    return Server(px.location, DIRECT_NAME, Address("ipv4")) if px.has_backend and "transparent" in px.options else None


def add_direct_server(builder: ProgramBuilder, index: int, px: Proxy) -> dict[tuple[str, str], int]:
    """Behind all servers; its index by names, or nothing. Raises CompileError."""
    srv = direct_server(px)
    if srv is None:
        return {}
    values = _arguments(px, srv, 0)
    values["flags"] |= SERVER_FLAGS["internal"] | SERVER_FLAGS["non-stick"]
    return {(px.name, srv.name): builder.add_server(index, **values)}


def uses_service(px: Proxy) -> bool:
    """A rule sends requests to control."""
    return any(rule.core == "use-service" for rules in px.rules.values() for rule in rules)


def _inherits_maintenance(srv: Server, by_path: Mapping[str, Server]) -> bool:
    """Whether a server that it tracks, over however many others, is disabled from the start."""
    while srv.track:
        srv = by_path[srv.track]
        if srv.disabled:
            return True
    return False


def _ring_id(srv: Server, number: int) -> int:
    """What consistent hashing knows the server by (`hash-key`): the same in several proxies that list the same addresses."""
    address = srv.address
    if srv.hash_key == "id" or address.family not in ("ipv4", "ipv6"):
        return number
    port = address.port if srv.hash_key == "addr-port" else 0
    return zlib.crc32(f"{address.host}/{port}".encode()) & MAX_RING_ID


def _flags(srv: Server) -> int:
    is_ip = srv.address.family in ("ipv4", "ipv6")
    names = {
        "backup": srv.backup,
        "check": srv.check,
        "tfo": srv.tfo,
        "non-stick": srv.non_stick,
        # haproxy: a server without a port has the one that the client connected to.
        "map-port": is_ip and (srv.address.port_offset is not None or not (srv.address.port or is_service(srv.address.name))),
        "fcgi": srv.proto == "fcgi",
        "client-dst": is_ip and not srv.address.name and srv.address.host in ANY_HOSTS,
    }
    return sum(SERVER_FLAGS[name] for name, is_on in names.items() if is_on)
