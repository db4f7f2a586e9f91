# TCP mode, and HTTP's tunnels.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.http.h1_body cimport body_start
from fastlb_core.http.message cimport BODY_TUNNEL
from fastlb_core.net.conn cimport (
    CONN_F_CAN_SEND, CONN_F_CONNECTING, CONN_F_ERROR, CONN_F_RDHUP, CONN_F_SHUT_WR, conn_ops_t, conn_poll, conn_set_timer,
    conn_shut_write, conn_stop_timer, conn_t,
)
from fastlb_core.program.program cimport (
    LOG_S_REQUEST, PX_MODE_HTTP, PX_O_ABORTONCLOSE, PX_O_INDEPENDENT, PX_O_LOGASAP, PX_O_NOLINGER_BE, PX_O_NOLINGER_FE,
    PX_O_PERSIST_RDP,
)
from fastlb_core.program.rules cimport RULES_STICK, px_rules
from fastlb_core.proxy.backend cimport (
    BACK_R_FAILED, BACK_R_INTERNAL, BACK_R_NOWHERE, BACK_R_TRY, BACK_R_WAIT, back_advance, back_connected, back_result_t,
    back_start,
)
from fastlb_core.proxy.filters cimport filters_answer, relay
from fastlb_core.proxy.forward cimport (
    FLOW_DST_ERROR, FLOW_FINISHED, FLOW_HELD, FLOW_SRC_CUT, FLOW_SRC_ERROR, FLOW_YIELD, flow_status_t,
)
from fastlb_core.proxy.front cimport front_upgrade
from fastlb_core.proxy.http_rules cimport PHASE_BE_CONTENT, RULES_R_GO, RULES_R_WAIT, rules_result_t
from fastlb_core.proxy.persist cimport persist_rdp
from fastlb_core.proxy.stream cimport (
    BACK_NONE, BACK_QUEUED, BACK_READY, STRM_F_BACK_TIMEOUT, STRM_F_FRONT_TIMEOUT, TIMEOUT_CLIENT, TIMEOUT_SERVER,
    TIMEOUT_TUNNEL, flow_t, stream_kill, stream_ops_t, stream_process, stream_set_term, stream_t, stream_timeout,
    stream_wake,
)
from fastlb_core.proxy.stick_rules cimport stick_find_server, stick_learn
from fastlb_core.proxy.stream_log cimport stream_log, stream_passes
from fastlb_core.proxy.tcp_rules cimport content_rules, response_content_rules

cdef stream_ops_t tcp_ops
cdef conn_ops_t back_ops


cdef const stream_ops_t* tcp_stream_ops() noexcept nogil:
    return &tcp_ops


cdef void _back_io(conn_t* back) noexcept nogil:
    stream_process(<stream_t*> back.owner)


cdef void _back_timer(conn_t* back) noexcept nogil:
    cdef stream_t* strm = <stream_t*> back.owner
    strm.flags |= STRM_F_BACK_TIMEOUT
    stream_process(strm)


cdef inline uint32_t _timeout(const stream_t* strm, const conn_t* conn, uint32_t normal, uint32_t half_closed) noexcept nogil:
    """`timeout client|server`, or the -fin one once our FIN was sent, or `timeout tunnel` while both directions are open."""
    if conn.flags & CONN_F_SHUT_WR and half_closed:
        return half_closed
    cdef uint32_t tunnel = stream_timeout(strm, TIMEOUT_TUNNEL, strm.be.t_tunnel)
    if tunnel and not (strm.req.is_done or strm.res.is_done):
        return tunnel
    return normal


cdef bint _abort(stream_t* strm, char err) noexcept nogil:
    stream_set_term(strm, err, b'D')
    stream_kill(strm)
    return True


cdef bint _flow_ended_stream(stream_t* strm, flow_status_t status, bint is_request) noexcept nogil:
    """A direction has broken: C when the client did it, S when the server did."""
    if status == FLOW_SRC_ERROR or status == FLOW_SRC_CUT:
        return _abort(strm, b'C' if is_request else b'S')
    if status == FLOW_DST_ERROR:
        return _abort(strm, b'S' if is_request else b'C')
    return False


cdef void _half_close(flow_t* flow, conn_t* dst, flow_status_t status) noexcept nogil:
    if status == FLOW_FINISHED and flow.is_done:
        conn_shut_write(dst)


