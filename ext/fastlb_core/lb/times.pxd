# Histograms of latency: how long requests queued, connected, waited for an answer and took in all.
#
# Knows buckets and who writes them: as with counters_t, worker w owns slot w of an object, readers add the slots up, and slot
# [n_workers] holds what dead workers had counted, less what was cleared. A piece of its own beside the counters, so that an
# object without traffic never touches its pages.
#
#     bucket   0   1   2   3   4     5     6      7       8       ...   31
#     ms       0   1   2   3   4-5   6-7   8-11   12-15   16-23         49152 and more      two buckets to an octave

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    TIMES_BUCKETS = 32

cdef enum times_kind_t:          # index of times_t.buckets
    TIMES_QUEUE = 0
    TIMES_CONNECT = 1
    TIMES_RESPONSE = 2
    TIMES_TOTAL = 3
    TIMES_KINDS = 4

# One object as one worker has seen it. Whole cache lines.
cdef struct times_t:
    uint64_t buckets[4][32]
    uint64_t sums_ms[4]
    uint64_t spare[4]

cdef extern from *:
    """
    #define flb_log2(x) (63 - __builtin_clzll(x))
    """
    uint32_t flb_log2(uint64_t x) noexcept nogil

cdef inline uint32_t times_bucket(uint64_t ms) noexcept nogil:
    """The bucket of a time."""
    cdef uint32_t octave, bucket
    if ms < 4:
        return <uint32_t> ms
    octave = flb_log2(ms)
    bucket = 2 * octave + <uint32_t> (ms >> (octave - 1) & 1)
    return bucket if bucket < TIMES_BUCKETS else TIMES_BUCKETS - 1

cdef inline uint64_t times_limit(uint32_t bucket) noexcept nogil:
    """The longest time of a bucket in ms; the last bucket has none."""
    cdef uint32_t next = bucket + 1
    return bucket if bucket < 3 else ((<uint64_t> (2 + (next & 1))) << (next // 2 - 1)) - 1

cdef inline void times_add(times_t* slot, times_kind_t kind, int64_t ms) noexcept nogil:
    """Counts one time; one that was not reached (below 0) is none."""
    if ms >= 0:
        slot.buckets[<int> kind][times_bucket(<uint64_t> ms)] += 1
        slot.sums_ms[<int> kind] += <uint64_t> ms

# *out (caller's memory) becomes the sum over all slots.
cdef void times_read(const times_t* slots, int32_t n_workers, times_t* out) noexcept nogil
# The worker is dead: its share goes to the totals slot, its own becomes zero.
cdef void times_fold(times_t* slots, int32_t n_workers, int32_t worker) noexcept nogil
# `clear counters all`: live workers go on counting meanwhile.
cdef void times_clear(times_t* slots, int32_t n_workers) noexcept nogil
# A reload: as totals_pass_on.
cdef void times_pass_on(
    const times_t* own, int32_t n_workers, times_t* heirs, int32_t n_heirs, times_t* passed) noexcept nogil
