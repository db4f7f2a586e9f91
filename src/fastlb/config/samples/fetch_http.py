"""Sample fetches of HTTP messages (manual, section 7.3.6) and the ACL derivatives of them (7.3.6, "ACL derivatives").

Knows their types, arguments and where they may be used. Must not know how they are computed.
"""

from __future__ import annotations

from ..keywords.row import UNSUPPORTED
from .row import FetchRow
from .types import ADDR, BIN, BOOL, METH, SINT, STR, SampleType, Source
from .values import ArgumentFault, Value

_REQ = (Source.REQUEST_HEADERS,)
_RES = (Source.RESPONSE_HEADERS,)
_BOTH = (Source.REQUEST_HEADERS, Source.RESPONSE_HEADERS)
_KEPT = (Source.REQUEST,)
_MANUAL = "7.3.6"
# haproxy: so many values are remembered while a header is walked.
_MOST_FROM_END = 10
_MATCHES = ("str", "beg", "dir", "dom", "end", "len", "reg", "sub")


def _check_header(arguments: list[Value]) -> list[Value]:
    """Puts the header's name into lower case, as names stand in messages."""
    if arguments and isinstance(arguments[0], str):
        arguments = [arguments[0].lower(), *arguments[1:]]
    if len(arguments) > 1 and isinstance(arguments[1], int) and arguments[1] < -_MOST_FROM_END:
        raise ArgumentFault(f"header occurrence must be >= {-_MOST_FROM_END}")
    return arguments


def _row(
    name: str, output: SampleType, sources: tuple[Source, ...], arguments: str = "", core: str = "", since: str = ""
) -> FetchRow:
    return FetchRow(name, output, sources, arguments, manual=_MANUAL, core=core, since=since)


def _headers(side: str, sources: tuple[Source, ...], old: str) -> tuple[FetchRow, ...]:
    """The header fetches of one direction, and their old names (`hdr_cnt`, `shdr_cnt`)."""
    found = []
    kinds = (
        ("hdr", STR, "str? int"),
        ("fhdr", STR, "str? int"),
        ("hdr_cnt", SINT, "str?"),
        ("fhdr_cnt", SINT, "str?"),
        ("hdr_val", SINT, "str? int"),
        ("hdr_ip", ADDR, "str? int"),
    )
    for kind, output, arguments in kinds:
        core = f"{side}.{kind}"
        found.append(FetchRow(core, output, sources, arguments, manual=_MANUAL, check=_check_header))
        # `hdr` itself looks at whichever message is there.
        if not kind.startswith("fhdr") and (side == "res" or kind != "hdr"):
            alias = old + kind.removeprefix("hdr")
            found.append(FetchRow(alias, output, sources, arguments, manual=_MANUAL, core=core, check=_check_header))
    return (
        *found,
        _row(f"{side}.hdr_names", STR, sources, "str?"),
        _row(f"{side}.hdrs", BIN, sources),
        _row(f"{side}.hdrs_bin", BIN, sources),
    )


def _cookies(side: str, sources: tuple[Source, ...], old: str) -> tuple[FetchRow, ...]:
    found = [_row(f"{side}.cook_names", STR, sources, "str?", since="2.7 or later")]
    for kind, output in (("", STR), ("_cnt", SINT), ("_val", SINT)):
        core = f"{side}.cook{kind}"
        found += [_row(core, output, sources, "str?"), _row(old + kind, output, sources, "str?", core)]
    return tuple(found)


def _bodies(side: str, source: Source) -> tuple[FetchRow, ...]:
    return (
        _row(f"{side}.body", BIN, (source,)),
        _row(f"{side}.body_len", SINT, (source,)),
        _row(f"{side}.body_size", SINT, (source,)),
    )


