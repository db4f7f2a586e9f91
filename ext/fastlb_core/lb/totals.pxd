# One object's counters over all workers: sums, rates, averages, maxima; folding a dead worker's share in; clearing.
#
# Knows which fields of counters_t add up, which are gauges, maxima, averages or rates. Must not know objects or Python.
# Slots: [0 .. n_workers) one per worker, written by that worker; [n_workers] the totals: what dead workers had counted, less
# what was cleared. Its sums wrap around on purpose: only the sum over all slots has a meaning.

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastlb_core.lb.shared cimport counters_t

cdef enum:
    TOTALS_SUMS = 30         # leading uint64 fields of counters_t that add up: cum_conn .. comp_rsp

# *out (caller's memory) becomes the sum over all slots: sums and gauges added, maxima the highest, the four averages combined
# so that dividing by min(1024, cum_lbconn), rounded up, is right; rates are the caller's (totals_rate).
cdef void totals_read(const counters_t* slots, int32_t n_workers, counters_t* out) noexcept nogil

# Events per second at monotonic time now_ms over all slots; `rate_offset` is the offset of a rate_t within counters_t.
# Raises the totals slot's max by the last finished second, so the maximum is exact when this is called once a second.
cdef uint32_t totals_rate(counters_t* slots, int32_t n_workers, size_t rate_offset, uint64_t now_ms) noexcept nogil
# As totals_rate, but writes nothing: for workers, who read it while rules run.
cdef uint32_t totals_rate_now(const counters_t* slots, int32_t n_workers, size_t rate_offset, uint64_t now_ms) noexcept nogil
# The highest second seen so far.
cdef uint32_t totals_rate_max(const counters_t* slots, int32_t n_workers, size_t rate_offset) noexcept nogil

# The worker is dead: its sums, maxima and averages go to the totals slot, its own slot becomes zero. Gauges are lost: the
# caller has read what they held.
cdef void totals_fold(counters_t* slots, int32_t n_workers, int32_t worker) noexcept nogil

# `clear counters`: maxima become 0; with `everything` sums and averages as well. Live workers go on counting meanwhile.
cdef void totals_clear(counters_t* slots, int32_t n_workers, bint everything) noexcept nogil

# A reload: what `own` have counted since the last call goes to the totals slot of `heirs`, the same object of another program.
# passed: what has gone by now, all 0 at first; averages go the first time only. Both sides go on counting meanwhile.
cdef void totals_pass_on(
    const counters_t* own, int32_t n_workers, counters_t* heirs, int32_t n_heirs, counters_t* passed,
    bint is_first) noexcept nogil
