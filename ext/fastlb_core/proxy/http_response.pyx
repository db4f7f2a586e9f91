# HTTP/1 streams: the answer's half.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_consume, buf_data, buf_realign
from fastlb_core.base.slice cimport slice_of, slice_starts_nocase, slice_t
from fastlb_core.http.fcgi cimport FCGI_F_KEEP, fcgi_of
from fastlb_core.http.h1 cimport H1_DONE, H1_ERROR, H1_F_RELAXED, H1_F_UPGRADE_ASKED, h1_init_response, h1_parse_head
from fastlb_core.http.h1_body cimport body_is_done, body_start
from fastlb_core.http.message cimport (
    BODY_NONE, BODY_TUNNEL, BODY_UNTIL_CLOSE, MSG_F_HTTP10, MSG_F_INTERIM, MSG_F_KEEP_ALIVE, MSG_F_UPGRADE, http_msg_t,
    msg_find_name, msg_hdr_value, msg_reset, msg_widen,
)
from fastlb_core.http.rewrite cimport response_hop_by_hop
from fastlb_core.lb.shared cimport counters_t
from fastlb_core.net.conn cimport (
    CONN_F_CAN_RECV, CONN_F_ERROR, CONN_F_PREFERS_LAST, CONN_F_PRIVATE, CONN_F_RDHUP, conn_flush, conn_poll, conn_recv,
    conn_set_timer, conn_stop_timer, conn_t, conn_trim,
)
from fastlb_core.program.program cimport (
    HTTP_MODE_KEEP_ALIVE, LOG_S_RESPONSE, PX_H_CASE_CLIENT, PX_H_DROP_RES_TRAILERS, PX_H_UNSAFE_RESPONSE, PX_O_ABORTONCLOSE,
    PX_O_LOGASAP, PX_O_WAITS_BODY, RETRY_EMPTY, RETRY_JUNK, RETRY_TIMEOUT,
)
from fastlb_core.proxy.backend cimport back_retry
from fastlb_core.proxy.bad_message cimport bad_answer_note
from fastlb_core.proxy.capture cimport capture_response, capture_response_cookie
from fastlb_core.proxy.compress cimport COMP_CHOSEN, COMP_NONE, compress_begin, compress_judge
from fastlb_core.proxy.evaluate cimport eval_begin_answer
from fastlb_core.proxy.filters cimport filters_answer, filters_head, filters_hold, relay
from fastlb_core.proxy.forward cimport (
    FLOW_BAD, FLOW_DST_ERROR, FLOW_FINISHED, FLOW_HELD, FLOW_SRC_CUT, FLOW_SRC_ERROR, FLOW_WAIT_RECV, FLOW_WAIT_SEND,
    FLOW_YIELD, flow_peek, flow_status_t,
)
from fastlb_core.proxy.http_edits cimport adjust_case
from fastlb_core.proxy.http_end cimport http_abort, http_finish, http_reply
from fastlb_core.proxy.http_head cimport HEAD_FAILED, HEAD_SENT, head_send, head_status_t
from fastlb_core.proxy.http_retry cimport retry_for, retry_reason
from fastlb_core.proxy.http_rules cimport PHASE_BE_CONTENT, RULES_R_ENDED, RULES_R_WAIT, response_rules, rules_result_t
from fastlb_core.proxy.log_facts cimport facts_class
from fastlb_core.proxy.observe cimport (
    OBSERVED_BAD_HEAD, OBSERVED_CLOSED, OBSERVED_READ_ERROR, OBSERVED_TIMEOUT, observe, observe_status,
)
from fastlb_core.proxy.packed cimport packed_drop_trailers, packed_head, packed_is_done
from fastlb_core.proxy.reply cimport reply_counted_head
from fastlb_core.proxy.stream cimport (
    STRM_F_BACK_TIMEOUT, STRM_F_CLOSE_BACK, STRM_F_CLOSE_FRONT, STRM_F_FIRST, STRM_F_FRONT_TIMEOUT, STRM_F_HEAD_ASKED,
    STRM_F_NO_LOG, STRM_F_RES_OPEN, STRM_F_RES_RULES, STRM_F_RES_SENT, STRM_F_RETAINED, STRM_F_RETRYABLE, TIMEOUT_CLIENT,
    TIMEOUT_SERVER, be_counters, flow_t, srv_slot, stream_is_last, stream_t, stream_timeout, stream_wake,
)
from fastlb_core.proxy.stick_rules cimport stick_learn
from fastlb_core.proxy.stream_http cimport HTTP_S_BACKEND, HTTP_S_DATA, HTTP_S_TUNNEL
from fastlb_core.proxy.stream_log cimport stream_log, stream_passes
from fastlb_core.proxy.tracking cimport tracking_failure, tracking_status