_TARGET: tuple[FetchRow, ...] = (
    _row("base", STR, _REQ),
    _row("base32", SINT, _REQ),
    _row("base32+src", BIN, (Source.REQUEST_HEADERS, Source.CLIENT_ADDRESS)),
    _row("baseq", STR, _REQ),
    _row("path", STR, _REQ),
    _row("pathq", STR, _REQ),
    _row("query", STR, _REQ),
    _row("url", STR, _REQ),
    _row("url32", SINT, _REQ),
    _row("url32+src", BIN, (Source.REQUEST_HEADERS, Source.CLIENT_ADDRESS)),
    _row("url_ip", ADDR, _REQ),
    _row("url_port", SINT, _REQ),
    _row("urlp", STR, _REQ, "str? str"),
    _row("url_param", STR, _REQ, "str? str", "urlp"),
    _row("urlp_val", SINT, _REQ, "str? str"),
)
_LINES: tuple[FetchRow, ...] = (
    _row("method", METH, _KEPT),
    _row("req.ver", STR, _REQ),
    _row("req_ver", STR, _REQ, core="req.ver"),
    _row("res.ver", STR, _RES),
    _row("resp_ver", STR, _RES, core="res.ver"),
    _row("status", SINT, (Source.RESPONSE,)),
    _row("server_status", SINT, (Source.RESPONSE,), since="2.7 or later"),
    _row("txn.status", SINT, (Source.RESPONSE,), since="2.7 or later"),
    _row("http_first_req", BOOL, _KEPT),
    _row("capture.req.hdr", STR, _KEPT, "int"),
    _row("capture.req.method", STR, _KEPT),
    _row("capture.req.uri", STR, _KEPT),
    _row("capture.req.ver", STR, _KEPT),
    _row("capture.res.hdr", STR, (Source.RESPONSE,), "int"),
    _row("capture.res.ver", STR, _KEPT),
    _row("unique-id", STR, (Source.INTERNAL,)),
    _row("res.cache_hit", BOOL, (Source.RESPONSE,)),
    _row("res.cache_name", STR, (Source.RESPONSE,)),
    _row("res.comp", BOOL, (Source.RESPONSE,)),
    _row("res.comp_algo", STR, (Source.RESPONSE,)),
)
_AUTH: tuple[FetchRow, ...] = (
    _row("http_auth", BOOL, _REQ, "userlist"),
    _row("http_auth_group", STR, _REQ, "userlist"),
    FetchRow("http_auth_bearer", STR, _REQ, "str?", manual=_MANUAL, check=_check_header),
    _row("http_auth_type", STR, _REQ),
    _row("http_auth_user", STR, _REQ),
    _row("http_auth_pass", STR, _REQ),
)
# haproxy: not in its manual.
_FCGI: tuple[FetchRow, ...] = (_row("fcgi.docroot", STR, _REQ), _row("fcgi.index", STR, _REQ))
_NO_BLOCKS = "HTX blocks are HAProxy's own form of a message; a message stands here as it came"
_HTX: tuple[FetchRow, ...] = tuple(
    FetchRow(f"internal.{name}", output, _BOTH, arguments, manual="7.3.7", status=UNSUPPORTED, note=_NO_BLOCKS)
    for name, output, arguments in (
        ("htx.data", SINT, ""),
        ("htx.free", SINT, ""),
        ("htx.free_data", SINT, ""),
        ("htx.has_eom", BOOL, ""),
        ("htx.nbblks", SINT, ""),
        ("htx.size", SINT, ""),
        ("htx.used", SINT, ""),
        ("htx_blk.size", SINT, "str"),
        ("htx_blk.type", STR, "str"),
        ("htx_blk.data", BIN, "str"),
        ("htx_blk.hdrname", STR, "str"),
        ("htx_blk.hdrval", STR, "str"),
        ("htx_blk.start_line", STR, "str"),
        ("strm.is_htx", BOOL, ""),
    )
)

FETCHES: tuple[FetchRow, ...] = (
    FetchRow("hdr", STR, _BOTH, "str? int", manual=_MANUAL, check=_check_header),
    *_headers("req", _REQ, "hdr"),
    *_headers("res", _RES, "shdr"),
    _row("cookie", STR, _BOTH, "str?"),
    _row("set-cookie", STR, _RES, "str?", "res.cook", since="2.7 or later"),
    *_cookies("req", _REQ, "cook"),
    *_cookies("res", _RES, "scook"),
    *_bodies("req", Source.REQUEST_BODY),
    *_bodies("res", Source.RESPONSE_BODY),
    _row("req.body_param", BIN, (Source.REQUEST_BODY,), "str?"),
    *_TARGET,
    *_LINES,
    *_AUTH,
    *_FCGI,
    *_HTX,
)
_BY_NAME = {row.name: row for row in FETCHES}


def derived(name: str, of: FetchRow, match: str) -> FetchRow:
    """The ACL keyword `name`: fetch `of`, compared with method `match`."""
    core = of.core or of.name
    return FetchRow(name, of.output, of.sources, of.arguments, of.manual, core=core, match=match, check=of.check)


# haproxy: in ACLs `hdr_beg` and the like look at requests, whatever `hdr` does elsewhere.
DERIVATIVES: tuple[FetchRow, ...] = (
    *(
        derived(keyword if match == "str" else f"{keyword}_{match}", _BY_NAME[fetch], match)
        for keyword, fetch in (
            ("base", "base"),
            ("cook", "req.cook"),
            ("hdr", "req.hdr"),
            ("path", "path"),
            ("scook", "res.cook"),
            ("shdr", "res.hdr"),
            ("url", "url"),
            ("urlp", "urlp"),
        )
        for match in _MATCHES
    ),
    derived("http_auth_group", _BY_NAME["http_auth_group"], "auth"),
    derived("method", _BY_NAME["method"], "meth"),
    derived("req_ver", _BY_NAME["req.ver"], "str"),
    derived("resp_ver", _BY_NAME["res.ver"], "str"),
)
