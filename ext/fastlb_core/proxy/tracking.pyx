# Tracked counters of streams and connections; contracts in tracking.pxd.
#
# Knows where the arrays are. Must not know data types nor rules.

from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.buf cimport opool_get, opool_put
from fastlb_core.program.program cimport PX_MODE_TCP, STATUS_K_ERROR, STATUS_K_FAILURE
from fastlb_core.proxy.stick_rules cimport stick_forget
from fastlb_core.proxy.track cimport (
    track_bytes, track_end, track_http_err, track_http_fail, track_http_req, track_session)


cdef trackers_t* tracking_of(stream_t* strm) noexcept nogil:
    cdef worker_t* w = strm.w
    if strm.trackers == NULL:
        return NULL
    w.seen.strm = strm.trackers
    w.seen.sess = <stkctr_t*> strm.front.trackers
    w.seen.n = w.program.n_trackers
    return &w.seen


cdef trackers_t* tracking_of_front(worker_t* w, conn_t* front) noexcept nogil:
    if w.program.n_trackers == 0:
        return NULL
    w.seen.strm = NULL
    w.seen.sess = <stkctr_t*> front.trackers
    w.seen.n = w.program.n_trackers
    return &w.seen


cdef stkctr_t* tracking_session(worker_t* w, conn_t* front) noexcept nogil:
    if front.trackers == NULL and w.program.n_trackers:
        front.trackers = opool_get(&w.trackers)
        if front.trackers != NULL:
            memset(front.trackers, 0, w.program.n_trackers * sizeof(stkctr_t))
    return <stkctr_t*> front.trackers


cdef void tracking_accepted(worker_t* w, conn_t* front) noexcept nogil:
    if front.trackers != NULL:
        track_session(<stkctr_t*> front.trackers, w.program.n_trackers, w.loop.now_ms)


cdef void tracking_silent(worker_t* w, conn_t* front) noexcept nogil:
    cdef trackers_t* all = tracking_of_front(w, front)
    track_http_req(all, w.loop.now_ms)
    track_http_err(all, w.loop.now_ms)


cdef void tracking_request(stream_t* strm) noexcept nogil:
    track_http_req(tracking_of(strm), strm.w.loop.now_ms)


cdef void tracking_error(stream_t* strm) noexcept nogil:
    track_http_err(tracking_of(strm), strm.w.loop.now_ms)


cdef void tracking_status(stream_t* strm, int status) noexcept nogil:
    cdef uint8_t kinds = strm.w.program.status_kinds[status - 100] if 100 <= status < 600 else 0
    if kinds & STATUS_K_ERROR:
        track_http_err(tracking_of(strm), strm.w.loop.now_ms)
    if kinds & STATUS_K_FAILURE:
        track_http_fail(tracking_of(strm), strm.w.loop.now_ms)


cdef void tracking_failure(stream_t* strm) noexcept nogil:
    track_http_fail(tracking_of(strm), strm.w.loop.now_ms)


cdef void tracking_end_stream(stream_t* strm) noexcept nogil:
    cdef uint64_t n_in = strm.bytes_in
    if n_in == 0:
        # haproxy: what went nowhere has come all the same.
        n_in = strm.front.rx.len if strm.fe.mode == PX_MODE_TCP and not strm.req.is_open else strm.head_in
    track_bytes(tracking_of(strm), n_in, strm.bytes_out, strm.w.loop.now_ms)
    track_end(strm.trackers, strm.w.program.n_trackers, strm.w.loop.now_ms)
    if strm.n_stores:
        stick_forget(strm)


cdef void tracking_end_front(worker_t* w, conn_t* front) noexcept nogil:
    if front.trackers == NULL:
        return
    track_end(<stkctr_t*> front.trackers, w.program.n_trackers, w.loop.now_ms)
    opool_put(&w.trackers, front.trackers)
    front.trackers = NULL