cdef enum:
    HEADS_PER_TURN = 32          # interim answers and receives, then other streams have their turn


cdef void response_init(stream_t* strm) noexcept nogil:
    strm.flags &= ~(<uint32_t> STRM_F_RES_OPEN)
    if strm.filters != NULL:
        filters_answer(strm)


cdef bint _bad_answer(stream_t* strm, char err) noexcept nogil:
    """502: what the server sent is no answer, or none came. True as a state function."""
    be_counters(strm).failed_resp += 1
    srv_slot(strm).failed_resp += 1
    tracking_failure(strm)
    if err == b'S':
        observe(strm, OBSERVED_READ_ERROR if strm.back.flags & CONN_F_ERROR else OBSERVED_CLOSED)
    elif err == b'P':
        observe(strm, OBSERVED_BAD_HEAD)
    http_reply(strm, 502, err, b'H')
    return True


cdef bint _junk_answer(stream_t* strm) noexcept nogil:
    if strm.flags & STRM_F_RETRYABLE:
        # haproxy: each of them is counted, whether it is the last or not.
        be_counters(strm).failed_resp += 1
        srv_slot(strm).failed_resp += 1
        observe(strm, OBSERVED_BAD_HEAD)
        if retry_for(strm, RETRY_JUNK):
            return True
        http_reply(strm, 502, b'P', b'H')
        return True
    return _bad_answer(strm, b'P')


# -- the request's body, while the answer is awaited or under way

cdef bint _is_request_underway(const stream_t* strm) noexcept nogil:
    return not strm.req.is_done or strm.req.n_ready or strm.req.in_pipe or strm.back.tx.len or \
        strm.req_packer != NULL and not packed_is_done(strm.req_packer)


cdef void _await_client(stream_t* strm) noexcept nogil:
    conn_poll(strm.front)
    conn_set_timer(strm.front, stream_timeout(strm, TIMEOUT_CLIENT, strm.fe.t_client))


cdef void _await_server(stream_t* strm) noexcept nogil:
    conn_poll(strm.back)
    conn_set_timer(strm.back, stream_timeout(strm, TIMEOUT_SERVER, strm.be.t_server))


cdef void _await_filter(stream_t* strm) noexcept nogil:
    """Neither side is late: both are only watched for what ends them."""
    conn_poll(strm.front)
    conn_poll(strm.back)
    conn_stop_timer(strm.front)
    conn_stop_timer(strm.back)


cdef bint _push_request(stream_t* strm) noexcept nogil:
    """Moves the request's body. True: the stream's state has changed."""
    cdef uint64_t before = strm.req.total
    cdef flow_status_t status = relay(strm, False)
    strm.bytes_in += strm.req.total - before
    if strm.req.total != before or strm.req_packer != NULL and strm.req_packer.has_moved:
        strm.flags &= ~(<uint32_t> (STRM_F_FRONT_TIMEOUT | STRM_F_BACK_TIMEOUT))
    if status == FLOW_FINISHED:
        conn_stop_timer(strm.front)
        strm.flags &= ~(<uint32_t> STRM_F_FRONT_TIMEOUT)
        _await_server(strm)
        return False
    if status == FLOW_DST_ERROR:
        # The server stopped reading: its answer may be there already.
        strm.flags |= STRM_F_CLOSE_BACK | STRM_F_CLOSE_FRONT
        return False
    if status == FLOW_BAD or status == FLOW_SRC_CUT or status == FLOW_SRC_ERROR:
        _request_broken(strm, b'P' if status == FLOW_BAD else b'C')
        return True
    if strm.flags & STRM_F_FRONT_TIMEOUT and status == FLOW_WAIT_RECV:
        _request_broken(strm, b'c')
        return True
    if status == FLOW_HELD:
        _await_filter(strm)
        return False
    if status == FLOW_YIELD:
        stream_wake(strm)
    elif status == FLOW_WAIT_RECV:
        _await_client(strm)
    else:
        conn_stop_timer(strm.front)
    _await_server(strm)
    return False


