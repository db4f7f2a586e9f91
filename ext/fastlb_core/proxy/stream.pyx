# Streams: birth, the guarded run, accounting, death.
#
# Knows which counter belongs to which event; must not know what the protocols do in between.

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.buf cimport opool_get, opool_put
from fastlb_core.base.list cimport list_del, list_entry, list_init, list_t
from fastlb_core.base.rate cimport rate_add
from fastlb_core.base.wheel cimport timer_t, wheel_cancel, wheel_set
from fastlb_core.http.message cimport BODY_CHUNKED, hdr_t, msg_cap_hdrs, msg_init
from fastlb_core.lb.balance cimport lb_release
from fastlb_core.lb.shared cimport counters_t, share_give, share_take
from fastlb_core.lb.times cimport (
    TIMES_CONNECT, TIMES_QUEUE, TIMES_RESPONSE, TIMES_TOTAL, times_add, times_t,
)
from fastlb_core.net.conn cimport conn_close, conn_local, conn_t
from fastlb_core.net.loop cimport TIMER_STREAM
from fastlb_core.program.program cimport PX_MODE_HTTP, px_t
from fastlb_core.program.rules cimport RULES_FILTER, px_rules
from fastlb_core.proxy.compress cimport compress_end
from fastlb_core.proxy.evaluate cimport eval_close_vars, eval_open_vars
from fastlb_core.proxy.filters cimport filters_backend, filters_end
from fastlb_core.proxy.forward cimport flow_close
from fastlb_core.proxy.log cimport log_rec_t
from fastlb_core.proxy.log_facts cimport facts_class, facts_times
from fastlb_core.proxy.queue cimport queue_offer, queue_remove
from fastlb_core.proxy.stream cimport (
    BACK_NONE, BACK_QUEUED, BACK_READY, STRM_F_AGAIN, STRM_F_ENDED, STRM_F_HAS_SLOT, STRM_F_INTERNAL, STRM_F_IN_BACKEND,
    STRM_F_NO_LOG, STRM_F_RUNNING, stream_ops_t, stream_t,
)
from fastlb_core.proxy.stream_log cimport stream_log
from fastlb_core.proxy.track cimport TRACK_STORES, stkctr_t
from fastlb_core.proxy.tracking cimport tracking_end_stream
from fastlb_core.proxy.worker cimport worker_t


cdef inline size_t _trackers_size(uint32_t n_trackers) noexcept nogil:
    return (n_trackers + TRACK_STORES) * sizeof(stkctr_t) if n_trackers else 0


cdef uint32_t stream_size(uint32_t max_hdrs, uint32_t logurilen, uint32_t n_trackers) noexcept nogil:
    return <uint32_t> (sizeof(stream_t) + _trackers_size(n_trackers) + 2 * msg_cap_hdrs(max_hdrs) * sizeof(hdr_t)
                       + logurilen + 1)


cdef stream_t* stream_new(worker_t* w, conn_t* front, const stream_ops_t* ops) noexcept nogil:
    cdef stream_t* strm = <stream_t*> opool_get(&w.streams)
    cdef uint32_t max_hdrs = w.program.maxhdr
    if strm == NULL:
        return NULL
    # Everything but the header storage and the saved request line, which are only read where they were written.
    memset(strm, 0, <size_t> &(<stream_t*> NULL).req_hdrs)
    strm.trackers = NULL
    if w.program.n_trackers:
        strm.trackers = <stkctr_t*> (strm + 1)
        memset(strm.trackers, 0, _trackers_size(w.program.n_trackers))
    strm.req_hdrs = <hdr_t*> (<char*> (strm + 1) + _trackers_size(w.program.n_trackers))
    strm.res_hdrs = strm.req_hdrs + msg_cap_hdrs(max_hdrs)
    strm.log_line = <char*> (strm.res_hdrs + msg_cap_hdrs(max_hdrs))
    strm.log_line_len = 0
    strm.log_method_len = 0
    strm.log_version_len = 0
    msg_init(&strm.req_msg, strm.req_hdrs, max_hdrs)
    msg_init(&strm.res_msg, strm.res_hdrs, max_hdrs)
    strm.w = w
    strm.ops = ops
    strm.front = front
    strm.term_err = b'-'
    strm.term_state = b'-'
    strm.timer.kind = TIMER_STREAM
    strm.t_start = w.loop.now_ms
    strm.t_real_us = w.loop.real_us
    list_init(&strm.link)
    list_init(&strm.runnable)
    front.owner = strm
    if w.has_vars:
        eval_open_vars(strm)
    w.n_streams += 1
    w.slot.n_streams += 1
    return strm


