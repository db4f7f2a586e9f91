# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# TLS of streams' two sides: implementation.

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.tls cimport (
    TLS_F_HEARD, TLS_FAILED_CLOSED, tls_begin, tls_of, tls_set_name, tls_set_saved, tls_t,
)
from fastlb_core.net.tls_conf cimport TLS_NAME_MAX, tls_bind_t, tls_ctx_t, tls_server_t
from fastlb_core.program.expr cimport expr_eval_as, expr_t
from fastlb_core.program.program cimport LI_F_NAMED, LOG_S_ERROR, PX_O_DONTLOGNULL, listener_t, px_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, EVAL_O_LOG, SMP_T_STR, eval_t, sample_t, scratch_take
from fastlb_core.proxy.evaluate cimport eval_front, eval_stream
from fastlb_core.proxy.log cimport log_dates, log_event_t, log_text, log_unix_id
from fastlb_core.proxy.log_date cimport LOG_DATE_LEN, log_dates_accept
from fastlb_core.proxy.log_out cimport LOG_FIXED_MAX, LOG_NAME_MAX, out_address, out_byte, out_bytes, out_name, out_t, out_u64
from fastlb_core.proxy.worker cimport srv_local_t
from fastlb_core.sys.libssl cimport SSL_set1_host

cdef enum:
    LOG_INFO = 6


cdef inline void _size_records(tls_t* tls, const tls_ctx_t* conf) noexcept nogil:
    tls.max_record = conf.max_record
    tls.hard_record = conf.hard_record
    tls.idle_ms = conf.idle_ms


# -- clients

cdef bint secure_front(conn_t* front) noexcept nogil:
    cdef const tls_bind_t* bind = <const tls_bind_t*> (<const listener_t*> front.origin).tls
    # strict-sni goes without certificates: nobody is served then.
    if bind.first == NULL or not tls_begin(front, bind.first.ctx, True):
        return False
    _size_records(tls_of(front), bind.first)
    return True


cdef void _out_moment(out_t* out, worker_t* w, const conn_t* front) noexcept nogil:
    cdef uint32_t ms = <uint32_t> (front.since_real_us % 1000000) // 1000
    out_bytes(out, log_dates_accept(log_dates(w.logger), <int64_t> (front.since_real_us // 1000000)), LOG_DATE_LEN)
    out_byte(out, b'.')
    out_byte(out, 48 + ms // 100)
    out_byte(out, 48 + ms // 10 % 10)
    out_byte(out, 48 + ms % 10)


cdef void _log_line(worker_t* w, conn_t* front, slice_t what) noexcept nogil:
    """`%ci:%cp [%t] frontend/listener: what`: the line of a connection that never became a stream (manual, 8.2.5)."""
    cdef const listener_t* li = <const listener_t*> front.origin
    cdef char line[LOG_FIXED_MAX + 2 * LOG_NAME_MAX]
    cdef log_event_t event
    cdef eval_t ev
    cdef out_t out
    out.at = line
    out.end = line + sizeof(line)
    out_address(&out, &front.peer, log_unix_id(w.logger, li.px))
    out_bytes(&out, b" [", 2)
    _out_moment(&out, w, front)
    out_bytes(&out, b"] ", 2)
    out_name(&out, li.px.name)
    out_byte(&out, b'/')
    if li.flags & LI_F_NAMED:
        out_name(&out, li.name)
    else:
        out_u64(&out, li.id)
    out_bytes(&out, b": ", 2)
    out_bytes(&out, what.ptr, what.len)
    event.step = LOG_S_ERROR
    event.profile = NULL
    if li.px.has_log_profiles:
        eval_front(&ev, w, front)
        ev.options |= EVAL_O_LOG
        ev.log_step = LOG_S_ERROR
        event.ev = &ev
    log_text(w.logger, li.px, LOG_INFO, slice_of(line, <uint32_t> (out.at - line)),
             &event if li.px.has_log_profiles else NULL, w.loop.now_ms, w.loop.real_us)


cdef void secure_log_failure(worker_t* w, conn_t* front, bint is_timeout) noexcept nogil:
    cdef const tls_t* tls = tls_of(front)
    cdef const px_t* fe = (<const listener_t*> front.origin).px
    if not tls.flags & TLS_F_HEARD and fe.options & PX_O_DONTLOGNULL:
        return
    if is_timeout:
        _log_line(w, front, slice_of(b"Timeout during SSL handshake", 28))
    elif tls.failure == TLS_FAILED_CLOSED:
        _log_line(w, front, slice_of(b"Connection closed during SSL handshake", 38))
    else:
        _log_line(w, front, slice_of(b"SSL handshake failure", 21))


# -- servers

cdef slice_t secure_name(stream_t* strm) noexcept nogil:
    cdef const tls_server_t* conf = <const tls_server_t*> strm.srv.tls
    cdef eval_t ev
    cdef sample_t smp
    cdef char* name
    if conf == NULL or conf.sni == NULL:
        return slice_of(NULL, 0)
    eval_stream(&ev, strm, EVAL_O_FINAL)
    ev.scratch.used = 0
    if not expr_eval_as(&ev, <const expr_t*> conf.sni, SMP_T_STR, &smp) or smp.str.len == 0 or smp.str.len > TLS_NAME_MAX:
        return slice_of(NULL, 0)
    name = scratch_take(&ev, smp.str.len + 1)
    if name == NULL:
        return slice_of(NULL, 0)
    memcpy(name, smp.str.ptr, smp.str.len)
    name[smp.str.len] = 0
    return slice_of(name, smp.str.len)


cdef bint secure_back(stream_t* strm, conn_t* back, slice_t name) noexcept nogil:
    cdef const tls_server_t* conf = <const tls_server_t*> strm.srv.tls
    if not tls_begin(back, conf.tls.ctx, False):
        return False
    _size_records(tls_of(back), conf.tls)
    if name.len:
        tls_set_name(back, name.ptr, name.len)
    if conf.verifies and (conf.verify_host.len or name.len):
        # haproxy: `verifyhost` comes before the name that was sent (manual, 5.2).
        if SSL_set1_host(tls_of(back).ssl, conf.verify_host.ptr if conf.verify_host.len else name.ptr) != 1:
            return False
    if conf.reuses:
        tls_set_saved(back, &(<srv_local_t*> strm.srv.local).tls)
    return True
