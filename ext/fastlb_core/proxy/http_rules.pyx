# Rules of an HTTP stream: implementation.

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.slice cimport same_bytes, slice_of, slice_t
from fastlb_core.http.message cimport msg_target
from fastlb_core.program.expr cimport ARG_PROXY
from fastlb_core.program.hash_key cimport hash_key_t, key_wants_body
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.program cimport PX_CAP_BE, PX_H_BUFFER_REQUEST, PX_H_CHECK_CACHE, PX_MODE_HTTP, px_t
from fastlb_core.program.acl cimport COND_TRUE, cond_eval
from fastlb_core.program.rules cimport (
    ACT_CONT, ACT_DONE, ACT_ERROR, ACT_REJECT, ACT_STOP, ACT_YIELD, RULES_HTTP_AFTER, RULES_HTTP_REQUEST,
    RULES_HTTP_RESPONSE, RULES_REDIRECT, RULES_STATS, RULES_STATS_ADMIN, RULES_TCP_REQUEST, RULES_TCP_RESPONSE,
    RULES_USE_BACKEND, act_t, px_rules, rule_set_t, rule_t, rules_run, rules_t,
)
from fastlb_core.program.sample cimport EVAL_O_FINAL, EVAL_O_RESPONSE, eval_t
from fastlb_core.proxy.body_wait cimport BODY_R_CUT, BODY_R_LATE, BODY_R_THERE, BODY_R_WAIT, body_await, body_wait_t
from fastlb_core.proxy.check_cache cimport is_cookie_cacheable
from fastlb_core.proxy.conv_names cimport proxy_named
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.http_edits cimport restrict_names
from fastlb_core.proxy.http_end cimport http_abort, http_refuse, http_reply, http_reply_failed
from fastlb_core.proxy.log cimport log_text
from fastlb_core.proxy.persist cimport persist_response, persist_rules
from fastlb_core.proxy.stream cimport (
    SERVICE_STATS, SERVICE_STATS_ADMIN, STRM_F_CLOSE_FRONT, STRM_F_INTERNAL, STRM_F_LAX, be_counters, fe_counters, srv_slot,
    stream_drop_answer, stream_set_backend, stream_t,
)
from fastlb_core.proxy.use_server cimport rule_that_holds


cdef extern from "<stdio.h>" nogil:
    int snprintf(char* into, size_t size, const char* format, ...)

cdef enum:
    LOG_ALERT = 1


cdef void _fail(stream_t* strm, bint is_response) noexcept nogil:
    """haproxy: 500 on either side; the answer's bytes that came are counted, and what had been reached has no time."""
    if is_response:
        rules_unmark(strm, True)
        be_counters(strm).failed_resp += 1
    else:
        strm.t_request = 0
        fe_counters(strm).failed_req += 1
    if strm.phase == PHASE_BE_AFTER or strm.phase == PHASE_FE_AFTER:
        http_reply_failed(strm, b'P', b'H')
    else:
        http_reply(strm, 500, b'P', b'H' if is_response else b'R')


cdef void rules_unmark(stream_t* strm, bint is_response) noexcept nogil:
    if is_response:
        strm.t_response = 0
        if strm.res_msg.head_len:
            stream_drop_answer(strm, strm.back.rx.len - strm.res_msg.head_len)
    else:
        strm.t_request = 0
        if strm.phase == PHASE_FE_TCP:
            strm.log_line_len = 0


cdef void _reject(stream_t* strm, bint is_response) noexcept nogil:
    if is_response:
        fe_counters(strm).denied_resp += 1
        be_counters(strm).denied_resp += 1
        srv_slot(strm).denied_resp += 1
    else:
        fe_counters(strm).denied_req += 1
    rules_unmark(strm, is_response)
    http_abort(strm, b'P', b'D' if is_response else b'R')


cdef rules_result_t _settle(stream_t* strm, act_t act, bint is_response) noexcept nogil:
    """What an action's verdict means for the stream."""
    if act == ACT_YIELD:
        return RULES_R_WAIT
    if act == ACT_DONE:
        return RULES_R_ENDED
    if act == ACT_REJECT:
        _reject(strm, is_response)
        return RULES_R_ENDED
    if act == ACT_ERROR:
        _fail(strm, is_response)
        return RULES_R_ENDED
    return RULES_R_GO


cdef act_t run_set(stream_t* strm, eval_t* ev, const px_t* px, rule_set_t set) noexcept nogil:
    cdef const rules_t* rules = px_rules(px, set)
    cdef uint32_t at = strm.rule_at
    cdef act_t act
    if at == 0:
        strm.flags &= ~(<uint32_t> STRM_F_LAX)
    act = rules_run(ev, rules, &at)
    if act == ACT_DONE:
        # The stream may be gone.
        return act
    strm.rule_at = at if act == ACT_YIELD else 0
    if act == ACT_YIELD:
        strm.waiting_rule = &rules.items[at]
    elif act == ACT_ERROR:
        strm.failed_rule = &rules.items[at - 1]
    else:
        strm.waiting_rule = NULL
    return ACT_CONT if act == ACT_STOP else act


