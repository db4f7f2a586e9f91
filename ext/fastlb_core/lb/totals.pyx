# One object's counters over all workers; see the header.
#
# Knows the kinds of counters_t's fields. Must not know objects or Python.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.atomic cimport add_fetch_u64, load_relaxed_u64, sub_fetch_u64
from fastlb_core.base.bug cimport flb_bug_on
from fastlb_core.base.rate cimport rate_in, rate_t

cdef enum:
    SAMPLES = 1024           # an average is a sum over at most so many events
    N_AVERAGES = 4           # queue_ms, connect_ms, response_ms, total_ms; their maxima follow in the same order


cdef inline rate_t* _rate_at(const counters_t* slot, size_t offset) noexcept nogil:
    return <rate_t*> (<char*> slot + offset)


cdef inline uint64_t* _averages(const counters_t* slot) noexcept nogil:
    return <uint64_t*> &slot.queue_ms


cdef inline uint64_t* _maxima(const counters_t* slot) noexcept nogil:
    return <uint64_t*> &slot.queue_ms_max


cdef inline uint64_t _events(const counters_t* slot) noexcept nogil:
    """How many events stand behind the slot's averages: haproxy divides them by the number of times it was chosen."""
    return load_relaxed_u64(&slot.cum_lbconn)


cdef inline uint64_t _mean(uint64_t total, uint64_t n) noexcept nogil:
    """haproxy: rounded up, because each event takes a rounded-up part off the sum before it adds its own."""
    n = min(n, <uint64_t> SAMPLES)
    return (total + n - 1) // n


cdef uint64_t _combine(uint64_t a, uint64_t n_a, uint64_t b, uint64_t n_b) noexcept nogil:
    """Sum over the last min(1024, n_a + n_b) events of two averages over min(1024, n) events each."""
    cdef uint64_t n = n_a + n_b
    if n <= SAMPLES or n_a == 0 or n_b == 0:
        return a + b
    return (_mean(a, n_a) * n_a + _mean(b, n_b) * n_b) * SAMPLES // n


cdef void _add_averages(counters_t* to, uint64_t n_to, const counters_t* slot, uint64_t n_slot) noexcept nogil:
    cdef int which
    for which in range(N_AVERAGES):
        _averages(to)[which] = _combine(_averages(to)[which], n_to, load_relaxed_u64(&_averages(slot)[which]), n_slot)
        if _maxima(slot)[which] > _maxima(to)[which]:
            _maxima(to)[which] = _maxima(slot)[which]


cdef void totals_read(const counters_t* slots, int32_t n_workers, counters_t* out) noexcept nogil:
    cdef const counters_t* slot
    cdef uint64_t n_events, n_all = 0
    cdef int32_t worker
    cdef int field
    flb_bug_on(<size_t> &(<counters_t*> NULL).queue_ms != TOTALS_SUMS * sizeof(uint64_t))
    memset(out, 0, sizeof(counters_t))
    for worker in range(n_workers + 1):
        slot = &slots[worker]
        for field in range(TOTALS_SUMS):
            (<uint64_t*> out)[field] += load_relaxed_u64(&(<const uint64_t*> slot)[field])
        # The totals slot counts below zero after a clear; its averages were cleared with it.
        n_events = _events(slot)
        if <int64_t> n_events < 0:
            n_events = 0
        _add_averages(out, n_all, slot, n_events)
        n_all += n_events
        out.idle_conns += slot.idle_conns
        out.used_conns += slot.used_conns
        out.held += slot.held
        out.queued += slot.queued


