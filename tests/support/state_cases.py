"""Sample fetches of internal state and of layers 4 and 5, with what each shows in the configuration of test_fetches_state.

`SAME`: haproxy's own value. A pattern, or a function of the value and the run (its ports), where two programs cannot show the
same: dates, ports, random numbers. Rows of HAProxy versions after 2.6 run in fastlb only.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

SAME = None


@dataclass(frozen=True)
class Run:
    """What one exchange had: ports of its client connection, of the listener, of the origin."""

    client_port: int
    listener_port: int
    origin_port: int


Expected = str | Callable[[str, Run], bool] | None


@dataclass(frozen=True)
class StateCase:
    """where: "request" (a backend's http-request) or "response" (its http-response). newer: not in HAProxy 2.6."""

    expression: str
    expected: Expected = SAME
    where: str = "request"
    newer: bool = False

    def holds(self, value: str, run: Run) -> bool:
        if isinstance(self.expected, str):
            return re.fullmatch(self.expected, value) is not None
        return self.expected is None or self.expected(value, run)


def _same(*expressions: str) -> list[StateCase]:
    return [StateCase(expression) for expression in expressions]


def _response(*expressions: str) -> list[StateCase]:
    return [StateCase(expression, where="response") for expression in expressions]


def _newer(where: str = "request", **by_expression: Expected) -> list[StateCase]:
    """The keyword's `__` stands for a dot."""
    return [StateCase(name.replace("__", "."), expected, where, True) for name, expected in by_expression.items()]


def _near(seconds: float, unit: float = 1, offset: float = 0) -> Callable[[str, Run], bool]:
    return lambda value, run: abs(int(value) / unit - offset - time.time()) <= seconds


_NUMBER = r"\d+"
_SMALL = r"\d{1,3}"

INTERNAL = [
    *_same("always_true", "always_false", "str(a b)", "str", "str('a,b)')", "int(-3)", "int(9223372036854775807)"),
    *_same("bool(TRUE)", "bool(0)", "bool(false)", "bin(41424344)", "ipv4(10.0.0.1)", "ipv6(2001:db8::1)"),
    *_same("meth(GET)", "meth(get)", "meth(PURGE)", "meth"),
    *_same("nbsrv", "nbsrv(b)", "nbsrv(c)", "nbsrv(d)", "nbsrv(e)", "nbsrv(off)", "be_conn", "be_conn(b)", "be_conn(c)"),
    *_same("be_conn_free", "be_conn_free(c)", "be_conn_free(d)", "be_conn_free(e)", "connslots", "connslots(c)", "connslots(d)"),
    StateCase("srv_is_up(gone/s1)", "1?"),
    StateCase("srv_conn_free(gone/s1)", "10|"),
    *_same(
        "nbsrv(gone)",
        "be_conn(gone)",
        "connslots(e)",
        "queue",
        "queue(c)",
        "avg_queue",
        "avg_queue(c)",
        "avg_queue(off)",
        "fe_conn(fe)",
        "fe_conn(idle)",
    ),
    *_same("be_sess_rate(c)", "fe_req_rate(idle)", "fe_sess_rate(idle)", "srv_sess_rate(c/s1)"),
    StateCase("be_sess_rate", _SMALL),
    StateCase("fe_req_rate(fe)", _SMALL),
    StateCase("fe_sess_rate(fe)", _SMALL),
    StateCase("srv_sess_rate(s)", _SMALL),
    *_same("srv_conn(s)", "srv_conn(b/s)", "srv_conn(c/s1)", "srv_conn_free(s)", "srv_conn_free(c/s2)", "srv_conn_free(d/s3)"),
    *_same("srv_conn_free(c/s3)", "srv_is_up(s)", "srv_is_up(off)", "srv_queue(s)", "srv_iweight(s)", "srv_uweight(s)"),
    *_same("srv_weight(s)", "srv_weight(off)", "srv_weight(d/s1)", "srv_iweight(off)"),
    *_same("str(c),nbsrv", "str(none),nbsrv", "str(fe),nbsrv", "str(off),nbsrv", "str(s),srv_queue", "str(b/s),srv_queue"),
    *_same("str(c/s1),srv_queue", "str(c/none),srv_queue", "str(none/s),srv_queue", "str(),srv_queue", "str(/s),srv_queue"),
    *_same("str(kept),capture-req(0)", "str(kept),capture-req(1)", "str(kept),capture-req(7)", "str(),capture-req(0)"),
    *_same("str(kept),capture-req(0),length", "str(kept),capture-res(0)", "str(kept),capture-res(9)"),
    StateCase("str(s),srv_is_up", "1", newer=True),
    StateCase("str(b/off),srv_is_up", "0", newer=True),
    StateCase("str(b/none),srv_is_up", "", newer=True),
    StateCase("str(fe),fe_exists", "1", newer=True),
    StateCase("str(b),fe_exists", "0", newer=True),
    *_same("hostname", "env(STATE_CASE)", "env(STATE_CASE_UNSET)", "env", "proc", "nbproc", "thread", "stopping", "wait_end"),
    *_same("rand(1)", "rand(0)", "prio_class", "prio_offset", "cpu_ns_avg", "cpu_ns_tot", "lat_ns_avg", "lat_ns_tot"),
    StateCase("rand", lambda value, run: 0 <= int(value) < 2**32),
    StateCase("rand(10)", r"\d"),
    StateCase("rand(-1)", lambda value, run: 0 <= int(value) < 2**32),
    StateCase("uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    StateCase("uuid(4)", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    StateCase("uuid(7)", r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", newer=True),
    StateCase("date", _near(3)),
    StateCase("date()", _near(3)),
    StateCase("date(-3600)", _near(3, 1, -3600)),
    StateCase("date(1000,ms)", _near(3, 1e3, 1)),
    StateCase("date(0,us)", _near(3, 1e6)),
    StateCase("date_us", r"\d{1,6}"),
    StateCase("cpu_calls", _SMALL),
    *_same("last_rule_line", "last_rule_file"),
    *_newer(act_conn=r"[1-9]\d?", pid=_NUMBER, tgroup="0", uptime=_SMALL, quic_enabled="0", txn__id32=_NUMBER),
    *_newer(txn__sess_term_state="--"),
    StateCase("acl(of_path)", "1", newer=True),
    StateCase("acl(!of_path)", "0", newer=True),
    StateCase("acl(of_path,!never)", "1", newer=True),
    StateCase("acl(of_path,never)", "0", newer=True),
]
LAYER4 = [
    *_same("src", "fc_src", "dst", "fc_dst", "src_is_local", "fc_src_is_local", "dst_is_local", "fc_dst_is_local"),
    StateCase("src_port", lambda value, run: int(value) == run.client_port),
    StateCase("fc_src_port", lambda value, run: int(value) == run.client_port),
    StateCase("dst_port", lambda value, run: int(value) == run.listener_port),
    StateCase("fc_dst_port", lambda value, run: int(value) == run.listener_port),
    *_same("dst_conn", "so_id", "so_name", "fe_name", "fe_id", "fe_defbe", "fe_client_timeout"),
    StateCase("fc_rtt", _NUMBER),
    StateCase("fc_rtt(ms)", _NUMBER),
    StateCase("fc_rtt(us)", r"[1-9]\d*"),
    StateCase("fc_rttvar", _NUMBER),
    StateCase("fc_rttvar(us)", r"[1-9]\d*"),
    *_same("fc_unacked", "fc_sacked", "fc_lost", "fc_retrans", "fc_fackets", "fc_reordering", "fc_retrans(x)"),
    *_same("fc_rcvd_proxy", "fc_http_major", "fc_err", "fc_err_str", "be_name", "be_id", "be_server_timeout"),
    *_same("be_tunnel_timeout", "cur_server_timeout", "cur_tunnel_timeout"),
    *_response("be_name", "be_id", "srv_name", "srv_id", "fe_name", "fe_defbe", "bc_src", "bc_dst", "bc_http_major", "bc_err"),
    *_response("bc_err_str", "be_server_timeout"),
    *_response("cur_server_timeout", "cur_tunnel_timeout", "be_conn", "wait_end", "src", "so_id", "last_rule_line"),
    StateCase("bc_dst_port", lambda value, run: int(value) == run.origin_port, "response"),
    StateCase("bc_src_port", r"[1-9]\d+", "response"),
    *_newer(be_connect_timeout="5000", be_queue_timeout="4000", be_max_retries="3", be_tarpit_timeout=_NUMBER),
    *_newer(cur_connect_timeout="5000", cur_queue_timeout="4000", cur_max_retries="3", cur_tarpit_timeout=_NUMBER),
    *_newer(cur_client_timeout="10000", fe_tarpit_timeout=_NUMBER, fc_nb_streams="1", fc_settings_streams_limit="1"),
    *_newer(fc_glitches="0", fc_saved_syn="", bytes_in=_NUMBER, bytes_out="0", req__bytes_in=_NUMBER),
    *_newer(req__bytes_out="0", res__bytes_in="0", last_entity=r".+:\d+", waiting_entity=""),
    *_newer("response", bc_reused="0", bc_nb_streams="1", bc_settings_streams_limit="1", bc_glitches="0", bc_be_queue="0"),
    *_newer("response", bc_srv_queue="0", bc_rtt=_NUMBER, bc_rttvar=_NUMBER, txn__conn_retries="0", txn__redispatched="0"),
    *_newer("response", req__bytes_in=r"[1-9]\d+", res__bytes_out=_NUMBER, bytes_out=_NUMBER),
    *_newer("response", req__bytes_out=r"[1-9]\d+", res__bytes_in=r"[1-9]\d+"),
    StateCase("bc_rtt(us)", r"[1-9]\d*", "response", newer=True),
]
TIMES = [
    *_newer(accept_date=_near(3), request_date=_near(3), fc__timer__handshake="0", fc__timer__total=_SMALL),
    *_newer(req__timer__idle=_SMALL, req__timer__hdr=_SMALL, req__timer__tq=_SMALL, req__timer__queue="-1"),
    *_newer(txn__timer__total=_SMALL, txn__timer__user=_SMALL),
    *_newer("response", req__timer__queue=_SMALL, bc__timer__connect=_SMALL, res__timer__hdr=_SMALL, res__timer__data=_SMALL),
    StateCase("accept_date(ms)", _near(3, 1e3), newer=True),
    StateCase("request_date(us)", _near(3, 1e6), newer=True),
]
_SSL_SECRETS = """
    client_early_traffic_secret client_handshake_traffic_secret client_traffic_secret_0 early_exporter_secret exporter_secret
    server_handshake_traffic_secret server_traffic_secret_0
"""
_CERTIFICATE = "der i_dn i_dn(CN,1,rfc2253) key_alg notafter notbefore s_dn s_dn(CN) serial sha1 sig_alg version"
_CLIENT_SIDE = f"""
    alg_keysize alpn cipher cipherlist_bin cipherlist_bin(1) cipherlist_hex cipherlist_str cipherlist_xxh client_random
    ecformats_bin eclist_bin err err_str extlist_bin has_crt has_early has_sni is_resumed npn protocol protocol_hello_id
    server_random session_id session_key sni unique_id use_keysize {_SSL_SECRETS}
"""
_SERVER_SIDE = """
    alg_keysize alpn cipher client_random err err_str is_resumed npn protocol server_random session_id session_key unique_id
    use_keysize
"""


def _all(prefix: str, names: str) -> list[str]:
    return [f"{prefix}_{name}" for name in names.split()]


LAYER5 = [
    *_same("ssl_fc", *_all("ssl_fc", _CLIENT_SIDE)),
    *_same(*_all("ssl_c", f"{_CERTIFICATE} used ca_err ca_err_depth err verify chain_der")),
    *_same(*_all("ssl_f", _CERTIFICATE)),
    *_same(*_all("ssl_s", f"{_CERTIFICATE} chain_der")),
    *_response("ssl_bc", *_all("ssl_bc", _SERVER_SIDE)),
    *_newer(ssl_fc_crtname="", ssl_fc_curve="", ssl_fc_early_rcvd="0", ssl_fc_sigalgs_bin="", ssl_c_san="", ssl_c_policies=""),
    *_newer(ssl_fc_supported_versions_bin="", ssl_c_r_dn="", fs__aborted="0", fs__rst_code=""),
    *_newer("response", ssl_bc_curve="", ssl_bc_sni="", bs__rst_code=""),
    *(StateCase(name, "", "response", True) for name in _all("ssl_bc", _SSL_SECRETS)),
]
CASES = [*INTERNAL, *LAYER4, *TIMES, *LAYER5]
ENVIRONMENT = {**os.environ, "STATE_CASE": "of the environment"}
