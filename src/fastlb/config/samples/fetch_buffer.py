"""Sample fetches of buffer contents, undeciphered (manual, section 7.3.5), and their ACL derivatives.

Knows their types, arguments and where they may be used. Must not know how they are computed.
"""

from __future__ import annotations

import re

from .fetch_http import derived
from .row import Check, FetchRow
from .types import BIN, BOOL, SINT, STR, SampleType, Source
from .values import ArgumentFault, Unset, Value

_REQ = (Source.REQUEST_BUFFER,)
_RES = (Source.RESPONSE_BUFFER,)
_BOTH = (Source.REQUEST_BUFFER, Source.RESPONSE_BUFFER)
_MANUAL = "7.3.5"
_TOKEN_LENGTH = 4


def _check_sized(arguments: list[Value]) -> list[Value]:
    """`payload_lv`: the core gets where the size stands, its bytes, an offset, and 1 when that counts from behind the size."""
    at, width = arguments[:2]
    if not isinstance(at, int) or at < 0:
        raise ArgumentFault("payload offset1 must be positive")
    if not isinstance(width, int) or width <= 0:
        raise ArgumentFault("payload length must be > 0")
    text = arguments[2] if len(arguments) > 2 else Unset()
    if not isinstance(text, str) or not text:
        return [at, width, 0, 1]
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise ArgumentFault("payload offset2 is not a number")
    offset, is_relative = int(text), text[0] in "+-"
    if is_relative and at + width + offset < 0:
        raise ArgumentFault("payload offset2 too negative")
    return [at, width, offset, int(is_relative)]


def _check_token(arguments: list[Value]) -> list[Value]:
    if not isinstance(arguments[0], str) or len(arguments[0]) != _TOKEN_LENGTH:
        raise ArgumentFault("token name must be exactly 4 characters")
    return arguments


def _row(
    name: str,
    output: SampleType,
    sources: tuple[Source, ...] = _REQ,
    arguments: str = "",
    core: str = "",
    since: str = "",
    check: Check | None = None,
) -> FetchRow:
    return FetchRow(name, output, sources, arguments, manual=_MANUAL, core=core, since=since, check=check)


FETCHES: tuple[FetchRow, ...] = (
    _row("distcc_body", BIN, _BOTH, "str int?", check=_check_token),
    _row("distcc_param", SINT, _BOTH, "str int?", check=_check_token),
    _row("payload", BIN, _BOTH, "int int"),
    _row("payload_lv", BIN, _BOTH, "int int str?", check=_check_sized),
    _row("req.payload", BIN, _REQ, "int int"),
    _row("req.payload_lv", BIN, _REQ, "int int str?", check=_check_sized),
    _row("res.payload", BIN, _RES, "int int"),
    _row("res.payload_lv", BIN, _RES, "int int str?", check=_check_sized),
    _row("req.len", SINT),
    _row("req_len", SINT, core="req.len"),
    _row("res.len", SINT, _RES),
    _row("req.proto_http", BOOL, (Source.REQUEST,)),
    _row("req_proto_http", BOOL, (Source.REQUEST,), core="req.proto_http"),
    _row("req.rdp_cookie", STR, arguments="str?"),
    _row("rdp_cookie", STR, arguments="str?", core="req.rdp_cookie"),
    _row("req.rdp_cookie_cnt", SINT, arguments="str?"),
    _row("rdp_cookie_cnt", SINT, arguments="str?", core="req.rdp_cookie_cnt"),
    _row("req.ssl_alpn", STR),
    _row("req.ssl_ec_ext", BOOL),
    _row("req.ssl_hello_type", SINT),
    _row("req_ssl_hello_type", SINT, core="req.ssl_hello_type"),
    _row("req.ssl_sni", STR),
    _row("req_ssl_sni", STR, core="req.ssl_sni"),
    _row("req.ssl_st_ext", SINT),
    _row("req.ssl_ver", SINT),
    _row("req_ssl_ver", SINT, core="req.ssl_ver"),
    _row("req.ssl_cipherlist", BIN, since="2.7 or later"),
    _row("req.ssl_sigalgs", BIN, since="2.7 or later"),
    _row("req.ssl_keyshare_groups", BIN, since="2.7 or later"),
    _row("req.ssl_supported_groups", BIN, since="2.7 or later"),
    _row("res.ssl_hello_type", SINT, _RES),
    _row("rep_ssl_hello_type", SINT, _RES, core="res.ssl_hello_type"),
)
_BY_NAME = {row.name: row for row in FETCHES}
DERIVATIVES: tuple[FetchRow, ...] = tuple(
    derived(keyword, _BY_NAME[fetch], match)
    for keyword, fetch, match in (
        ("payload", "req.payload", "bin"),
        ("payload_lv", "req.payload_lv", "bin"),
        ("req.ssl_ver", "req.ssl_ver", "int"),
        ("req_ssl_ver", "req.ssl_ver", "int"),
        ("req_rdp_cookie", "req.rdp_cookie", "str"),
        ("req_rdp_cookie_cnt", "req.rdp_cookie_cnt", "int"),
        ("req_ssl_sni", "req.ssl_sni", "str"),
    )
)
