# Events per second over a sliding second, HAProxy's way: the full previous second weighed by what is left of it.
#
# Knows one writer's count; readers add those of all workers up. Must not know what is counted.

from libc.stdint cimport uint32_t

cdef struct rate_t:
    uint32_t second          # monotonic second that `current` counts
    uint32_t current
    uint32_t previous
    uint32_t max             # highest finished second

cdef inline void rate_add(rate_t* r, uint32_t second, uint32_t n) noexcept nogil:
    """Counts `n` events at monotonic second `second`. One writer."""
    if r.second != second:
        if r.current > r.max:
            r.max = r.current
        r.previous = r.current if r.second + 1 == second else 0
        r.current = 0
        r.second = second
    r.current += n

cdef inline uint32_t rate_in(const rate_t* r, uint32_t second) noexcept nogil:
    """Events in a second; 0 when it is older than what the rate keeps."""
    if r.second == second:
        return r.current
    return r.previous if r.second == second + 1 else 0