# -- the switch

cdef px_t* switch_target(eval_t* ev, const px_t* fe) noexcept nogil:
    """The backend of the first `use_backend` rule whose condition holds, else `default_backend`; NULL: none."""
    cdef const rules_t* rules = px_rules(fe, RULES_USE_BACKEND)
    cdef const rule_t* rule
    cdef slice_t name
    cdef px_t* px
    cdef uint32_t i
    if rules == NULL:
        return fe.default_backend
    for i in range(rules.n_items):
        rule = &rules.items[i]
        ev.scratch.used = 0
        if rule.cond != NULL and cond_eval(ev, rule.cond) != COND_TRUE:
            continue
        if rule.args[0].type == ARG_PROXY:
            return <px_t*> rule.args[0].ptr
        ev.scratch.used = 0
        if lf_text(ev, <const logformat_t*> rule.args[0].ptr, 1024, &name):
            px = proxy_named(ev.program, name, PX_CAP_BE)
            if px != NULL:
                return px
        # haproxy: a name that no backend has ends the search; the default is taken (manual, "use_backend").
        break
    return fe.default_backend


cdef void enter_backend(stream_t* strm) noexcept nogil:
    if strm.next_be != NULL and strm.be == NULL and not strm.flags & STRM_F_INTERNAL:
        stream_set_backend(strm, strm.next_be)


cdef act_t _switch(stream_t* strm, eval_t* ev) noexcept nogil:
    strm.next_be = strm.fe if strm.flags & STRM_F_INTERNAL else switch_target(ev, strm.fe)
    if strm.req_msg.head_len:
        enter_backend(strm)
    if strm.next_be != NULL:
        persist_rules(strm)
    return ACT_CONT


cdef act_t _buffer_request(stream_t* strm, eval_t* ev, const px_t* px) noexcept nogil:
    cdef uint32_t wait_ms = px.t_http_request if px.t_http_request else strm.fe.t_client
    cdef body_wait_t found = body_await(strm, False, wait_ms, 0)
    if found == BODY_R_WAIT:
        return ACT_YIELD
    if found == BODY_R_THERE:
        eval_stream(ev, strm, EVAL_O_FINAL)
        ev.be = strm.next_be
        return ACT_CONT
    strm.flags |= STRM_F_CLOSE_FRONT
    fe_counters(strm).failed_req += 1
    if found == BODY_R_CUT:
        http_abort(strm, b'C', b'R')
        return ACT_DONE
    strm.t_request = 0
    http_refuse(strm, 408 if found == BODY_R_LATE else 400, b'c' if found == BODY_R_LATE else b'P', b'R')
    return ACT_DONE


cdef act_t _wait_for_key(stream_t* strm, eval_t* ev) noexcept nogil:
    """haproxy: behind the backend's rules, and whether the URL has the parameter or not."""
    cdef const px_t* px = strm.next_be
    if px == NULL or strm.flags & STRM_F_INTERNAL or not key_wants_body(<const hash_key_t*> px.hash_key, &strm.req_msg):
        return ACT_CONT
    return _buffer_request(strm, ev, px)


cdef act_t request_phase(stream_t* strm, eval_t* ev) noexcept nogil:
    cdef uint8_t phase = strm.phase
    cdef px_t* px = strm.fe if phase < PHASE_SWITCH else strm.next_be
    if phase == PHASE_SWITCH:
        return _switch(strm, ev)
    if phase == PHASE_KEY:
        return _wait_for_key(strm, ev)
    if px == NULL or phase > PHASE_SWITCH and (px == strm.fe or strm.flags & STRM_F_INTERNAL):
        return ACT_CONT
    if phase > PHASE_SWITCH:
        ev.be = px
    if phase == PHASE_FE_TCP or phase == PHASE_BE_TCP:
        return run_set(strm, ev, px, RULES_TCP_REQUEST)
    if px.mode != PX_MODE_HTTP and not strm.req_msg.head_len:
        return ACT_CONT
    if phase == PHASE_FE_BODY or phase == PHASE_BE_BODY:
        return _buffer_request(strm, ev, px) if px.http_options & PX_H_BUFFER_REQUEST else ACT_CONT
    if phase == PHASE_FE_HTTP or phase == PHASE_BE_HTTP:
        return run_set(strm, ev, px, RULES_HTTP_REQUEST)
    if strm.rule_at == 0 and not restrict_names(strm, px):
        fe_counters(strm).failed_req += 1
        http_reply(strm, 403, b'P', b'R')
        return ACT_DONE
    if strm.flags & STRM_F_INTERNAL:
        # `use-service` has ended the rules.
        return ACT_CONT
    if _is_statistics(strm, px):
        return _statistics(strm, ev, px)
    return run_set(strm, ev, px, RULES_REDIRECT)