cdef inline bint _ends_at_once(const stream_t* strm, flow_status_t req, flow_status_t res) noexcept nogil:
    """`option nolinger` on the side that would be told the end of a direction: it is reset instead, and the stream is over."""
    return req == FLOW_FINISHED and strm.be.options & PX_O_NOLINGER_BE or res == FLOW_FINISHED and \
        strm.fe.options & PX_O_NOLINGER_FE


cdef inline bint _is_alive(uint32_t options, bint has_received, bint has_sent) noexcept nogil:
    """Whether a side's timeout begins anew. haproxy: bytes sent to it count as well, but with `option independent-streams`."""
    return has_received or has_sent and not options & PX_O_INDEPENDENT


cdef inline uint32_t _ends(const stream_t* strm) noexcept nogil:
    """What _timeout goes by: which side was told the end, which direction has seen it."""
    return strm.front.flags & CONN_F_SHUT_WR | (strm.back.flags & CONN_F_SHUT_WR) << 1 | strm.req.is_done << 1 \
        | strm.res.is_done


cdef bint tunnel_run(stream_t* strm) noexcept nogil:
    cdef conn_t* front = strm.front
    cdef conn_t* back = strm.back
    cdef uint64_t before_req = strm.req.total
    cdef uint64_t before_res = strm.res.total
    cdef flow_status_t req, res
    cdef bint is_held, has_ended, has_req, has_res
    cdef uint32_t ends = _ends(strm)
    req = relay(strm, False)
    strm.bytes_in += strm.req.total - before_req
    if _flow_ended_stream(strm, req, True):
        return True
    res = relay(strm, True)
    strm.bytes_out += strm.res.total - before_res
    if _flow_ended_stream(strm, res, False):
        return True
    if _ends_at_once(strm, req, res):
        stream_kill(strm)
        return True
    _half_close(&strm.req, back, req)
    _half_close(&strm.res, front, res)
    if req == FLOW_FINISHED and res == FLOW_FINISHED:
        stream_kill(strm)
        return True
    if req == FLOW_FINISHED and front.flags & CONN_F_ERROR:
        # Its side of the stream was over already, so no receive would ever tell.
        return _abort(strm, b'C')
    if res == FLOW_FINISHED and back.flags & CONN_F_ERROR:
        return _abort(strm, b'S')
    is_held = req == FLOW_HELD or res == FLOW_HELD
    has_req = before_req != strm.req.total
    has_res = before_res != strm.res.total
    if is_held or _is_alive(strm.fe.options, has_req, has_res):
        strm.flags &= ~(<uint32_t> STRM_F_FRONT_TIMEOUT)
    elif strm.flags & STRM_F_FRONT_TIMEOUT:
        return _abort(strm, b'c')
    if is_held or _is_alive(strm.be.options, has_res, has_req):
        strm.flags &= ~(<uint32_t> STRM_F_BACK_TIMEOUT)
    elif strm.flags & STRM_F_BACK_TIMEOUT:
        return _abort(strm, b's')
    if req == FLOW_YIELD or res == FLOW_YIELD:
        stream_wake(strm)
    if not conn_poll(front) or not conn_poll(back):
        return _abort(strm, b'R')
    if is_held:
        # What is slow is neither of the two.
        conn_stop_timer(front)
        conn_stop_timer(back)
        return False
    # `timeout tunnel` is over for both sides with the first end that is seen; the one that is told has another timeout then.
    has_ended = ends != _ends(strm)
    if has_ended or not front.timer.armed or _is_alive(strm.fe.options, has_req, has_res):
        conn_set_timer(front, _timeout(strm, front, stream_timeout(strm, TIMEOUT_CLIENT, strm.fe.t_client), strm.fe.t_client_fin))
    if has_ended or not back.timer.armed or _is_alive(strm.be.options, has_res, has_req):
        conn_set_timer(back, _timeout(strm, back, stream_timeout(strm, TIMEOUT_SERVER, strm.be.t_server), strm.be.t_server_fin))
    return False


cdef void _refuse(stream_t* strm, bint is_shortage) noexcept nogil:
    if is_shortage:
        stream_set_term(strm, b'R', b'C')
    stream_kill(strm)


cdef bint _is_gone(stream_t* strm) noexcept nogil:
    """The client left before a server was there; a half-close is no reason without abortonclose."""
    if not strm.front.flags & CONN_F_ERROR and not (strm.front.flags & CONN_F_RDHUP and strm.fe.options & PX_O_ABORTONCLOSE):
        return False
    stream_set_term(strm, b'C', b'Q' if strm.back_state == BACK_QUEUED else b'C')
    stream_kill(strm)
    return True


