# Tracked counters; contracts in track.pxd.
#
# Knows events and data types. Must not know rules nor streams.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.proxy.stick_data cimport stick_add, stick_cur_add, stick_resolve, stick_set
from fastlb_core.proxy.stick_store cimport (
    stick_find_or_make, stick_hold, stick_let, stick_lock, stick_touch, stick_unlock, stick_worker)
from fastlb_core.proxy.stick_table cimport (
    STICK_BYTES_IN_CNT, STICK_BYTES_IN_RATE, STICK_BYTES_OUT_CNT, STICK_BYTES_OUT_RATE, STICK_CONN_CNT, STICK_CONN_RATE,
    STICK_GLITCH_CNT, STICK_GLITCH_RATE, STICK_GPC0, STICK_GPC0_RATE, STICK_GPC1, STICK_GPC1_RATE, STICK_GPC_RATE,
    STICK_HTTP_ERR_CNT, STICK_HTTP_ERR_RATE, STICK_HTTP_FAIL_CNT, STICK_HTTP_FAIL_RATE, STICK_HTTP_REQ_CNT,
    STICK_HTTP_REQ_RATE, STICK_SESS_CNT, STICK_SESS_RATE)


cdef bint track_begin(eval_t* ev, stkctr_t* ctr, const stick_table_t* table, const stick_key_t* key,
                      bint is_request) noexcept nogil:
    cdef stick_entry_t* entry = stick_find_or_make(table, key, ev.now_ms)
    if entry == NULL:
        return False
    stick_hold(table, entry)
    stick_touch(table, entry, ev.now_ms)
    stick_cur_add(table, entry, <uint32_t> stick_worker(), 1)
    stick_add(table, entry, STICK_CONN_CNT, 0, 1, ev.now_ms)
    stick_add(table, entry, STICK_CONN_RATE, 0, 1, ev.now_ms)
    if is_request:
        stick_add(table, entry, STICK_HTTP_REQ_CNT, 0, 1, ev.now_ms)
        stick_add(table, entry, STICK_HTTP_REQ_RATE, 0, 1, ev.now_ms)
    stick_unlock(table, entry)
    ctr.entry = entry
    ctr.table = table
    return True


cdef void track_end(stkctr_t* ctrs, uint32_t n, uint64_t now_ms) noexcept nogil:
    cdef uint32_t i
    cdef stkctr_t* ctr
    for i in range(n):
        ctr = ctrs + i
        if ctr.table == NULL:
            continue
        stick_lock(ctr.table, ctr.entry)
        stick_cur_add(ctr.table, ctr.entry, <uint32_t> stick_worker(), -1)
        stick_touch(ctr.table, ctr.entry, now_ms)
        stick_let(ctr.table, ctr.entry)
        stick_unlock(ctr.table, ctr.entry)
        ctr.table = NULL
        ctr.entry = NULL


# -- events

cdef void _count(const stkctr_t* ctr, uint32_t counter, uint32_t rate, uint64_t n, uint64_t now_ms) noexcept nogil:
    """n more in the counter and in the rate, each where it is stored."""
    if not ctr.table.count[counter] and not ctr.table.count[rate]:
        return
    stick_lock(ctr.table, ctr.entry)
    stick_add(ctr.table, ctr.entry, counter, 0, n, now_ms)
    stick_add(ctr.table, ctr.entry, rate, 0, n, now_ms)
    stick_unlock(ctr.table, ctr.entry)


cdef void _count_all(const trackers_t* all, uint32_t counter, uint32_t rate, uint64_t n, uint64_t now_ms) noexcept nogil:
    cdef uint32_t i
    cdef stkctr_t* ctr
    if all == NULL or n == 0:
        return
    for i in range(all.n):
        ctr = track_of(all, i)
        if ctr != NULL:
            _count(ctr, counter, rate, n, now_ms)


cdef void track_session(stkctr_t* ctrs, uint32_t n, uint64_t now_ms) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if ctrs[i].table != NULL:
            _count(ctrs + i, STICK_SESS_CNT, STICK_SESS_RATE, 1, now_ms)


cdef void track_http_req(const trackers_t* all, uint64_t now_ms) noexcept nogil:
    _count_all(all, STICK_HTTP_REQ_CNT, STICK_HTTP_REQ_RATE, 1, now_ms)


cdef void track_http_err(const trackers_t* all, uint64_t now_ms) noexcept nogil:
    _count_all(all, STICK_HTTP_ERR_CNT, STICK_HTTP_ERR_RATE, 1, now_ms)


cdef void track_http_fail(const trackers_t* all, uint64_t now_ms) noexcept nogil:
    _count_all(all, STICK_HTTP_FAIL_CNT, STICK_HTTP_FAIL_RATE, 1, now_ms)


cdef void track_bytes(const trackers_t* all, uint64_t n_in, uint64_t n_out, uint64_t now_ms) noexcept nogil:
    _count_all(all, STICK_BYTES_IN_CNT, STICK_BYTES_IN_RATE, n_in, now_ms)
    _count_all(all, STICK_BYTES_OUT_CNT, STICK_BYTES_OUT_RATE, n_out, now_ms)


cdef void track_glitch(const trackers_t* all, uint64_t n, uint64_t now_ms) noexcept nogil:
    _count_all(all, STICK_GLITCH_CNT, STICK_GLITCH_RATE, n, now_ms)


# -- general purpose counters and tags

cdef int64_t gpc_add(const stick_table_t* table, stick_entry_t* entry, uint32_t type, uint32_t index, uint64_t n,
                     uint64_t now_ms) noexcept nogil:
    cdef uint32_t rate = STICK_GPC_RATE
    cdef uint32_t at = index
    cdef int64_t value = 0
    if type == STICK_GPC0:
        rate = STICK_GPC0_RATE
    elif type == STICK_GPC1:
        rate = STICK_GPC1_RATE
    if stick_resolve(table, &rate, &at):
        value = stick_add(table, entry, rate, at, n, now_ms)
    if stick_resolve(table, &type, &index):
        value = stick_add(table, entry, type, index, n, now_ms)
    return value


cdef bint track_gpc_add(const trackers_t* all, uint32_t i, uint32_t type, uint32_t index, uint64_t n,
                        uint64_t now_ms) noexcept nogil:
    cdef stkctr_t* ctr = track_of(all, i)
    if ctr == NULL:
        return False
    stick_lock(ctr.table, ctr.entry)
    gpc_add(ctr.table, ctr.entry, type, index, n, now_ms)
    stick_unlock(ctr.table, ctr.entry)
    return True


cdef bint track_gpt_set(const trackers_t* all, uint32_t i, uint32_t type, uint32_t index, int64_t value,
                        uint64_t now_ms) noexcept nogil:
    cdef stkctr_t* ctr = track_of(all, i)
    if ctr == NULL:
        return False
    stick_lock(ctr.table, ctr.entry)
    if stick_resolve(ctr.table, &type, &index):
        stick_set(ctr.table, ctr.entry, type, index, value, now_ms)
    stick_unlock(ctr.table, ctr.entry)
    return True