cdef act_t _statistics(stream_t* strm, eval_t* ev, const px_t* px) noexcept nogil:
    """haproxy: the statistics page stands between the http-request rules and the redirects; it has rules of its own."""
    cdef act_t act = run_set(strm, ev, px, RULES_STATS)
    if act == ACT_CONT:
        strm.flags |= STRM_F_INTERNAL
        strm.service = SERVICE_STATS_ADMIN if rule_that_holds(strm, px, RULES_STATS_ADMIN) != NULL else SERVICE_STATS
    return act


cdef bint _is_statistics(const stream_t* strm, const px_t* px) noexcept nogil:
    cdef slice_t target = msg_target(&strm.req_msg)
    cdef slice_t prefix = px.internal_prefix
    return prefix.len > 0 and target.len >= prefix.len and same_bytes(target.ptr, prefix.ptr, prefix.len)


cdef rules_result_t request_rules(stream_t* strm) noexcept nogil:
    cdef eval_t ev
    cdef act_t act
    if not strm.fe.has_rules and (strm.fe.default_backend == NULL or not strm.fe.default_backend.has_rules):
        # has_rules is true for a statistics page as well.
        strm.next_be = strm.fe.default_backend
        strm.phase = PHASE_REQUEST_DONE
        return RULES_R_GO
    if strm.phase > PHASE_SWITCH:
        enter_backend(strm)
    eval_stream(&ev, strm, EVAL_O_FINAL)
    while strm.phase < PHASE_REQUEST_DONE:
        act = request_phase(strm, &ev)
        if act != ACT_CONT:
            return _settle(strm, act, False)
        strm.phase += 1
    return RULES_R_GO


# -- the answer

cdef act_t _refuse_answer(stream_t* strm) noexcept nogil:
    stream_drop_answer(strm, strm.back.rx.len - strm.res_msg.head_len)
    http_reply(strm, 502, b'P', b'H')
    return ACT_DONE


cdef void _log_cookie(stream_t* strm) noexcept nogil:
    cdef char[256] text
    cdef int n = snprintf(text, sizeof(text), b"Blocking cacheable cookie in response from instance %.*s, server %.*s.",
                          <int> strm.be.name.len, strm.be.name.ptr, <int> strm.srv.name.len, strm.srv.name.ptr)
    cdef uint32_t length = <uint32_t> n if n < <int> sizeof(text) else <uint32_t> sizeof(text) - 1
    log_text(strm.w.logger, strm.be, LOG_ALERT, slice_of(text, length), NULL, strm.w.loop.now_ms, strm.w.loop.real_us)


cdef act_t _set_cookie(stream_t* strm) noexcept nogil:
    """The cookie of persistence, and what `checkcache` says of the server's."""
    if strm.be.persist != NULL and not persist_response(strm):
        return _refuse_answer(strm)
    if strm.be.http_options & PX_H_CHECK_CACHE and is_cookie_cacheable(&strm.req_msg, &strm.res_msg):
        _log_cookie(strm)
        fe_counters(strm).denied_resp += 1
        be_counters(strm).denied_resp += 1
        srv_slot(strm).denied_resp += 1
        return _refuse_answer(strm)
    return ACT_CONT


cdef act_t _run_response_phase(stream_t* strm, eval_t* ev) noexcept nogil:
    cdef uint8_t phase = strm.phase
    cdef bint is_backend = phase == PHASE_BE_CONTENT or phase == PHASE_BE_RESPONSE or phase == PHASE_BE_AFTER
    cdef px_t* px = strm.be if is_backend else strm.fe
    if phase == PHASE_COOKIE:
        return _set_cookie(strm)
    if px == NULL or not is_backend and px == strm.be:
        return ACT_CONT
    if strm.flags & STRM_F_INTERNAL and phase < PHASE_BE_AFTER:
        # haproxy: the statistics page is no server's answer.
        return ACT_CONT
    if phase == PHASE_BE_CONTENT:
        return run_set(strm, ev, px, RULES_TCP_RESPONSE)
    return run_set(strm, ev, px, RULES_HTTP_RESPONSE if phase <= PHASE_FE_RESPONSE else RULES_HTTP_AFTER)


cdef rules_result_t response_rules(stream_t* strm) noexcept nogil:
    cdef eval_t ev
    cdef act_t act
    if not strm.fe.has_rules and not strm.be.has_rules:
        strm.phase = PHASE_DONE
        return _settle(strm, _set_cookie(strm), True)
    eval_stream(&ev, strm, EVAL_O_FINAL | EVAL_O_RESPONSE)
    while strm.phase < PHASE_DONE:
        act = _run_response_phase(strm, &ev)
        if act != ACT_CONT:
            return _settle(strm, act, True)
        strm.phase += 1
    return RULES_R_GO