cdef uint32_t totals_rate(counters_t* slots, int32_t n_workers, size_t rate_offset, uint64_t now_ms) noexcept nogil:
    cdef uint32_t second = <uint32_t> (now_ms // 1000), left = 1000 - <uint32_t> (now_ms % 1000)
    cdef uint64_t current = 0, finished = 0
    cdef rate_t* total = _rate_at(&slots[n_workers], rate_offset)
    cdef int32_t worker
    for worker in range(n_workers):
        current += rate_in(_rate_at(&slots[worker], rate_offset), second)
        finished += rate_in(_rate_at(&slots[worker], rate_offset), second - 1)
    if finished > total.max:
        total.max = <uint32_t> finished
    return <uint32_t> (current + finished * left // 1000)


cdef uint32_t totals_rate_now(const counters_t* slots, int32_t n_workers, size_t rate_offset, uint64_t now_ms) noexcept nogil:
    cdef uint32_t second = <uint32_t> (now_ms // 1000), left = 1000 - <uint32_t> (now_ms % 1000)
    cdef uint64_t current = 0, finished = 0
    cdef int32_t worker
    for worker in range(n_workers):
        current += rate_in(_rate_at(&slots[worker], rate_offset), second)
        finished += rate_in(_rate_at(&slots[worker], rate_offset), second - 1)
    return <uint32_t> (current + finished * left // 1000)


cdef uint32_t totals_rate_max(const counters_t* slots, int32_t n_workers, size_t rate_offset) noexcept nogil:
    cdef uint32_t highest = 0
    cdef int32_t worker
    for worker in range(n_workers + 1):
        highest = max(highest, _rate_at(&slots[worker], rate_offset).max)
    return highest


cdef void _fold_rate(counters_t* slots, int32_t n_workers, int32_t worker, size_t offset) noexcept nogil:
    cdef rate_t* total = _rate_at(&slots[n_workers], offset)
    total.max = max(total.max, _rate_at(&slots[worker], offset).max)


cdef void totals_fold(counters_t* slots, int32_t n_workers, int32_t worker) noexcept nogil:
    cdef counters_t* total = &slots[n_workers]
    cdef counters_t* dead = &slots[worker]
    cdef uint64_t n_total = _events(total)
    cdef int field
    _add_averages(total, n_total if <int64_t> n_total > 0 else 0, dead, _events(dead))
    for field in range(TOTALS_SUMS):
        add_fetch_u64(&(<uint64_t*> total)[field], (<uint64_t*> dead)[field])
    _fold_rate(slots, n_workers, worker, <size_t> &(<counters_t*> NULL).sess_rate)
    _fold_rate(slots, n_workers, worker, <size_t> &(<counters_t*> NULL).conn_rate)
    _fold_rate(slots, n_workers, worker, <size_t> &(<counters_t*> NULL).req_rate)
    memset(dead, 0, sizeof(counters_t))


cdef void _clear_sums(counters_t* slots, int32_t n_workers) noexcept nogil:
    """Takes off the totals slot what all slots have counted: a live worker's own slot is never written by another."""
    cdef uint64_t value
    cdef int32_t worker
    cdef int field
    for field in range(TOTALS_SUMS):
        value = 0
        for worker in range(n_workers + 1):
            value += load_relaxed_u64(&(<uint64_t*> &slots[worker])[field])
        sub_fetch_u64(&(<uint64_t*> &slots[n_workers])[field], value)


cdef void totals_clear(counters_t* slots, int32_t n_workers, bint everything) noexcept nogil:
    cdef int32_t worker
    if everything:
        _clear_sums(slots, n_workers)
    # Averages and maxima are written in place: a worker that counts at this very moment may bring one of them back.
    for worker in range(n_workers + 1):
        memset(_maxima(&slots[worker]), 0, N_AVERAGES * sizeof(uint64_t))
        slots[worker].sess_rate.max = 0
        slots[worker].conn_rate.max = 0
        slots[worker].req_rate.max = 0
        if everything:
            memset(_averages(&slots[worker]), 0, N_AVERAGES * sizeof(uint64_t))


cdef void _raise_rate(counters_t* total, const counters_t* own, int32_t n_workers, size_t offset) noexcept nogil:
    _rate_at(total, offset).max = max(_rate_at(total, offset).max, totals_rate_max(own, n_workers, offset))


cdef void totals_pass_on(
        const counters_t* own, int32_t n_workers, counters_t* heirs, int32_t n_heirs, counters_t* passed,
        bint is_first) noexcept nogil:
    cdef counters_t* total = &heirs[n_heirs]
    cdef uint64_t n_total = _events(total)
    cdef counters_t now
    cdef uint64_t value
    cdef int field, which
    totals_read(own, n_workers, &now)
    if is_first:
        _add_averages(total, n_total if <int64_t> n_total > 0 else 0, &now, _events(&now))
    for which in range(N_AVERAGES):
        _maxima(total)[which] = max(_maxima(total)[which], _maxima(&now)[which])
    for field in range(TOTALS_SUMS):
        value = (<uint64_t*> &now)[field]
        # Less than before: it was cleared in between.
        if value > (<uint64_t*> passed)[field]:
            add_fetch_u64(&(<uint64_t*> total)[field], value - (<uint64_t*> passed)[field])
        (<uint64_t*> passed)[field] = value
    _raise_rate(total, own, n_workers, <size_t> &(<counters_t*> NULL).sess_rate)
    _raise_rate(total, own, n_workers, <size_t> &(<counters_t*> NULL).conn_rate)
    _raise_rate(total, own, n_workers, <size_t> &(<counters_t*> NULL).req_rate)
