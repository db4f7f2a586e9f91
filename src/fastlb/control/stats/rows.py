"""One statistics row per frontend, listener, server and backend: live state and counters under HAProxy's column names.

Knows what each column means for each kind of object (management guide, section 9.1) and HAProxy's status words. Must not
know how rows are shown. A column that an object does not have is absent from its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastlb.control import ports, sockaddr
from fastlb.control.checks.status import DESCRIPTIONS, Result, Status, known
from fastlb.control.directory import LiveListener, LiveProxy, LiveServer
from fastlb.control.hub import Control, clock_ms
from fastlb.control.servers import WEIGHT_SCALE, AgentState, weight_of
from fastlb.control.stats import latency
from fastlb.control.stats.fields import TYPE_BACKEND, TYPE_FRONTEND, TYPE_LISTENER, TYPE_SERVER, Row

# The averages are over this many requests (haproxy: TIME_STATS_SAMPLES).
_SAMPLES = 1024

_FRONTEND_STATES = {ports.FRONTEND_RUN: "OPEN", ports.FRONTEND_STOPPED: "STOP", ports.FRONTEND_PAUSED: "PAUSED"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows: proxy (name, #id or "" for all), a mask of types (1 frontend, 2 backend, 4 server), sid or -1.

    hides_down, hides_maint: `up` and `no-maint`. shows_address: addresses are for operators and admins only.
    """

    proxy_id: int | None = None
    types: int = -1
    sid: int = -1
    hides_down: bool = False
    hides_maint: bool = False
    shows_address: bool = True


def rows(control: Control, wanted: Filter) -> Iterator[Row]:
    """The rows of all proxies that pass the filter, in HAProxy's order."""
    now = clock_ms()
    for proxy in control.directory.proxies:
        if wanted.proxy_id is None or proxy.id == wanted.proxy_id:
            yield from proxy_rows(control, proxy, wanted, now)


def proxy_rows(control: Control, proxy: LiveProxy, wanted: Filter, now: int) -> Iterator[Row]:
    """Frontend, listeners (with `option socket-stats`), servers, backend of one proxy."""
    if proxy.is_frontend and wanted.types & 1 and wanted.sid in (-1, 0):
        yield frontend_row(control, proxy)
    if proxy.is_frontend and wanted.types & 1 and "socket-stats" in proxy.config.options:
        for listener in proxy.listeners:
            if wanted.sid in (-1, listener.id):
                yield listener_row(control, listener, wanted)
    if proxy.is_backend and wanted.types & 4:
        for server in proxy.servers:
            if wanted.sid in (-1, server.id) and not _is_hidden(control, server, wanted):
                yield server_row(control, server, wanted, now)
    if proxy.is_backend and wanted.types & 2 and wanted.sid in (-1, 0):
        yield backend_row(control, proxy, wanted, now)


def _is_hidden(control: Control, server: LiveServer, wanted: Filter) -> bool:
    state = control.snapshot.server_state(server.index)
    if wanted.hides_maint and state.admin & ports.ADMIN_MAINT:
        return True
    return wanted.hides_down and (state.state == ports.STATE_STOPPED or bool(state.admin & ports.ADMIN_MAINT))


def frontend_row(control: Control, proxy: LiveProxy) -> Row:
    state, counters = control.snapshot.proxy_state(proxy.index), control.snapshot.counters("frontend", proxy.index)
    row: Row = {"pxname": proxy.name, "svname": "FRONTEND", "scur": state.fe_conns, "smax": state.fe_conns_max}
    row |= {"slim": state.fe_maxconn if state.fe_state == ports.FRONTEND_RUN else 0, "stot": counters.cum_sess}
    row |= {"bin": counters.bytes_in, "bout": counters.bytes_out, "dreq": counters.denied_req, "dresp": counters.denied_resp}
    row |= {"ereq": counters.failed_req, "status": _FRONTEND_STATES.get(state.fe_state, "OPEN")}
    row |= {"pid": 1, "iid": proxy.id, "sid": 0, "type": TYPE_FRONTEND}
    row |= {"rate": counters.sess_rate, "rate_lim": 0, "rate_max": counters.sess_rate_max}
    if proxy.is_http:
        row |= _answers(counters)
        row |= {"intercepted": counters.intercepted, "cache_lookups": 0, "cache_hits": 0}
    row |= {"req_rate": counters.req_rate, "req_rate_max": counters.req_rate_max, "req_tot": counters.cum_req}
    row |= _compression(counters) | {"mode": _mode(proxy)}
    row |= {"conn_rate": counters.conn_rate, "conn_rate_max": counters.conn_rate_max, "conn_tot": counters.cum_conn}
    row |= {"dcon": counters.denied_conn, "dses": counters.denied_sess, "wrew": 0, "eint": 0}
    return row | latency.columns(control.snapshot, "frontend", proxy.index)