cdef inline void _free(stream_t* strm) noexcept nogil:
    list_del(&strm.runnable)
    if strm.capture_block != NULL:
        opool_put(&strm.w.captures, strm.capture_block)
    strm.w.n_streams -= 1
    strm.w.slot.n_streams -= 1
    opool_put(&strm.w.streams, strm)


cdef void stream_process(stream_t* strm) noexcept nogil:
    if strm.flags & STRM_F_RUNNING:
        strm.flags |= STRM_F_AGAIN
        return
    strm.flags |= STRM_F_RUNNING
    while True:
        strm.flags &= ~(<uint32_t> STRM_F_AGAIN)
        strm.n_calls += 1
        strm.ops.process(strm)
        if strm.flags & STRM_F_ENDED or not strm.flags & STRM_F_AGAIN:
            break
    strm.flags &= ~(<uint32_t> STRM_F_RUNNING)
    if strm.flags & STRM_F_ENDED:
        _free(strm)


cdef void stream_note_back(stream_t* strm) noexcept nogil:
    if strm.fe.log_format != NULL or strm.fe.has_log_profiles:
        conn_local(strm.back)
        strm.back_local = strm.back.local


cdef void stream_set_term(stream_t* strm, char err, char state) noexcept nogil:
    if strm.term_err == b'-':
        strm.term_err = err
        strm.term_state = state


cdef counters_t* fe_counters(const stream_t* strm) noexcept nogil:
    return &strm.fe.fe_counters[strm.w.index]


cdef counters_t* be_counters(const stream_t* strm) noexcept nogil:
    return &strm.be.be_counters[strm.w.index]


cdef counters_t* srv_slot(const stream_t* strm) noexcept nogil:
    return &strm.srv.counters[strm.w.index]


cdef void stream_set_backend(stream_t* strm, px_t* be) noexcept nogil:
    if strm.flags & STRM_F_IN_BACKEND:
        strm.flags &= ~(<uint32_t> STRM_F_IN_BACKEND)
        share_give(&strm.be.sh.be_conns, &be_counters(strm).held)
    if be == NULL:
        return
    strm.be = be
    strm.flags |= STRM_F_IN_BACKEND
    share_take(&be.sh.be_conns, &be.sh.be_conns_max, &be_counters(strm).held)
    be_counters(strm).cum_sess += 1
    if be.mode == PX_MODE_HTTP:
        be_counters(strm).cum_req += 1
    rate_add(&be_counters(strm).sess_rate, strm.w.loop.second, 1)
    if strm.filters != NULL or px_rules(be, RULES_FILTER) != NULL:
        filters_backend(strm)


cdef void _give_slot_back(stream_t* strm) noexcept nogil:
    cdef uint64_t waiters
    if strm.flags & STRM_F_HAS_SLOT:
        strm.flags &= ~(<uint32_t> STRM_F_HAS_SLOT)
        waiters = lb_release(&strm.be.lb, strm.srv)
        if waiters:
            queue_offer(strm.w, strm.be, strm.srv, waiters)


cdef inline void _average(uint64_t* total, uint64_t* maximum, uint64_t ms) noexcept nogil:
    """HAProxy's sliding sum over 1024 events."""
    total[0] = total[0] - (total[0] + 1023) // 1024 + ms
    if ms > maximum[0]:
        maximum[0] = ms


cdef void _count_times(counters_t* slot, const log_rec_t* rec) noexcept nogil:
    _average(&slot.queue_ms, &slot.queue_ms_max, <uint64_t> rec.t_queue if rec.t_queue > 0 else 0)
    _average(&slot.connect_ms, &slot.connect_ms_max, <uint64_t> rec.t_connect if rec.t_connect > 0 else 0)
    _average(&slot.response_ms, &slot.response_ms_max, <uint64_t> rec.t_response if rec.t_response > 0 else 0)
    _average(&slot.total_ms, &slot.total_ms_max, <uint64_t> rec.t_total if rec.t_total > 0 else 0)


cdef void _count_latency(times_t* slot, const log_rec_t* rec) noexcept nogil:
    """What the averages cannot tell: how the times are spread."""
    times_add(slot, TIMES_QUEUE, rec.t_queue)
    times_add(slot, TIMES_CONNECT, rec.t_connect)
    times_add(slot, TIMES_RESPONSE, rec.t_response)
    times_add(slot, TIMES_TOTAL, rec.t_total)


cdef void _count_all_times(stream_t* strm, counters_t** slots, int n) noexcept nogil:
    """Of a stream that reached a server; slots[1] is the backend's, slots[2] the server's."""
    cdef log_rec_t rec
    cdef int32_t worker = strm.w.index
    cdef int i
    facts_times(strm, &rec)
    for i in range(1, n):
        _count_times(slots[i], &rec)
    if strm.flags & STRM_F_INTERNAL:
        return
    _count_latency(&strm.fe.fe_times[worker], &rec)
    _count_latency(&strm.be.be_times[worker], &rec)
    if n > 2:
        _count_latency(&strm.srv.times[worker], &rec)