cdef void _request_broken(stream_t* strm, char err) noexcept nogil:
    strm.flags |= STRM_F_CLOSE_FRONT
    if strm.flags & STRM_F_RES_SENT or strm.front.flags & CONN_F_ERROR:
        http_abort(strm, err, b'D')
    else:
        http_reply(strm, 408 if err == b'c' else 400, err, b'D')


# -- the head of the answer

cdef void _begin_message(stream_t* strm) noexcept nogil:
    cdef conn_t* back = strm.back
    cdef uint32_t reserve = strm.w.program.maxrewrite
    buf_realign(&back.rx)
    msg_reset(&strm.res_msg, buf_data(&back.rx), back.rx.size - reserve, reserve)
    h1_init_response(&strm.parser, &strm.res_msg, strm.req_msg.method,
                     (H1_F_UPGRADE_ASKED if strm.req_msg.flags & MSG_F_UPGRADE else 0)
                     | (H1_F_RELAXED if strm.be.http_options & PX_H_UNSAFE_RESPONSE else 0))
    strm.flags |= STRM_F_RES_OPEN
    if strm.flags & STRM_F_RETAINED:
        # The server has begun to answer: the request will not be needed again, but for `retry-on`.
        strm.flags &= ~(<uint32_t> STRM_F_RETAINED)
        if not strm.flags & STRM_F_RETRYABLE:
            conn_trim(strm.front)


cdef bint _no_answer(stream_t* strm) noexcept nogil:
    """The server closed before the head of its answer was complete."""
    cdef bint nothing_came = not strm.flags & STRM_F_RES_OPEN
    if retry_for(strm, RETRY_EMPTY):
        # haproxy: half a head counts as none.
        return True
    if nothing_came and strm.flags & STRM_F_RETAINED:
        strm.flags &= ~(<uint32_t> (STRM_F_RETAINED | STRM_F_CLOSE_BACK))
        back_retry(strm)
        strm.state = HTTP_S_BACKEND
        return True
    if nothing_came and not strm.flags & STRM_F_FIRST:
        # haproxy: RFC 9112 9.3.1, a client must expect a kept connection to close and may then repeat its request.
        strm.flags |= STRM_F_NO_LOG
        http_abort(strm, b'S', b'H')
        return True
    return _bad_answer(strm, b'S')


cdef void _count_answer(stream_t* strm) noexcept nogil:
    """haproxy: a server's requests and classes of status are the heads that came from it, interim ones among them."""
    cdef counters_t* slot = srv_slot(strm)
    slot.cum_req += 1
    slot.http_rsp[facts_class(strm.res_msg.status)] += 1


cdef bint _pass_interim(stream_t* strm) noexcept nogil:
    """1xx: to the client if it speaks 1.1 (RFC 9110 15.2), then the next head is awaited. False: the client is gone."""
    cdef conn_t* back = strm.back
    cdef head_status_t status = HEAD_SENT
    cdef uint64_t counted
    cdef flow_t nothing
    nothing.n_ready = 0
    _count_answer(strm)
    observe_status(strm, strm.res_msg.status)
    if not strm.req_msg.flags & MSG_F_HTTP10:
        status = head_send(strm.front, &strm.res_msg, &nothing, back)
    counted = reply_counted_head(&strm.res_msg)
    strm.more_in += counted
    strm.bytes_out += counted
    buf_consume(&back.rx, strm.res_msg.head_len)
    strm.flags &= ~(<uint32_t> STRM_F_RES_OPEN)
    return status == HEAD_SENT