cdef bint _connect(stream_t* strm) noexcept nogil:
    """True when the server's connection stands."""
    cdef back_result_t result
    while strm.back_state != BACK_READY:
        result = back_advance(strm)
        if result == BACK_R_FAILED or result == BACK_R_INTERNAL or result == BACK_R_NOWHERE:
            _refuse(strm, result == BACK_R_INTERNAL)
            return False
        if strm.back != NULL:
            strm.back.ops = &back_ops
        if result == BACK_R_TRY and strm.back.flags & CONN_F_CONNECTING:
            # There is nothing to try it with in TCP mode: epoll tells.
            strm.back.flags &= ~(<uint32_t> CONN_F_CAN_SEND)
            continue
        if result == BACK_R_WAIT:
            if not _is_gone(strm) and not conn_poll(strm.front):
                _refuse(strm, True)
            return False
        back_connected(strm)
    return True


cdef bint _may_begin(stream_t* strm) noexcept nogil:
    """The content rules have run, and the stream goes on."""
    cdef rules_result_t result
    if strm.front.flags & CONN_F_ERROR:
        stream_set_term(strm, b'C', b'R')
        stream_kill(strm)
        return False
    result = content_rules(strm)
    if result == RULES_R_WAIT and strm.fe.t_client:
        conn_set_timer(strm.front, stream_timeout(strm, TIMEOUT_CLIENT, strm.fe.t_client))
    return result == RULES_R_GO


cdef bint _may_answer(stream_t* strm) noexcept nogil:
    """The rules for the answer's first bytes have run; meanwhile only the client's bytes move."""
    cdef uint64_t before = strm.req.total
    cdef uint32_t server_ms
    cdef flow_status_t status
    cdef rules_result_t result = response_content_rules(strm)
    if result != RULES_R_WAIT:
        return result == RULES_R_GO
    status = relay(strm, False)
    strm.bytes_in += strm.req.total - before
    if _flow_ended_stream(strm, status, True):
        return False
    _half_close(&strm.req, strm.back, status)
    if strm.flags & STRM_F_BACK_TIMEOUT or strm.back.flags & CONN_F_ERROR:
        return not _abort(strm, b's' if strm.flags & STRM_F_BACK_TIMEOUT else b'S')
    conn_poll(strm.front)
    server_ms = stream_timeout(strm, TIMEOUT_SERVER, strm.be.t_server) if status != FLOW_HELD else 0
    conn_set_timer(strm.back, _timeout(strm, strm.back, server_ms, strm.be.t_server_fin))
    return False


cdef void _process(stream_t* strm) noexcept nogil:
    if strm.back_state == BACK_NONE and not strm.req.is_open:
        if not _may_begin(strm):
            return
        if strm.ops != &tcp_ops:
            # A rule has switched it.
            strm.ops.process(strm)
            return
        if strm.next_be == NULL:
            stream_set_term(strm, b'S', b'C')
            stream_kill(strm)
            return
        if strm.next_be.mode == PX_MODE_HTTP:
            # haproxy: such a stream is upgraded where its backend becomes known (manual, "mode").
            front_upgrade(strm)
            strm.ops.process(strm)
            return
        stream_passes(strm, LOG_S_REQUEST)
        strm.req_msg.body = BODY_TUNNEL
        body_start(&strm.req.body, &strm.req_msg)
        body_start(&strm.res.body, &strm.req_msg)
        strm.req.is_open = True
        strm.res.is_open = True
        strm.phase = PHASE_BE_CONTENT
        back_start(strm, strm.next_be)
        if px_rules(strm.be, RULES_STICK) != NULL:
            stick_find_server(strm)
        if strm.be.options & PX_O_PERSIST_RDP:
            persist_rdp(strm)
    if strm.back_state != BACK_READY:
        if not _connect(strm):
            return
        # That of the content rules: a tunnel may have another timeout.
        conn_stop_timer(strm.front)
        if strm.filters != NULL:
            filters_answer(strm)
        if strm.trackers != NULL:
            stick_learn(strm)
        if strm.fe.options & PX_O_LOGASAP:
            stream_log(strm, True)
    if strm.phase == PHASE_BE_CONTENT and not _may_answer(strm):
        return
    tunnel_run(strm)


tcp_ops.name = b"tcp"
tcp_ops.process = _process
back_ops.name = b"tcp back"
back_ops.on_io = _back_io
back_ops.on_timer = _back_timer
back_ops.on_close = NULL
