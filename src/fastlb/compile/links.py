"""What servers say of their connections, as the core's link_t: sources, socket options, PROXY headers, names in the pool.

Knows the extensions of the PROXY protocol by number (proxy-protocol.txt, 2.2). Must not know how a header is written.
"""

from __future__ import annotations

from typing import Any

from fastlb_core.bridge.builder import ProgramBuilder

from fastlb.config.keywords.server_link import WITH_TLS
from fastlb.config.logformat import parse_format
from fastlb.config.model import Proxy, Server
from fastlb.config.samples.types import Point

from .addresses import sockaddr
from .failure import CompileError
from .rules import HTTP_FLAG, RAW_FLAG, RuleCompiler
from .servers import direct_server
from .text import file_bytes

# Type, how the core makes the value, whether it stands within that of TLS, and its format; in haproxy's order.
_TLS_TYPE = 0x20
_RAW = HTTP_FLAG | RAW_FLAG
_OPTIONS: dict[str, tuple[int, str, bool, str]] = {
    "crc32c": (0x03, "checksum", False, ""),
    "authority": (0x02, "format", False, "%[ssl_fc_sni]"),
    "unique-id": (0x05, "unique-id", False, ""),
    "ssl": (_TLS_TYPE, "tls", False, ""),
    "version": (0x21, "format", True, "%[ssl_fc_protocol]"),
    "cert-cn": (0x22, "format", True, "%[ssl_c_s_dn(CN)]"),
    "cert-key": (0x25, "key", True, ""),
    "cert-sig": (0x24, "format", True, "%[ssl_f_sig_alg]"),
    "ssl-cipher": (0x23, "format", True, "%[ssl_fc_cipher]"),
}


def add_links(builder: ProgramBuilder, px: Proxy, indexes: dict[tuple[str, str], int], rules: RuleCompiler) -> None:
    """For each server of `px` that says anything of it; once the rules' compiler knows all names. Raises CompileError."""
    direct = direct_server(px)
    for srv in (*px.servers, direct) if direct is not None else px.servers:
        values = link_values(px, srv, rules)
        if values is not None:
            builder.set_link(indexes[px.name, srv.name], values)


def link_values(px: Proxy, srv: Server, rules: RuleCompiler) -> dict[str, Any] | None:
    """What the core is told of the server's connections, None where there is nothing to tell. Raises CompileError."""
    values = _values(px, srv, rules.at(srv.location, px))
    return _EMPTY | values if any(values.values()) else None


_EMPTY: dict[str, Any] = {
    "interface": b"",
    "user_timeout_ms": 0,
    "keep_idle_s": 0,
    "keep_interval_s": 0,
    "keep_count": 0,
    "ports": (0, 0),
    "usesrc": "",
    "from_address": b"",
    "from_header": None,
    "pool_name": None,
    "tlvs": [],
}


def _values(px: Proxy, srv: Server, rules: RuleCompiler) -> dict[str, Any]:
    """What differs from _EMPTY, or is as there."""
    values: dict[str, Any] = {
        "user_timeout_ms": srv.tcp_ut_ms,
        "keep_idle_s": px.srv_keepalive.idle_s,
        "keep_interval_s": px.srv_keepalive.interval_s,
        "keep_count": px.srv_keepalive.count,
        "tlvs": _tlvs(srv, rules),
    }
    source = srv.source or px.source
    if srv.pool_conn_name is not None:
        values["pool_name"] = rules.expression(srv.pool_conn_name)
    if source is None:
        return values
    values |= {"interface": file_bytes(source.interface), "usesrc": source.usesrc}
    if source.address.port_high > source.address.port_low:
        values["ports"] = (source.address.port_low, source.address.port_high - source.address.port_low + 1)
    if source.header is not None:
        values["from_header"] = rules.expression(source.header)
    if source.shown is not None:
        try:
            values["from_address"] = sockaddr(source.shown)
        except ValueError as error:
            raise CompileError(srv.location, f"'server {px.name}/{srv.name}' : 'usesrc' : {error}") from None
    return values


def _tlvs(srv: Server, rules: RuleCompiler) -> list[tuple[int, str, bool, Any]]:
    wanted = set(srv.proxy_v2_options)
    if wanted & WITH_TLS or "ssl" in wanted:
        wanted |= {"ssl", "version"}
    found: list[tuple[int, str, bool, Any]] = []
    for kind, value, is_nested, text in (row for name, row in _OPTIONS.items() if name in wanted):
        parsed = parse_format(text, Point.CONNECT_SERVER, {}) if text else None
        found.append((kind, value, is_nested, rules.format(parsed, _RAW) if parsed is not None else None))
    return found + [(kind, "format", False, rules.format(parsed, _RAW)) for kind, parsed in srv.proxy_v2_tlvs]