cdef void _decide_connections(stream_t* strm) noexcept nogil:
    cdef http_msg_t* res = &strm.res_msg
    if not res.flags & MSG_F_KEEP_ALIVE or res.body == BODY_UNTIL_CLOSE or strm.be.http_mode != HTTP_MODE_KEEP_ALIVE or \
            strm.fe.http_mode != HTTP_MODE_KEEP_ALIVE or strm.back.fcgi != NULL and not fcgi_of(strm.back).flags & FCGI_F_KEEP:
        strm.flags |= STRM_F_CLOSE_BACK
    if res.body == BODY_UNTIL_CLOSE or not strm.req.is_done or stream_is_last(strm, strm.req.n_ready):
        strm.flags |= STRM_F_CLOSE_FRONT


cdef void _note_challenge(stream_t* strm) noexcept nogil:
    """NTLM and Negotiate say who a connection is (RFC 4559): it becomes the client's own, who stays where it has been."""
    cdef slice_t name = slice_of(b"www-authenticate", 16) if strm.res_msg.status == 401 else slice_of(b"proxy-authenticate", 18)
    cdef slice_t value
    cdef int i = msg_find_name(&strm.res_msg, name, 0)
    while i >= 0:
        value = msg_hdr_value(&strm.res_msg, i)
        if slice_starts_nocase(value, b"negotiate", 9) or slice_starts_nocase(value, b"ntlm", 4):
            strm.back.flags |= CONN_F_PRIVATE
            strm.front.flags |= CONN_F_PREFERS_LAST
        i = msg_find_name(&strm.res_msg, name, i + 1)


cdef bint _answer_complete(stream_t* strm) noexcept nogil:
    """The final answer's head is there: it goes to the client with what is there of its body."""
    cdef http_msg_t* res = &strm.res_msg
    if strm.flags & STRM_F_RETRYABLE:
        if retry_for(strm, retry_reason(res.status)):
            return True
        strm.flags &= ~(<uint32_t> STRM_F_RETRYABLE)
        conn_trim(strm.front)
    strm.t_response = strm.w.loop.now_ms
    strm.status = res.status
    strm.server_status = res.status
    _count_answer(strm)
    strm.counted_head = <uint32_t> reply_counted_head(res)
    if strm.back.fcgi != NULL:
        strm.counted_head -= <uint32_t> fcgi_of(strm.back).uncounted
    tracking_status(strm, res.status)
    observe_status(strm, res.status)
    if res.status == 401 or res.status == 407:
        _note_challenge(strm)
    if strm.trackers != NULL:
        stick_learn(strm)
    conn_stop_timer(strm.back)
    strm.flags &= ~(<uint32_t> STRM_F_BACK_TIMEOUT)
    if not (strm.fe.options | strm.be.options) & PX_O_WAITS_BODY:
        msg_widen(res, strm.back.rx.len)
    if strm.fe.n_captures_res:
        capture_response(strm)
    eval_begin_answer(strm)
    stream_passes(strm, LOG_S_RESPONSE)
    if strm.comp_stage != COMP_NONE:
        compress_judge(strm)
    strm.phase = PHASE_BE_CONTENT
    strm.rule_at = 0
    return _apply_rules(strm)


cdef bint _apply_rules(stream_t* strm) noexcept nogil:
    """True: the state has changed."""
    cdef rules_result_t result = response_rules(strm)
    if result == RULES_R_ENDED:
        return True
    if result == RULES_R_WAIT:
        strm.flags |= STRM_F_RES_RULES
        return False
    strm.flags &= ~(<uint32_t> STRM_F_RES_RULES)
    strm.status = strm.res_msg.status
    capture_response_cookie(strm)
    return _send_answer(strm)