def _compression(counters: ports.Counters) -> Row:
    return {"comp_in": counters.comp_in, "comp_out": counters.comp_out, "comp_byp": 0, "comp_rsp": counters.comp_rsp}


def listener_row(control: Control, listener: LiveListener, wanted: Filter) -> Row:
    proxy, counters = listener.proxy, control.snapshot.counters("listener", listener.index)
    state = control.snapshot.proxy_state(proxy.index)
    row: Row = {"pxname": proxy.name, "svname": listener.name, "scur": counters.used_conns, "smax": 0}
    row |= {"slim": (listener.config.maxconn if listener.config else None) or 0, "stot": counters.cum_sess}
    row |= {"bin": counters.bytes_in, "bout": counters.bytes_out, "dreq": counters.denied_req, "dresp": counters.denied_resp}
    row |= {"ereq": counters.failed_req, "status": _FRONTEND_STATES.get(state.fe_state, "OPEN")}
    row |= {"pid": 1, "iid": proxy.id, "sid": listener.id, "type": TYPE_LISTENER, "mode": _mode(proxy)}
    if wanted.shows_address and listener.config is not None:
        row["addr"] = _bind_text(listener)
    row |= {"dcon": counters.denied_conn, "dses": counters.denied_sess, "wrew": 0, "eint": 0}
    return row


