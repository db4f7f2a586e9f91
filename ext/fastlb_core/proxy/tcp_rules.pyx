# Rules of TCP mode: implementation.

from libc.stdint cimport uint32_t

from fastlb_core.lb.shared cimport counters_t
from fastlb_core.net.conn cimport (
    CONN_F_EOF, CONN_F_ERROR, conn_poll, conn_recv, conn_t,
)
from fastlb_core.program.program cimport PX_MODE_HTTP, PX_O_PEEKS_HTTP, listener_t, px_t
from fastlb_core.program.rules cimport (
    ACT_CONT, ACT_DONE, ACT_STOP, ACT_YIELD, RULES_TCP_CONNECTION, RULES_TCP_RESPONSE, act_t, px_rules, rule_set_t, rules_run,
)
from fastlb_core.program.sample cimport EVAL_O_FINAL, EVAL_O_RESPONSE, eval_t
from fastlb_core.proxy.evaluate cimport eval_begin_answer, eval_front, eval_stream
from fastlb_core.proxy.http_rules cimport (
    PHASE_BE_CONTENT, PHASE_BE_RESPONSE, PHASE_BE_TCP, PHASE_REQUEST_DONE, PHASE_SWITCH, RULES_R_ENDED, RULES_R_GO,
    RULES_R_WAIT, enter_backend,
    request_phase, rules_result_t, run_set,
)
from fastlb_core.proxy.peek cimport peek_end, peek_request, peek_t
from fastlb_core.proxy.stream cimport (
    STRM_F_FRONT_TIMEOUT, STRM_F_RULE_WAIT, STRM_F_TIMEOUT, be_counters, fe_counters, srv_slot, stream_kill,
    stream_ops_t, stream_set_term, stream_set_timer, stream_stop_timer, stream_t,
)


cdef bint _is_final(stream_t* strm, const conn_t* conn, uint32_t delay_ms) noexcept nogil:
    """Nothing more will come, or is waited for."""
    if delay_ms == 0 or strm.flags & (STRM_F_TIMEOUT | STRM_F_FRONT_TIMEOUT) or conn.flags & (CONN_F_EOF | CONN_F_ERROR):
        return True
    return conn.rx.size != 0 and conn.rx.len >= conn.rx.size


cdef void _wait(stream_t* strm, conn_t* conn, uint32_t delay_ms) noexcept nogil:
    if not strm.flags & STRM_F_RULE_WAIT:
        strm.flags |= STRM_F_RULE_WAIT
        stream_set_timer(strm, delay_ms)
    conn_poll(conn)


cdef void _waited(stream_t* strm) noexcept nogil:
    if strm.flags & STRM_F_RULE_WAIT:
        strm.flags &= ~(<uint32_t> (STRM_F_RULE_WAIT | STRM_F_TIMEOUT))
        stream_stop_timer(strm)


cdef rules_result_t _refused(stream_t* strm, char state) noexcept nogil:
    stream_set_term(strm, b'P', state)
    stream_kill(strm)
    return RULES_R_ENDED


cdef uint32_t _delay_of(const stream_t* strm) noexcept nogil:
    """haproxy: each side's rules wait as long as that side says."""
    if strm.phase <= PHASE_SWITCH:
        return strm.fe.t_inspect
    return strm.next_be.t_inspect if strm.next_be != NULL else 0


cdef act_t _phase(stream_t* strm, eval_t* ev) noexcept nogil:
    """One phase, with the request of HTTP that its rules may ask for."""
    cdef const px_t* px = strm.fe if strm.phase <= PHASE_SWITCH else strm.next_be
    cdef worker_t* w = strm.w
    cdef peek_t peek
    cdef act_t act
    if px == NULL or not px.options & PX_O_PEEKS_HTTP:
        return request_phase(strm, ev)
    peek_request(&peek, strm, ev)
    act = request_phase(strm, ev)
    peek_end(&peek, w)
    return act


