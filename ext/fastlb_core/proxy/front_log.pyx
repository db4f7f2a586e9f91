# The log line of a connection that never became a stream; contracts in front_log.pxd.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.conn_err cimport (
    CONN_ERR_CIP_TIMEOUT, CONN_ERR_PP_TIMEOUT, CONN_ERR_TLS_TIMEOUT, conn_err_is_silence, conn_err_text,
)
from fastlb_core.program.program cimport (
    LI_F_NAMED, LOG_K_DEFAULT, LOG_K_NONE, LOG_S_ERROR, PX_O_DONTLOGNULL, PX_O_LOG_SEPARATE, listener_t, px_t,
)
from fastlb_core.program.sample cimport EVAL_O_LOG, eval_t
from fastlb_core.proxy.evaluate cimport eval_front
from fastlb_core.proxy.log cimport log_dates, log_event_t, log_text, log_unix_id
from fastlb_core.proxy.log_date cimport LOG_DATE_LEN, log_dates_accept
from fastlb_core.proxy.log_out cimport LOG_FIXED_MAX, LOG_NAME_MAX, out_address, out_byte, out_bytes, out_name, out_t, out_u64
from fastlb_core.proxy.stream_log cimport log_error_format

cdef enum:
    LOG_ERR = 3
    LOG_INFO = 6


cdef inline uint8_t _level(const px_t* fe) noexcept nogil:
    """haproxy: all of these are errors, also where nothing came."""
    return LOG_ERR if fe.options & PX_O_LOG_SEPARATE else LOG_INFO


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
    log_text(w.logger, li.px, _level(li.px), slice_of(line, <uint32_t> (out.at - line)),
             &event if li.px.has_log_profiles else NULL, w.loop.now_ms, w.loop.real_us)


cdef void front_log_failure(worker_t* w, conn_t* front, conn_err_t err) noexcept nogil:
    cdef const px_t* fe = (<const listener_t*> front.origin).px
    cdef eval_t ev
    front.err = <uint8_t> err
    if fe.log_kind == LOG_K_NONE or fe.options & PX_O_DONTLOGNULL and conn_err_is_silence(err):
        return
    # haproxy: one that was waited for to the end has no time.
    front.handshake_ms = <uint32_t> -1 if err in (CONN_ERR_PP_TIMEOUT, CONN_ERR_CIP_TIMEOUT, CONN_ERR_TLS_TIMEOUT) else \
        <uint32_t> (w.loop.now_ms - front.since_ms)
    if fe.error_log_format != NULL:
        eval_front(&ev, w, front)
        log_error_format(&ev, _level(fe))
    elif fe.log_kind != LOG_K_DEFAULT or fe.has_log_profiles:
        # haproxy: without a format of any kind there is no such line.
        _log_line(w, front, conn_err_text(err))