cdef bint _send_answer(stream_t* strm) noexcept nogil:
    cdef conn_t* back = strm.back
    cdef http_msg_t* res = &strm.res_msg
    cdef head_status_t status
    cdef flow_t nothing
    if strm.flags & STRM_F_HEAD_ASKED and res.body != BODY_NONE and res.body != BODY_TUNNEL:
        # The client waits for a head only; the body goes with the server's connection.
        res.body = BODY_NONE
        strm.flags |= STRM_F_CLOSE_BACK
    if res.body == BODY_TUNNEL:
        strm.flags |= STRM_F_CLOSE_BACK | STRM_F_CLOSE_FRONT
    else:
        _decide_connections(strm)
    body_start(&strm.res.body, res)
    strm.res.is_open = True
    strm.res.is_done = body_is_done(&strm.res.body)
    if strm.filters != NULL:
        filters_head(strm, True)
    back.rx.head += res.head_len
    back.rx.len -= res.head_len
    if strm.comp_stage == COMP_CHOSEN:
        # haproxy: what was received is counted, not what is made of it.
        compress_begin(strm)
    if strm.fe.http_options & PX_H_DROP_RES_TRAILERS and not packed_drop_trailers(strm, True) or \
            strm.packer == NULL and not flow_peek(&strm.res, back) or \
            not response_hop_by_hop(res, strm.req_msg.flags, not strm.flags & STRM_F_CLOSE_FRONT):
        strm.status = 0
        return _bad_answer(strm, b'P')
    strm.bytes_out += strm.counted_head
    if strm.fe.http_options & PX_H_CASE_CLIENT:
        adjust_case(strm.w.program, res)
    status = HEAD_SENT
    if strm.packer == NULL or not packed_head(strm.front, res):
        nothing.n_ready = 0
        status = head_send(strm.front, res, &strm.res if strm.filters == NULL else &nothing, back)
    if status == HEAD_FAILED:
        http_abort(strm, b'C', b'H')
        return True
    if status != HEAD_SENT:
        return _bad_answer(strm, b'I')
    strm.flags |= STRM_F_RES_SENT
    strm.bytes_out += strm.res.total
    if strm.fe.options & PX_O_LOGASAP:
        stream_log(strm, True)
    if res.body == BODY_TUNNEL:
        _open_tunnel(strm)
    else:
        strm.state = HTTP_S_DATA
    return True


cdef void _open_tunnel(stream_t* strm) noexcept nogil:
    strm.req_msg.body = BODY_TUNNEL
    body_start(&strm.req.body, &strm.req_msg)
    strm.req.is_done = False
    # Those of the request's body, where that is still on its way: a tunnel may have another timeout.
    conn_stop_timer(strm.front)
    conn_stop_timer(strm.back)
    strm.state = HTTP_S_TUNNEL


cdef bint _read_heads(stream_t* strm) noexcept nogil:
    """Receives and parses until the final answer's head is there. True: the state has changed."""
    cdef conn_t* back = strm.back
    cdef uint32_t reserve = strm.w.program.maxrewrite
    cdef int status, _head
    for _head in range(HEADS_PER_TURN):
        if back.rx.len and not strm.flags & STRM_F_RES_OPEN:
            _begin_message(strm)
        if back.rx.len and strm.parser.fed < back.rx.len:
            strm.res_msg.area = buf_data(&back.rx)
            status = h1_parse_head(&strm.parser, back.rx.len)
            if status == H1_DONE and not strm.res_msg.flags & MSG_F_INTERIM:
                return _answer_complete(strm)
            if status == H1_DONE:
                if not _pass_interim(strm):
                    http_abort(strm, b'C', b'H')
                    return True
                continue
            if status == H1_ERROR or back.rx.len >= back.rx.size - reserve:
                bad_answer_note(strm)
                return _junk_answer(strm)
        status = conn_recv(back, reserve)
        if status < 0:
            return _no_answer(strm)
        if status == 0:
            if not back.flags & CONN_F_CAN_RECV:
                return False
            break
    stream_wake(strm)
    return False