cdef rules_result_t content_rules(stream_t* strm) noexcept nogil:
    cdef conn_t* front = strm.front
    cdef const stream_ops_t* ops = strm.ops
    cdef eval_t ev
    cdef act_t act
    cdef bint is_final
    if not strm.fe.has_rules and (strm.fe.default_backend == NULL or not strm.fe.default_backend.has_rules):
        strm.next_be = strm.fe.default_backend
        return RULES_R_GO
    if strm.fe.options & PX_O_PEEKS_HTTP and front.rx.len == 0:
        # haproxy: what came with the connection is there, whatever the delay.
        conn_recv(front, 0)
    while strm.phase < PHASE_REQUEST_DONE:
        is_final = _is_final(strm, front, _delay_of(strm))
        eval_stream(&ev, strm, EVAL_O_FINAL if is_final else 0)
        act = _phase(strm, &ev)
        if act == ACT_CONT:
            _waited(strm)
            strm.phase += 1
            if strm.ops != ops:
                return RULES_R_GO
            if strm.phase > PHASE_BE_TCP and strm.next_be != NULL and strm.next_be.mode == PX_MODE_HTTP:
                # Its other rules need a request.
                return RULES_R_GO
            continue
        if act == ACT_DONE:
            return RULES_R_ENDED
        if act != ACT_YIELD:
            fe_counters(strm).denied_req += 1
            if strm.phase > PHASE_SWITCH:
                enter_backend(strm)
            return _refused(strm, b'R')
        if is_final:
            # An action of its own waits: the stream's timer or an event brings it back.
            return RULES_R_WAIT
        if conn_recv(front, 0) == 0 and not front.flags & (CONN_F_EOF | CONN_F_ERROR):
            _wait(strm, front, _delay_of(strm))
            return RULES_R_WAIT
    return RULES_R_GO


cdef rules_result_t response_content_rules(stream_t* strm) noexcept nogil:
    cdef conn_t* back = strm.back
    cdef uint32_t delay_ms = strm.be.t_inspect_res
    cdef eval_t ev
    cdef act_t act
    cdef bint is_final
    if strm.phase > PHASE_BE_CONTENT or px_rules(strm.be, RULES_TCP_RESPONSE) == NULL:
        return RULES_R_GO
    eval_begin_answer(strm)
    strm.phase = PHASE_BE_CONTENT
    while True:
        if back.rx.len == 0 and conn_recv(back, 0) == 0:
            # haproxy: the rules look at the first bytes, whatever the delay.
            conn_poll(back)
            return RULES_R_WAIT
        is_final = _is_final(strm, back, delay_ms)
        eval_stream(&ev, strm, EVAL_O_RESPONSE | (EVAL_O_FINAL if is_final else 0))
        act = run_set(strm, &ev, strm.be, RULES_TCP_RESPONSE)
        if act == ACT_CONT:
            _waited(strm)
            strm.phase = PHASE_BE_RESPONSE
            return RULES_R_GO
        if act == ACT_DONE:
            return RULES_R_ENDED
        if act != ACT_YIELD:
            be_counters(strm).denied_resp += 1
            fe_counters(strm).denied_resp += 1
            srv_slot(strm).denied_resp += 1
            return _refused(strm, b'D')
        if is_final:
            return RULES_R_WAIT
        if conn_recv(back, 0) == 0 and not back.flags & (CONN_F_EOF | CONN_F_ERROR):
            _wait(strm, back, delay_ms)
            return RULES_R_WAIT


cdef bint front_rules(worker_t* w, conn_t* front, rule_set_t set) noexcept nogil:
    cdef const listener_t* li = <const listener_t*> front.origin
    cdef const px_t* fe = li.px
    cdef counters_t* counters = &fe.fe_counters[w.index]
    cdef eval_t ev
    cdef act_t act
    cdef uint32_t at = 0
    if px_rules(fe, set) == NULL:
        return True
    eval_front(&ev, w, front)
    act = rules_run(&ev, px_rules(fe, set), &at)
    if act == ACT_CONT or act == ACT_STOP:
        return True
    if set == RULES_TCP_CONNECTION:
        counters.denied_conn += 1
        li.counters[w.index].denied_conn += 1
    else:
        counters.denied_sess += 1
        li.counters[w.index].denied_sess += 1
    return False
