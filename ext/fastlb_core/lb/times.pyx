# Histograms of latency: reading, folding, clearing; see the header.

from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.atomic cimport load_relaxed_u64

cdef enum:
    FIELDS = sizeof(times_t) // sizeof(uint64_t)


cdef void times_read(const times_t* slots, int32_t n_workers, times_t* out) noexcept nogil:
    cdef int32_t worker
    cdef size_t field
    memset(out, 0, sizeof(times_t))
    for worker in range(n_workers + 1):
        for field in range(FIELDS):
            (<uint64_t*> out)[field] += load_relaxed_u64(&(<const uint64_t*> &slots[worker])[field])


cdef void times_fold(times_t* slots, int32_t n_workers, int32_t worker) noexcept nogil:
    cdef size_t field
    for field in range(FIELDS):
        # Only what was counted is written: a page that nobody touched stays untouched.
        if (<uint64_t*> &slots[worker])[field]:
            (<uint64_t*> &slots[n_workers])[field] += (<uint64_t*> &slots[worker])[field]
            (<uint64_t*> &slots[worker])[field] = 0


cdef void times_clear(times_t* slots, int32_t n_workers) noexcept nogil:
    """Takes off the totals slot what all slots have counted: a live worker's own slot is never written by another."""
    cdef times_t counted
    cdef size_t field
    times_read(slots, n_workers, &counted)
    for field in range(FIELDS):
        if (<uint64_t*> &counted)[field]:
            (<uint64_t*> &slots[n_workers])[field] -= (<uint64_t*> &counted)[field]


cdef void times_pass_on(
        const times_t* own, int32_t n_workers, times_t* heirs, int32_t n_heirs, times_t* passed) noexcept nogil:
    cdef times_t now
    cdef uint64_t value
    cdef size_t field
    times_read(own, n_workers, &now)
    for field in range(FIELDS):
        value = (<uint64_t*> &now)[field]
        if value > (<uint64_t*> passed)[field]:
            (<uint64_t*> &heirs[n_heirs])[field] += value - (<uint64_t*> passed)[field]
        (<uint64_t*> passed)[field] = value
