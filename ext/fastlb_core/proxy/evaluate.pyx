# Filling an eval_t: implementation.

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastlb_core.base.bug cimport FLB_DEBUG, flb_bug_on
from fastlb_core.base.buf cimport buf_data, opool_destroy, opool_get, opool_init, opool_put
from fastlb_core.base.slice cimport slice_of
from fastlb_core.http.message cimport MSG_F_HTTP10
from fastlb_core.http.packer cimport coding_setting
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.program cimport listener_t
from fastlb_core.program.rules cimport rules_run, rules_t
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, EVAL_O_LOG, VARS_PROC, VARS_REQ, VARS_RES, VARS_SCOPES, VARS_SESS, VARS_TXN, eval_t,
)
from fastlb_core.program.vars cimport VARS_N_CLASSES, vars_init, vars_pools_destroy, vars_pools_init, vars_reset, vars_t
from fastlb_core.proxy.compress cimport COMP_CHOSEN
from fastlb_core.proxy.stream cimport STRM_F_REQ_SENT, STRM_F_RES_OPEN, stream_t
from fastlb_core.proxy.tracking cimport tracking_of, tracking_of_front
from fastlb_core.proxy.worker cimport worker_t

cdef enum:
    MAX_FREE_BLOCKS = 64         # of each size class of variables
    SESSIONS_PER_SLAB = 256


# ---- variables

cdef void eval_open_worker(worker_t* w) noexcept nogil:
    cdef eval_t ev
    cdef uint32_t next = 0
    cdef int scope
    for scope in range(<int> VARS_SCOPES):
        if w.program.n_vars[scope]:
            w.has_vars = True
    if not w.has_vars:
        return
    vars_pools_init(&w.var_pools, MAX_FREE_BLOCKS)
    opool_init(&w.sessions, sizeof(vars_t), SESSIONS_PER_SLAB)
    vars_init(&w.proc_vars, &w.var_pools, NULL, w.program.n_vars[<int> VARS_PROC], w.program.max_vars[<int> VARS_PROC])
    w.proc_vars.is_proc = True
    memset(&ev, 0, sizeof(eval_t))
    _of_worker(&ev, w)
    ev.options = EVAL_O_FINAL
    ev.fe = w.program.proxies[0] if w.program.n_proxies else NULL
    rules_run(&ev, <const rules_t*> w.program.at_start, &next)


cdef void eval_close_worker(worker_t* w) noexcept nogil:
    cdef int i
    if w.has_vars:
        vars_reset(&w.proc_vars)
        for i in range(<int> VARS_N_CLASSES):
            flb_bug_on(FLB_DEBUG and w.var_pools.classes[i].n_used != 0)
        opool_destroy(&w.sessions)
        vars_pools_destroy(&w.var_pools)


cdef vars_t* _session_of(worker_t* w, conn_t* front) noexcept nogil:
    """The session's variables, made at the first rule that may use them. NULL when memory is short."""
    if front.session == NULL:
        front.session = opool_get(&w.sessions)
        if front.session != NULL:
            vars_init(<vars_t*> front.session, &w.var_pools, &w.proc_vars, w.program.n_vars[<int> VARS_SESS],
                      w.program.max_vars[<int> VARS_SESS])
    return <vars_t*> front.session


cdef void eval_close_session(worker_t* w, conn_t* front) noexcept nogil:
    if front.session != NULL:
        vars_reset(<vars_t*> front.session)
        opool_put(&w.sessions, front.session)
        front.session = NULL


cdef void eval_open_vars(stream_t* strm) noexcept nogil:
    cdef worker_t* w = strm.w
    cdef vars_t* parent = _session_of(w, strm.front)
    vars_init(&strm.txn_vars, &w.var_pools, parent, w.program.n_vars[<int> VARS_TXN], w.program.max_vars[<int> VARS_TXN])
    vars_init(&strm.msg_vars, &w.var_pools, &strm.txn_vars, w.program.n_vars[<int> VARS_REQ],
              w.program.max_vars[<int> VARS_REQ])
    strm.msg_scope = VARS_REQ


cdef void eval_close_vars(stream_t* strm) noexcept nogil:
    if strm.msg_scope:
        vars_reset(&strm.msg_vars)
        vars_reset(&strm.txn_vars)
        strm.msg_scope = 0


