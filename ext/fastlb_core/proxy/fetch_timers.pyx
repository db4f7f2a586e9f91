# Sample fetches of dates and durations (manual, section 8.4 "Timing events"): accept_date, request_date, *.timer.*.
#
# Knows a stream's time marks. Must not know what happened at them. A duration whose end was not reached yet is -1, as in log
# lines; without a stream there is no value.
#
#     accept   greeted      first byte     head      server    connected   answer's head   now
#       │── Th ──│───── Ti ──────│─── TR ────│── Tw ────│── Tc ────│──── Tr ─────│── Td ──────│
#     Tq = Th + Ti + TR    Ta: from the first byte to now    Tt: from the accept, or the last answer's end    Tu = Ti + Ta

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_int
from fastlb_core.proxy.stream cimport STRM_F_FIRST, stream_t

cdef enum date_unit_t:           # what config/samples/fetch_layer4.py gives for "s", "ms" and "us"
    UNIT_S = 0
    UNIT_MS = 1
    UNIT_US = 2

cdef fetch_entry_t[32] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_timers_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline const stream_t* _strm(const eval_t* ev) noexcept nogil:
    return <const stream_t*> ev.strm


cdef bint _span(sample_t* smp, uint64_t since, uint64_t until) noexcept nogil:
    return smp_set_int(smp, <int64_t> (until - since) if since and until >= since else -1)


cdef bint _in_unit(sample_t* smp, uint64_t us, int64_t unit) noexcept nogil:
    if unit == UNIT_S:
        us //= 1000000
    elif unit == UNIT_MS:
        us //= 1000
    return smp_set_int(smp, <int64_t> us)


cdef bint accept_date(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: of a later request of a connection, when the wait for it began."""
    cdef const stream_t* strm = _strm(ev)
    cdef uint64_t us = ev.front.since_real_us
    if strm != NULL and not strm.flags & STRM_F_FIRST:
        us = ev.real_us - (ev.now_ms - ev.front.since_ms) * 1000
    return _in_unit(smp, us, args[0].num)


cdef bint request_date(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.strm != NULL and _in_unit(smp, _strm(ev).t_real_us, args[0].num)


cdef uint32_t _handshake(const stream_t* strm) noexcept nogil:
    return strm.front.handshake_ms if strm.flags & STRM_F_FIRST else 0


cdef bint fc_handshake(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Th"""
    return ev.strm != NULL and smp_set_int(smp, _handshake(_strm(ev)))


cdef bint req_idle(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Ti"""
    cdef const stream_t* strm = _strm(ev)
    return strm != NULL and _span(smp, strm.front.since_ms + _handshake(strm), strm.t_start)


cdef bint req_hdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """TR"""
    cdef const stream_t* strm = _strm(ev)
    return strm != NULL and _span(smp, strm.t_start, strm.t_request)


cdef bint req_tq(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Tq"""
    cdef const stream_t* strm = _strm(ev)
    return strm != NULL and _span(smp, strm.front.since_ms, strm.t_request)


cdef bint req_queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Tw"""
    cdef const stream_t* strm = _strm(ev)
    if strm == NULL:
        return False
    return _span(smp, strm.t_request if strm.t_request else strm.t_start, strm.t_queue)


cdef bint bc_connect(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Tc"""
    cdef const stream_t* strm = _strm(ev)
    return strm != NULL and _span(smp, strm.t_queue, strm.t_connect)


cdef bint res_hdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Tr"""
    cdef const stream_t* strm = _strm(ev)
    return strm != NULL and _span(smp, strm.t_connect, strm.t_response)


cdef bint res_data(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Td: of TCP from the connection on."""
    cdef const stream_t* strm = _strm(ev)
    if strm == NULL:
        return False
    return _span(smp, strm.t_response if strm.t_response or ev.req != NULL else strm.t_connect, ev.now_ms)


cdef bint txn_total(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Ta"""
    return ev.strm != NULL and _span(smp, _strm(ev).t_start, ev.now_ms)


cdef bint txn_user(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Tu"""
    cdef const stream_t* strm = _strm(ev)
    return strm != NULL and _span(smp, strm.front.since_ms + _handshake(strm), ev.now_ms)


cdef bint fc_total(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Tt"""
    return _span(smp, ev.front.since_ms, ev.now_ms)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"accept_date", accept_date)
add(b"request_date", request_date)
add(b"fc.timer.handshake", fc_handshake)
add(b"fc.timer.total", fc_total)
add(b"req.timer.idle", req_idle)
add(b"req.timer.hdr", req_hdr)
add(b"req.timer.tq", req_tq)
add(b"req.timer.queue", req_queue)
add(b"bc.timer.connect", bc_connect)
add(b"res.timer.hdr", res_hdr)
add(b"res.timer.data", res_data)
add(b"txn.timer.total", txn_total)
add(b"txn.timer.user", txn_user)
