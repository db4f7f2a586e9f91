# What a dead process leaves in the arena; see the header.
#
# Knows gauges and the sums they are parts of. Must not know processes nor Python.

from libc.stdint cimport int32_t, int64_t, uint64_t

from fastlb_core.base.atomic cimport cas_i32, cas_u64, load_i32, load_u64
from fastlb_core.lb.totals cimport totals_fold


cdef void _take_off(int32_t* shared, int64_t n) noexcept nogil:
    """Never below zero: share_take may have died between the gauge and the sum."""
    cdef int32_t seen = load_i32(shared)
    cdef int32_t left
    while n:
        left = <int32_t> (seen - n) if seen > n else 0
        if cas_i32(shared, &seen, left):
            return


cdef void _clear_bit(uint64_t* mask, int32_t bit) noexcept nogil:
    cdef uint64_t seen = load_u64(mask)
    while not cas_u64(mask, &seen, seen & ~(<uint64_t> 1 << bit)):
        pass


cdef int64_t recover_proxy(
        px_shared_t* sh, counters_t* fe_counters, counters_t* be_counters, int32_t worker, int32_t n_workers) noexcept nogil:
    cdef int64_t lost = fe_counters[worker].used_conns
    _take_off(&sh.fe_conns, lost)
    _take_off(&sh.be_conns, be_counters[worker].held)
    _take_off(&sh.queued, be_counters[worker].queued)
    _clear_bit(&sh.waiters, worker)
    totals_fold(fe_counters, n_workers, worker)
    totals_fold(be_counters, n_workers, worker)
    return lost


cdef void recover_server(srv_t* srv, int32_t worker, int32_t n_workers) noexcept nogil:
    _take_off(&srv.sh.queued, srv.counters[worker].queued)
    _clear_bit(&srv.sh.waiters, worker)
    totals_fold(srv.counters, n_workers, worker)