cdef void eval_begin_answer(stream_t* strm) noexcept nogil:
    cdef worker_t* w = strm.w
    if strm.msg_scope == VARS_REQ:
        vars_reset(&strm.msg_vars)
        vars_init(&strm.msg_vars, &w.var_pools, &strm.txn_vars, w.program.n_vars[<int> VARS_RES],
                  w.program.max_vars[<int> VARS_RES])
        strm.msg_scope = VARS_RES


# ---- what is there

cdef void _of_worker(eval_t* ev, worker_t* w) noexcept nogil:
    if w.has_vars:
        ev.vars[<int> VARS_PROC] = &w.proc_vars
    ev.program = w.program
    ev.logger = w.logger
    ev.worker = w.index
    ev.pid = w.pid
    ev.now_ms = w.loop.now_ms
    ev.real_us = w.loop.real_us
    ev.scratch = &w.scratch
    ev.room_for_facts = &w.facts
    w.scratch.used = 0


cdef void _remembered(eval_t* ev, const stream_t* strm) noexcept nogil:
    ev.captures_req = strm.captures_req
    ev.captures_res = strm.captures_res
    ev.n_captures_req = strm.fe.n_captures_req if strm.captures_req != NULL else 0
    ev.n_captures_res = strm.fe.n_captures_res if strm.captures_res != NULL else 0
    ev.unique_id = strm.unique_id
    ev.server_status = strm.server_status
    ev.txn_status = strm.status
    if strm.comp_stage == COMP_CHOSEN:
        ev.res_comp = coding_setting(strm.coding)
    if strm.server_status:
        ev.log_res_ver = slice_of(b"HTTP/1.0" if strm.res_msg.flags & MSG_F_HTTP10 else b"HTTP/1.1", 8)
    if strm.log_line_len == 0:
        return
    ev.log_method = slice_of(strm.log_line, strm.log_method_len)
    ev.log_uri = slice_of(strm.log_line + strm.log_method_len,
                          strm.log_line_len - strm.log_method_len - strm.log_version_len)
    ev.log_ver = slice_of(strm.log_line + strm.log_line_len - strm.log_version_len, strm.log_version_len)


cdef void eval_stream(eval_t* ev, stream_t* strm, uint32_t options) noexcept nogil:
    cdef conn_t* front = strm.front
    cdef uint32_t skip
    memset(ev, 0, sizeof(eval_t))
    _of_worker(ev, strm.w)
    ev.strm = strm
    ev.front = front
    ev.back = strm.back
    ev.fe = strm.fe
    ev.be = strm.be
    ev.options = options
    ev.last_rule = &strm.last_rule
    ev.trackers = tracking_of(strm)
    _remembered(ev, strm)
    if strm.msg_scope:
        ev.vars[<int> VARS_SESS] = front.session
        ev.vars[<int> VARS_TXN] = &strm.txn_vars
        ev.vars[<int> strm.msg_scope] = &strm.msg_vars
    if options & EVAL_O_LOG:
        # The messages' buffers are gone, or hold the next one.
        return
    if strm.req_msg.head_len and not strm.flags & STRM_F_REQ_SENT:
        # Once it has left, its bytes are no longer its own.
        ev.req = &strm.req_msg
    if strm.flags & STRM_F_RES_OPEN and strm.res_msg.head_len:
        ev.res = &strm.res_msg
    if front.rx.len:
        # Until the head has left it stands before the body's bytes.
        skip = 0 if strm.flags & STRM_F_REQ_SENT else strm.req_msg.head_len
        if skip < front.rx.len:
            ev.req_bytes = slice_of(buf_data(&front.rx) + skip, front.rx.len - skip)
    if strm.back != NULL and strm.back.rx.len:
        skip = ev.res.head_len if ev.res != NULL else 0
        if skip < strm.back.rx.len:
            ev.res_bytes = slice_of(buf_data(&strm.back.rx) + skip, strm.back.rx.len - skip)


cdef void eval_front(eval_t* ev, worker_t* w, conn_t* front) noexcept nogil:
    memset(ev, 0, sizeof(eval_t))
    _of_worker(ev, w)
    ev.front = front
    ev.trackers = tracking_of_front(w, front)
    ev.fe = (<const listener_t*> front.origin).px
    if w.has_vars:
        ev.vars[<int> VARS_SESS] = _session_of(w, front)
    ev.options = EVAL_O_FINAL
