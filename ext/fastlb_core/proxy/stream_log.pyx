# The log lines of a stream; contracts in stream_log.pxd.

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.atomic cimport add_fetch_u64
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.conn cimport conn_local
from fastlb_core.program.logformat cimport lf_build, logformat_t
from fastlb_core.program.program cimport (
    LOG_K_DEFAULT, LOG_K_JSON, LOG_K_NONE, LOG_S_CLOSE, LOG_S_ERROR, PX_O_DONTLOG_NORMAL, PX_O_LOG_SEPARATE, px_t,
)
from fastlb_core.program.sample cimport EVAL_O_FINAL, EVAL_O_LOG, EVAL_O_RESPONSE, eval_t
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.log cimport (
    log_event_t, log_formatted, log_rec_t, log_room, log_room_sd, log_stream, logger_t,
)
from fastlb_core.proxy.log_facts cimport facts_is_error, facts_of, facts_of_stream
from fastlb_core.proxy.unique_id cimport unique_id_of
from fastlb_core.proxy.stream cimport STRM_F_BAD_REQUEST, STRM_F_LOGGED, STRM_F_LOG_EARLY, STRM_F_NO_LOG

cdef enum:
    LOG_INFO = 6
    LOG_ERR = 3
    LOG_SILENT = 9               # stream_t.log_level


cdef bint _is_to_be_logged(const stream_t* strm) noexcept nogil:
    if strm.fe.log_kind == LOG_K_NONE or strm.log_level == LOG_SILENT or strm.flags & (STRM_F_NO_LOG | STRM_F_LOGGED):
        return False
    # haproxy: the manual's "option dontlog-normal": errors, timeouts, retries, redispatches and 5xx stay.
    return not strm.fe.options & PX_O_DONTLOG_NORMAL or facts_is_error(strm)


cdef uint8_t _level_of(const stream_t* strm) noexcept nogil:
    if strm.log_level:
        return <uint8_t> (strm.log_level - 1)
    if strm.fe.options & PX_O_LOG_SEPARATE and facts_is_error(strm):
        return LOG_ERR
    return LOG_INFO


cdef inline bint _is_no_request(const stream_t* strm) noexcept nogil:
    return bool(strm.flags & STRM_F_BAD_REQUEST) and strm.status == 400


cdef slice_t _formatted(eval_t* ev, const void* format) noexcept nogil:
    cdef uint32_t room = 0
    cdef char* into = log_room(<logger_t*> ev.logger, &room)
    return slice_of(into, lf_build(ev, <const logformat_t*> format, into, room))


cdef slice_t _structured_data(eval_t* ev) noexcept nogil:
    cdef uint32_t room = 0
    cdef char* into
    if ev.fe.log_format_sd == NULL:
        return slice_of(NULL, 0)
    into = log_room_sd(<logger_t*> ev.logger, &room)
    return slice_of(into, lf_build(ev, <const logformat_t*> ev.fe.log_format_sd, into, room))


cdef void _write(eval_t* ev, const void* format, uint8_t level, const log_event_t* event) noexcept nogil:
    """One line of what `ev` sees; format: NULL for the proxy's fixed line."""
    cdef const px_t* fe = ev.fe
    cdef slice_t text
    cdef log_rec_t rec
    if format == NULL:
        ev.facts = NULL
        rec = facts_of(ev)[0]
        rec.level = level
        log_stream(<logger_t*> ev.logger, &rec, _structured_data(ev), event, ev.now_ms, ev.real_us)
        return
    text = _formatted(ev, format)
    add_fetch_u64(&fe.sh.n_log_lines, 1)
    log_formatted(<logger_t*> ev.logger, fe, level, text, _structured_data(ev), event, ev.now_ms, ev.real_us)


cdef void _log_evaluated(stream_t* strm, log_event_t* event, const void* format, uint8_t level) noexcept nogil:
    """A line with something to evaluate: a format, structured data or a profile."""
    cdef eval_t ev
    if strm.fe.log_kind == LOG_K_DEFAULT:
        conn_local(strm.front)
    elif strm.fe.log_kind == LOG_K_JSON:
        unique_id_of(strm)
    eval_stream(&ev, strm, EVAL_O_FINAL | EVAL_O_RESPONSE | EVAL_O_LOG)
    ev.log_step = <uint8_t> event.step
    event.ev = &ev
    _write(&ev, format, level, event if event.profile != NULL or strm.fe.has_log_profiles else NULL)


cdef void _log_fixed(stream_t* strm, uint8_t level) noexcept nogil:
    cdef log_rec_t rec
    if strm.fe.log_kind == LOG_K_DEFAULT:
        conn_local(strm.front)
    elif strm.fe.log_kind == LOG_K_JSON:
        unique_id_of(strm)
    facts_of_stream(strm, &rec)
    rec.level = level
    log_stream(strm.w.logger, &rec, slice_of(NULL, 0), NULL, strm.w.loop.now_ms, strm.w.loop.real_us)


cdef void _log(stream_t* strm, log_step_t step, const log_profile_t* profile) noexcept nogil:
    cdef const px_t* fe = strm.fe
    cdef uint8_t level = _level_of(strm)
    # haproxy: `error-log-format` is for what never became a request; failures further on have the usual line.
    cdef const void* format = fe.log_format
    cdef log_event_t event
    if step == LOG_S_ERROR and fe.error_log_format != NULL:
        format = fe.error_log_format
    if format == NULL and fe.log_format_sd == NULL and not fe.has_log_profiles and profile == NULL:
        _log_fixed(strm, level)
        return
    event.step = step
    event.profile = profile
    _log_evaluated(strm, &event, format, level)


cdef void stream_log_step(stream_t* strm, log_step_t step) noexcept nogil:
    if _is_to_be_logged(strm):
        _log(strm, step, NULL)


cdef void stream_log(stream_t* strm, bint is_early) noexcept nogil:
    cdef log_step_t step = LOG_S_ERROR if _is_no_request(strm) else LOG_S_CLOSE
    if not strm.fe.log_steps & (1 << <int> step) or not _is_to_be_logged(strm):
        return
    if is_early:
        strm.flags |= STRM_F_LOG_EARLY
    _log(strm, step, NULL)
    if is_early:
        strm.flags |= STRM_F_LOGGED


cdef void log_on_demand(eval_t* ev, log_step_t step, const log_profile_t* profile) noexcept nogil:
    cdef log_event_t event
    cdef eval_t own
    if ev.strm != NULL:
        # Not among the lines that the stream writes by itself: `dontlog-normal` and `logasap` do not matter.
        if ev.fe.log_kind != LOG_K_NONE and (<stream_t*> ev.strm).log_level != LOG_SILENT:
            _log(<stream_t*> ev.strm, step, profile)
        return
    if ev.fe.log_kind == LOG_K_NONE:
        return
    own = ev[0]
    own.options = EVAL_O_FINAL | EVAL_O_LOG
    own.log_step = <uint8_t> step
    event.ev = &own
    event.step = step
    event.profile = profile
    conn_local(own.front)
    _write(&own, own.fe.log_format, LOG_INFO, &event)


cdef void log_error_format(eval_t* ev, uint8_t level) noexcept nogil:
    cdef log_event_t event
    ev.options = EVAL_O_FINAL | EVAL_O_LOG
    ev.log_step = LOG_S_ERROR
    event.ev = ev
    event.step = LOG_S_ERROR
    event.profile = NULL
    conn_local(ev.front)
    _write(ev, ev.fe.error_log_format, level, &event if ev.fe.has_log_profiles else NULL)