cdef bint _is_client_gone(const stream_t* strm) noexcept nogil:
    if strm.front.flags & CONN_F_ERROR:
        return True
    return bool(strm.front.flags & CONN_F_RDHUP) and bool((strm.fe.options | strm.be.options) & PX_O_ABORTONCLOSE)


cdef bint response_wait(stream_t* strm) noexcept nogil:
    cdef conn_t* back = strm.back
    if strm.flags & STRM_F_RES_RULES:
        if not strm.front.flags & CONN_F_ERROR:
            return _apply_rules(strm)
        http_abort(strm, b'C', b'H')
        return True
    if _is_client_gone(strm):
        http_abort(strm, b'C', b'H' if strm.req.is_done else b'D')
        return True
    if _is_request_underway(strm) and not strm.flags & STRM_F_CLOSE_BACK and _push_request(strm):
        return True
    if _read_heads(strm):
        return True
    if strm.front.tx.len and not (conn_flush(strm.front) and conn_poll(strm.front)):
        # The rest of an interim answer that the client did not take at once.
        http_abort(strm, b'C', b'H')
        return True
    if strm.flags & STRM_F_BACK_TIMEOUT:
        if retry_for(strm, RETRY_TIMEOUT):
            return True
        be_counters(strm).failed_resp += 1
        srv_slot(strm).failed_resp += 1
        tracking_failure(strm)
        observe(strm, OBSERVED_TIMEOUT)
        http_reply(strm, 504, b's', b'H')
        return True
    if not conn_poll(back):
        http_reply(strm, 503, b'R', b'C')
        return True
    if not back.timer.armed and not filters_hold(strm, False):
        conn_set_timer(back, stream_timeout(strm, TIMEOUT_SERVER, strm.be.t_server))
    if (strm.fe.options | strm.be.options) & PX_O_ABORTONCLOSE:
        conn_poll(strm.front)
    return False


# -- its body

cdef bint _broken(stream_t* strm, flow_status_t status) noexcept nogil:
    if status == FLOW_DST_ERROR:
        http_abort(strm, b'C', b'D')
    elif status == FLOW_BAD:
        be_counters(strm).failed_resp += 1
        srv_slot(strm).failed_resp += 1
        http_abort(strm, b'P', b'D')
    else:
        be_counters(strm).failed_resp += 1
        srv_slot(strm).failed_resp += 1
        http_abort(strm, b'S', b'D')
    return True


cdef bint response_data(stream_t* strm) noexcept nogil:
    cdef uint64_t before = strm.res.total
    cdef flow_status_t status
    if _is_request_underway(strm) and not strm.flags & STRM_F_CLOSE_BACK and _push_request(strm):
        return True
    status = relay(strm, True)
    strm.bytes_out += strm.res.total - before
    if status == FLOW_FINISHED:
        http_finish(strm)
        return True
    if status == FLOW_WAIT_RECV and strm.front.flags & CONN_F_ERROR:
        status = FLOW_DST_ERROR
    if status == FLOW_HELD:
        _await_filter(strm)
        return False
    if status != FLOW_WAIT_RECV and status != FLOW_WAIT_SEND and status != FLOW_YIELD:
        return _broken(strm, status)
    if strm.res.total != before or strm.packer != NULL and strm.packer.has_moved:
        strm.flags &= ~(<uint32_t> (STRM_F_FRONT_TIMEOUT | STRM_F_BACK_TIMEOUT))
    elif strm.flags & STRM_F_FRONT_TIMEOUT:
        http_abort(strm, b'c', b'D')
        return True
    elif strm.flags & STRM_F_BACK_TIMEOUT:
        http_abort(strm, b's', b'D')
        return True
    if status == FLOW_YIELD:
        stream_wake(strm)
    elif status == FLOW_WAIT_SEND:
        conn_stop_timer(strm.back)
        _await_client(strm)
    else:
        if strm.req.is_done:
            conn_stop_timer(strm.front)
        _await_server(strm)
    return False
