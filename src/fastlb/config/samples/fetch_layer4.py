"""Sample fetches of connections and of what a stream goes through (manual, sections 7.3.3 and 8.4).

Knows their types, arguments and where they may be used. Must not know how they are computed. Stick tables' are in
fetch_track.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..keywords.row import UNSUPPORTED
from . import checks
from .row import Check, FetchRow
from .types import ADDR, BOOL, SINT, STR, SampleType, Source

_PER_SIDE = "what a multiplexer would say; fastlb speaks HTTP/1 only"


def _rows(
    names: str,
    output: SampleType,
    source: Source,
    arguments: str = "",
    check: Check | None = None,
    *,
    since: str = "",
    core: str = "",
    note: str = "",
    manual: str = "7.3.3",
    unsupported: bool = False,
) -> Iterator[FetchRow]:
    for name in names.split():
        row = FetchRow(name, output, (source,), arguments, manual, since, core, check=check, note=note)
        if unsupported:
            row = FetchRow(name, output, (source,), arguments, manual, since, core, check=check, status=UNSUPPORTED, note=note)
        yield row


_CLIENT = Source.CLIENT_ADDRESS
_FRONT = Source.FRONTEND
_BACK = Source.BACKEND
_SERVER = Source.SERVER
_SERVER_CONNECTION = Source.SERVER_CONNECTION
_LISTENER = Source.LISTENER
_IN = Source.INTERNAL

_ADDRESSES: tuple[FetchRow, ...] = (
    *_rows("src fc_src dst fc_dst", ADDR, _CLIENT),
    *_rows("src_port fc_src_port dst_port fc_dst_port", SINT, _CLIENT),
    *_rows("src_is_local fc_src_is_local dst_is_local fc_dst_is_local", BOOL, _CLIENT),
    *_rows("bc_dst bc_src", ADDR, Source.SERVER_ADDRESS),
    *_rows("bc_dst_port bc_src_port", SINT, Source.SERVER_ADDRESS),
)
_CONNECTIONS: tuple[FetchRow, ...] = (
    *_rows("dst_conn so_id", SINT, _LISTENER),
    *_rows("so_name", STR, _LISTENER),
    *_rows("fc_rtt fc_rttvar", SINT, _CLIENT, "any?", checks.rtt),
    *_rows("bc_rtt bc_rttvar", SINT, _SERVER_CONNECTION, "any?", checks.rtt, since="2.9"),
    *_rows("fc_fackets fc_lost fc_reordering fc_retrans fc_sacked fc_unacked", SINT, _CLIENT, "any?", checks.no_arguments),
    *_rows("fc_rcvd_proxy", BOOL, _CLIENT),
    *_rows("fc_http_major fc_err", SINT, _CLIENT),
    *_rows("fc_err_str", STR, _CLIENT),
    *_rows("bc_http_major bc_err", SINT, _SERVER_CONNECTION),
    *_rows("bc_err_str", STR, _SERVER_CONNECTION),
    *_rows("bc_reused", BOOL, _SERVER_CONNECTION, since="3.1"),
    *_rows("fc_nb_streams fc_settings_streams_limit", SINT, _CLIENT, core="one", since="2.9"),
    *_rows("bc_nb_streams bc_settings_streams_limit", SINT, _SERVER_CONNECTION, core="bc_one", since="2.9"),
    *_rows("fc_glitches", SINT, _CLIENT, core="zero", since="2.9"),
    *_rows("bc_glitches", SINT, _SERVER_CONNECTION, core="bc_zero", since="2.9"),
    *_rows("fc_saved_syn", STR, _CLIENT, core="no_value", since="3.3", note="fastlb has no bind option tcp-ss yet"),
    *_rows("fc_pp_authority", STR, _CLIENT, "", checks.always(checks.AUTHORITY), core="fc_pp_tlv"),
    *_rows("fc_pp_unique_id", STR, _CLIENT, "", checks.always(checks.UNIQUE_ID), core="fc_pp_tlv"),
    *_rows("fc_pp_tlv", STR, _CLIENT, "any", checks.tlv, since="2.9"),
    *_rows("fc_err_name", STR, _CLIENT, since="3.1", note="write fc_err or fc_err_str", unsupported=True),
    *_rows("bc_err_name", STR, _SERVER_CONNECTION, since="3.1", note="write bc_err or bc_err_str", unsupported=True),
)
_STREAM: tuple[FetchRow, ...] = (
    *_rows("fe_name fe_defbe", STR, _FRONT),
    *_rows("fe_id fe_client_timeout", SINT, _FRONT),
    *_rows("fe_tarpit_timeout", SINT, _FRONT, since="3.3"),
    *_rows("be_name", STR, _BACK),
    *_rows("be_id be_server_timeout be_tunnel_timeout", SINT, _BACK),
    *_rows("be_connect_timeout be_max_retries be_queue_timeout be_tarpit_timeout", SINT, _BACK, since="3.3"),
    *_rows("cur_server_timeout cur_tunnel_timeout", SINT, _BACK),
    *_rows("cur_client_timeout", SINT, _FRONT, since="3.0"),
    *_rows("cur_connect_timeout cur_max_retries cur_queue_timeout cur_tarpit_timeout", SINT, _BACK, since="3.3"),
    *_rows("srv_id", SINT, _SERVER),
    *_rows("srv_name", STR, _SERVER),
    *_rows("txn.conn_retries", SINT, _SERVER_CONNECTION, since="2.9"),
    *_rows("txn.redispatched", BOOL, _SERVER_CONNECTION, since="2.9"),
    *_rows("bc_be_queue bc_srv_queue", SINT, _SERVER_CONNECTION, since="2.9"),
    *_rows("bytes_in", SINT, _IN, core="req.bytes_in", since="2.9"),
    *_rows("bytes_out", SINT, _IN, core="res.bytes_out", since="2.9"),
    *_rows("req.bytes_in req.bytes_out res.bytes_in res.bytes_out", SINT, _IN, since="3.3"),
)
_TIMES: tuple[FetchRow, ...] = (
    *_rows("accept_date", SINT, _FRONT, "any?", checks.unit, since="2.9", manual="7.3.3"),
    *_rows("request_date", SINT, Source.REQUEST, "any?", checks.unit, since="2.9", manual="7.3.6"),
    *_rows("fc.timer.handshake fc.timer.total", SINT, _FRONT, since="2.9", manual="8.4"),
    *_rows("req.timer.hdr req.timer.idle req.timer.tq", SINT, _FRONT, since="2.9", manual="8.4"),
    *_rows("req.timer.queue bc.timer.connect", SINT, _BACK, since="2.9", manual="8.4"),
    *_rows("res.timer.hdr res.timer.data", SINT, Source.RESPONSE, since="2.9", manual="8.4"),
    *_rows("txn.timer.total txn.timer.user", SINT, _FRONT, since="2.9", manual="8.4"),
)
# Layer 5 of a connection without TLS (manual, 7.3.4).
_SIDES: tuple[FetchRow, ...] = (
    *_rows("fs.aborted", BOOL, _CLIENT, since="2.9", manual="7.3.4"),
    *_rows("fs.rst_code", SINT, _CLIENT, core="no_value", since="2.9", manual="7.3.4"),
    *_rows("bs.rst_code", SINT, _SERVER_CONNECTION, core="no_value", since="2.9", manual="7.3.4"),
    *_rows("bs.aborted", BOOL, _SERVER_CONNECTION, since="2.9", manual="7.3.4", note=_PER_SIDE, unsupported=True),
    *_rows("fs.id", SINT, _CLIENT, since="3.0", manual="7.3.4", note=_PER_SIDE, unsupported=True),
    *_rows("bs.id", SINT, _SERVER_CONNECTION, since="3.0", manual="7.3.4", note=_PER_SIDE, unsupported=True),
    *_rows("fs.debug_str", STR, _CLIENT, "int?", since="3.1", manual="7.3.4", note=_PER_SIDE, unsupported=True),
    *_rows("bs.debug_str", STR, _SERVER_CONNECTION, "int?", since="3.1", manual="7.3.4", note=_PER_SIDE, unsupported=True),
)

FETCHES: tuple[FetchRow, ...] = (*_ADDRESSES, *_CONNECTIONS, *_STREAM, *_TIMES, *_SIDES)