cdef void _count_chunks(stream_t* strm) noexcept nogil:
    """haproxy: of a chunked body its data is counted, not its framing."""
    if strm.req.is_open and strm.req_msg.body == BODY_CHUNKED:
        strm.bytes_in += strm.req.body.n_counted - strm.req.total
    if strm.res.is_open and strm.res_msg.body == BODY_CHUNKED:
        strm.bytes_out += strm.res.body.n_counted - strm.res.total


cdef void _count_end(stream_t* strm) noexcept nogil:
    """Bytes, status classes, aborts and times of all objects that the stream went through."""
    cdef counters_t* slots[3]
    cdef int i, n = 1
    slots[0] = fe_counters(strm)
    if strm.be != NULL:
        slots[n] = be_counters(strm)
        n += 1
        if strm.srv != NULL:
            slots[n] = srv_slot(strm)
            n += 1
    for i in range(n):
        slots[i].bytes_in += strm.bytes_in
        slots[i].bytes_out += strm.bytes_out
        # The server's are counted as they come from it: what the proxy answers in its place is not its own.
        if strm.status and i < 2:
            slots[i].http_rsp[facts_class(strm.status)] += 1
        if strm.term_err == b'C' or strm.term_err == b'c':
            slots[i].cli_aborts += 1
        elif (strm.term_err == b'S' or strm.term_err == b's') and strm.term_state == b'D':
            # haproxy: what ends before the answer's head is among the failed responses only.
            slots[i].srv_aborts += 1
    if strm.be != NULL and strm.t_connect:
        _count_all_times(strm, slots, n)


cdef void stream_end(stream_t* strm) noexcept nogil:
    if strm.flags & STRM_F_ENDED:
        return
    strm.flags |= STRM_F_ENDED
    wheel_cancel(&strm.w.loop.wheel, &strm.timer)
    queue_remove(strm)
    # A rule may be waiting for control's answer.
    list_del(&strm.link)
    flow_close(strm.w, &strm.req)
    flow_close(strm.w, &strm.res)
    if strm.packer != NULL or strm.req_packer != NULL:
        compress_end(strm)
    if strm.filters != NULL:
        filters_end(strm)
    if strm.back != NULL:
        srv_slot(strm).used_conns -= 1
        stream_note_back(strm)
        conn_close(strm.back)
        strm.back = NULL
    _give_slot_back(strm)
    stream_set_backend(strm, NULL)
    _count_chunks(strm)
    _count_end(strm)
    stream_log(strm, False)
    if strm.trackers != NULL:
        tracking_end_stream(strm)
    eval_close_vars(strm)
    if strm.has_saved:
        strm.front.peer = strm.saved_peer
        strm.front.local = strm.saved_local
    strm.front.owner = NULL


cdef void stream_save_addresses(stream_t* strm) noexcept nogil:
    if not strm.has_saved:
        strm.has_saved = True
        strm.saved_peer = strm.front.peer
        strm.saved_local = strm.front.local


cdef void stream_kill(stream_t* strm) noexcept nogil:
    stream_end(strm)
    conn_close(strm.front)


cdef void stream_discard(stream_t* strm) noexcept nogil:
    strm.flags |= STRM_F_NO_LOG
    stream_kill(strm)
    _free(strm)


cdef char _where_it_was(const stream_t* strm) noexcept nogil:
    """haproxy: the second termination character of a session that is killed (manual, section 8.5)."""
    if strm.back_state == BACK_READY:
        return b'H' if strm.fe.mode == PX_MODE_HTTP and strm.status == 0 else b'D'
    if strm.back_state == BACK_QUEUED:
        return b'Q'
    return b'R' if strm.back_state == BACK_NONE else b'C'


cdef void stream_shut_down(stream_t* strm) noexcept nogil:
    stream_set_term(strm, b'K', _where_it_was(strm))
    stream_kill(strm)
    _free(strm)


cdef void stream_set_timer(stream_t* strm, uint32_t ms) noexcept nogil:
    wheel_set(&strm.w.loop.wheel, &strm.timer, <uint32_t> strm.w.loop.now_ms + ms)


cdef void stream_stop_timer(stream_t* strm) noexcept nogil:
    wheel_cancel(&strm.w.loop.wheel, &strm.timer)


cdef stream_t* stream_of_timer(timer_t* timer) noexcept nogil:
    return <stream_t*> list_entry(<list_t*> timer, <size_t> &(<stream_t*> NULL).timer)
