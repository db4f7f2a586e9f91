# Bandwidth limitation of one direction of a stream (manual, "filter bwlim-in", "filter bwlim-out").
#
# Knows limits, periods and stick tables. Must not know streams. A limiter says how much may go now, hears what went, and says
# when to ask again. Per stream it counts by itself; with a table all streams of an entry share one count, of all workers.

from libc.stdint cimport uint32_t, uint64_t
from fastlb_core.program.rules cimport rule_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stick_table cimport stick_entry_t, stick_rate_t, stick_table_t

cdef enum:                       # arguments of a filter's rule, behind its kind
    BWLIM_LIMIT = 1              # bytes
    BWLIM_PERIOD = 2             # ms, per stream
    BWLIM_MIN_SIZE = 3           # bytes
    BWLIM_KEY = 4                # expression; ARG_UNSET: per stream
    BWLIM_TABLE = 5
    BWLIM_IS_BEHIND = 6          # the compression stands before it

ctypedef struct limiter_t:
    const rule_t* filter         # borrowed (program): the filter's line; NULL: not enabled
    uint64_t limit               # bytes of a period
    uint64_t least               # bytes: less is not worth a send, but for the last ones
    uint32_t period_ms
    uint32_t rate_type           # stick_type_t: what the table counts
    bint is_behind               # its user's
    stick_rate_t rate            # per stream
    const stick_table_t* table   # shared: borrowed (program); NULL: per stream
    stick_entry_t* entry         # shared: arena, held with this worker's reference

# Sets it up anew. False, and it is not enabled, where the key has no value or the table no room.
cdef bint limiter_enable(limiter_t* lim, eval_t* ev, const rule_t* filter, uint64_t limit, uint32_t period_ms) noexcept nogil
# Gives the entry back. Idempotent; safe on zeroed memory.
cdef void limiter_disable(limiter_t* lim) noexcept nogil
# Bytes that may go now, of which 0 < rest are known to be the message's last; 0: none, and *wait_ms says when to ask again.
cdef uint64_t limiter_allows(limiter_t* lim, uint64_t rest, uint64_t now_ms, uint64_t* wait_ms) noexcept nogil
cdef void limiter_count(limiter_t* lim, uint64_t n, uint64_t now_ms) noexcept nogil
