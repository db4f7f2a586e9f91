# Loops over the histograms of latency for bench/micro. Built by bench/micro/build.py, not part of the product.
# Knows lb/times.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from fastlb_core.lb.times cimport TIMES_CONNECT, TIMES_QUEUE, TIMES_RESPONSE, TIMES_TOTAL, times_add, times_t


def count_requests(uint32_t n_servers, uint32_t rounds):
    """Counts a request's four times for frontend, backend and one of n servers, as a stream's end does; returns how often."""
    cdef times_t* slots = <times_t*> calloc(2 + n_servers, sizeof(times_t))
    cdef times_t* at[3]
    cdef uint64_t found = 0
    cdef uint32_t i, bucket
    cdef int64_t ms
    cdef int which
    if slots == NULL:
        raise MemoryError
    with nogil:
        at[0], at[1] = &slots[0], &slots[1]
        for i in range(rounds):
            at[2] = &slots[2 + i * <uint32_t> 2654435761 % n_servers]
            ms = i * 7919 % 1000
            for which in range(3):
                times_add(at[which], TIMES_QUEUE, 0)
                times_add(at[which], TIMES_CONNECT, ms & 3)
                times_add(at[which], TIMES_RESPONSE, ms)
                times_add(at[which], TIMES_TOTAL, ms + 1)
        for bucket in range(32):
            found += slots[0].buckets[<uint32_t> TIMES_TOTAL][bucket]
    free(slots)
    return found