def server_row(control: Control, server: LiveServer, wanted: Filter, now: int) -> Row:
    state, counters = control.snapshot.server_state(server.index), control.snapshot.counters("server", server.index)
    config = server.config
    row: Row = {"pxname": server.proxy.name, "svname": server.name, "qcur": state.queued, "qmax": state.queued_max}
    row |= {"scur": state.served, "smax": state.served_max, "stot": counters.cum_sess}
    if state.maxconn:
        row["slim"] = state.maxconn
    row |= _server_traffic(counters) | {"dresp": counters.denied_resp}
    agent = control.servers.agents.get(server.index) if control.agents.is_enabled(server) else None
    row |= {"status": server_status(control, server, state), "weight": weight_of(state)}
    row |= {"act": int(not config.backup), "bck": int(config.backup)}
    row |= {"lastchg": (now - state.last_change_ms) // 1000}
    is_checked = config.check and bool(state.check_flags & ports.CHECK_ENABLED)
    if is_checked:
        row |= {"chkfail": state.failed_checks, "chkdown": state.down_trans, "downtime": _downtime(state, now) // 1000}
    if config.check and config.observe:
        row["hanafail"] = state.failed_hana
    if config.maxqueue:
        row["qlimit"] = config.maxqueue
    row |= {"pid": 1, "iid": server.proxy.id, "sid": server.id, "lbtot": counters.cum_lbconn, "type": TYPE_SERVER}
    if server.tracked is not None:
        row["tracked"] = server.tracked.path
    if state.state == ports.STATE_STARTING and config.slowstart_ms and is_usable(state):
        row["throttle"] = throttle_percent(state)
    row |= {"rate": counters.sess_rate, "rate_max": counters.sess_rate_max}
    if is_checking(state):
        row |= _check_columns(state)
    if agent is not None:
        row |= _agent_columns(agent)
    if server.proxy.is_http:
        row |= _answers(counters) | {"req_tot": counters.cum_req}
    row |= {"lastsess": _since(state.last_sess_ms, now), "mode": _mode(server.proxy)}
    if wanted.shows_address:
        row["addr"] = sockaddr.text(state.address)
        if state.cookie:
            row["cookie"] = state.cookie.decode("utf-8", "surrogateescape")
    row |= _times(counters) | {"wrew": 0, "eint": 0, "connect": counters.connect, "reuse": counters.reuse}
    row |= {"srv_icur": counters.idle_conns, "idle_conn_cur": 0, "safe_conn_cur": counters.idle_conns}
    if config.pool_max_conn >= 0:
        row["src_ilim"] = config.pool_max_conn
    row |= {"used_conn_cur": counters.used_conns, "need_conn_est": 0, "uweight": state.uweight}
    # Looking at the histograms of a server without traffic would take memory for their pages.
    return row | (latency.columns(control.snapshot, "server", server.index) if counters.cum_sess else {})


def backend_row(control: Control, proxy: LiveProxy, wanted: Filter, now: int) -> Row:
    state, counters = control.snapshot.proxy_state(proxy.index), control.snapshot.counters("backend", proxy.index)
    servers = [control.snapshot.server_state(server.index) for server in proxy.servers]
    usable = [(server, one) for server, one in zip(proxy.servers, servers, strict=True) if is_usable(one)]
    chosen = [one for server, one in usable if not server.config.backup] or [one for _, one in usable]
    status = "UP" if chosen or not servers else "DOWN"
    if wanted.hides_down or wanted.hides_maint:
        status += f" ({len(usable)}/{len(servers)})"
    row: Row = {"pxname": proxy.name, "svname": "BACKEND", "qcur": state.queued, "qmax": state.queued_max}
    row |= {"scur": state.be_conns, "smax": state.be_conns_max, "slim": control.routes.fullconn(proxy.config)}
    row |= {"stot": counters.cum_sess}
    row |= _server_traffic(counters) | {"dreq": counters.denied_req, "dresp": counters.denied_resp}
    row |= {"status": status, "weight": sum(weight_of(one) for one in chosen), "act": state.n_active, "bck": state.n_backup}
    row |= {"chkdown": state.down_trans, "lastchg": (now - state.last_change_ms) // 1000}
    if servers:
        down_since = 0 if chosen else max(0, now - state.last_change_ms)
        row["downtime"] = (state.down_time_ms + down_since) // 1000
    row |= {"pid": 1, "iid": proxy.id, "sid": 0, "lbtot": counters.cum_lbconn, "type": TYPE_BACKEND}
    row |= {"rate": counters.sess_rate, "rate_max": counters.sess_rate_max}
    if proxy.is_http:
        row |= _answers(counters) | {"req_tot": counters.cum_req, "cache_lookups": 0, "cache_hits": 0}
    row |= _compression(counters) | {"lastsess": _since(state.last_sess_ms, now)}
    row |= _times(counters) | {"mode": _mode(proxy), "algo": proxy.config.balance.algorithm, "wrew": 0, "eint": 0}
    row |= {"connect": counters.connect, "reuse": counters.reuse, "uweight": sum(one.uweight for one in chosen)}
    if wanted.shows_address and proxy.config.cookie is not None:
        row["cookie"] = proxy.config.cookie.name
    row |= {"agg_server_status": 0, "agg_server_check_status": 0, "agg_check_status": 0}
    return row | latency.columns(control.snapshot, "backend", proxy.index)


def server_status(control: Control, server: LiveServer, state: ports.ServerState) -> str:
    """The status of a server, by its own state and the checks of the one that it tracks, if any."""
    judge = server.judge
    if server.tracked is not None and state.admin & ports.ADMIN_IMAINT:
        return f"MAINT (via {server.tracked.path})"
    judged = state if judge is server else control.snapshot.server_state(judge.index)
    is_checked = judge.config.check and bool(judged.check_flags & ports.CHECK_ENABLED)
    return status_text(state, is_checked, control.servers.agents.get(judge.index), judged)


def status_text(
    state: ports.ServerState, is_checked: bool, agent: AgentState | None = None, judged: ports.ServerState | None = None
) -> str:
    """HAProxy's word for a server's state, with n/m on its way up or down. judged: whose health that is, if another server's."""
    judged = judged or state
    if state.admin & ports.ADMIN_MAINT:
        return "MAINT (resolution)" if state.admin & ports.ADMIN_RMAINT else "MAINT"
    if state.state == ports.STATE_STOPPED and agent is not None and not agent.health:
        return "DOWN (agent)"
    if state.state == ports.STATE_STOPPED:
        return f"DOWN {judged.health}/{judged.rise}" if is_checked and judged.health else "DOWN"
    word = "NOLB" if state.state == ports.STATE_STOPPING else "DRAIN" if state.admin & ports.ADMIN_DRAIN else "UP"
    if word == "DRAIN" and agent is not None:
        return "DRAIN (agent)"
    if not is_checked:
        return "no check" if word == "UP" else word
    if judged.health < judged.rise + judged.fall - 1:
        return f"{word} {judged.health - judged.rise + 1}/{judged.fall}"
    return word


def is_usable(state: ports.ServerState) -> bool:
    """Whether load balancing may choose the server (lb/shared.pxd, srv_is_usable)."""
    runs = state.state in (ports.STATE_RUNNING, ports.STATE_STARTING)
    return runs and not state.admin & (ports.ADMIN_MAINT | ports.ADMIN_DRAIN) and state.eweight > 0


def is_checking(state: ports.ServerState) -> bool:
    """Whether checks run: enabled and not paused by maintenance. Only then their results are shown."""
    return state.check_flags & (ports.CHECK_ENABLED | ports.CHECK_PAUSED) == ports.CHECK_ENABLED


def throttle_percent(state: ports.ServerState) -> int:
    """How far a slowstart is: the share of its full weight that a server has by now, 1..100."""
    full = state.uweight * WEIGHT_SCALE
    return max(1, 100 * state.eweight // full) if full else 100


def _check_columns(state: ports.ServerState) -> Row:
    status = known(state.check_status)
    is_running = state.check_flags & ports.CHECK_INPROGRESS
    row: Row = {"check_status": f"{'* ' if is_running else ''}{status.name}", "check_desc": DESCRIPTIONS[status]}
    if Result(status, state.check_code).has_code:
        row["check_code"] = state.check_code & 0xFFFFFFFF
    if status not in (Status.UNK, Status.INI):
        # haproxy: -1, which nothing measured has, is shown as if it had no sign.
        row["check_duration"] = state.check_duration_ms & 0xFFFFFFFFFFFFFFFF
    row |= {"last_chk": state.check_desc, "check_rise": state.rise, "check_fall": state.fall, "check_health": state.health}
    return row


def _agent_columns(agent: AgentState) -> Row:
    status = known(agent.status)
    row: Row = {"agent_status": status.name, "agent_desc": DESCRIPTIONS[status], "last_agt": agent.info}
    if Result(status, agent.code).has_code:
        row["agent_code"] = agent.code
    if status is not Status.INI:
        row["agent_duration"] = agent.duration_ms
    return row | {"agent_rise": 1, "agent_fall": 1, "agent_health": agent.health}


def _server_traffic(counters: ports.Counters) -> Row:
    row: Row = {"bin": counters.bytes_in, "bout": counters.bytes_out, "econ": counters.failed_conn}
    row |= {"eresp": counters.failed_resp, "wretr": counters.retries, "wredis": counters.redispatches}
    row |= {"cli_abrt": counters.cli_aborts, "srv_abrt": counters.srv_aborts}
    return row


def _answers(counters: ports.Counters) -> Row:
    other, one, two, three, four, five = counters.http_rsp
    return {"hrsp_1xx": one, "hrsp_2xx": two, "hrsp_3xx": three, "hrsp_4xx": four, "hrsp_5xx": five, "hrsp_other": other}


def _times(counters: ports.Counters) -> Row:
    samples = max(1, min(_SAMPLES, counters.cum_lbconn))
    row: Row = {"qtime": _average(counters.queue_ms, samples), "ctime": _average(counters.connect_ms, samples)}
    row |= {"rtime": _average(counters.response_ms, samples), "ttime": _average(counters.total_ms, samples)}
    row |= {"qtime_max": counters.queue_ms_max, "ctime_max": counters.connect_ms_max}
    row |= {"rtime_max": counters.response_ms_max, "ttime_max": counters.total_ms_max}
    return row


def _average(total_ms: int, samples: int) -> int:
    """haproxy: rounded up, because each event takes a rounded-up part off the sliding sum before it adds its own."""
    return -(-total_ms // samples)


def _downtime(state: ports.ServerState, now: int) -> int:
    if state.state != ports.STATE_STOPPED:
        return state.down_time_ms
    return state.down_time_ms + max(0, now - state.last_change_ms)


def _since(when_ms: int, now: int) -> int:
    return (now - when_ms) // 1000 if when_ms else -1


def _mode(proxy: LiveProxy) -> str:
    return "http" if proxy.is_http else "tcp"


def _bind_text(listener: LiveListener) -> str:
    assert listener.config is not None
    address = listener.config.address
    if address.family in ("unix", "abns"):
        return "unix"
    if address.family == "fd":
        return f"fd@{address.fd}"
    if address.family == "ipv6":
        return f"[{address.host or '::'}]:{address.port}"
    return f"{address.host or '0.0.0.0'}:{address.port}"
