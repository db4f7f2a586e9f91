# Filters: what stands between a stream's two connections and has a say in how much passes (manual, section 9, "filter").
#
# Knows which filters a stream has, and the order of asking them. Must not know how bytes move (forward, packed) nor when.
# A stream gets its block with its first filter; without one everything here is a comparison with NULL.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from fastlb_core.base.wheel cimport timer_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.bandwidth cimport limiter_t
from fastlb_core.proxy.forward cimport flow_run, flow_status_t
from fastlb_core.proxy.packed cimport packed_run
from fastlb_core.proxy.stream cimport stream_t

cdef enum:                       # the first argument of a filter's rule; config/keywords/filters.py has the numbers
    FILTER_BWLIM_IN = 0
    FILTER_BWLIM_OUT = 1
    FILTER_COMPRESSION = 2       # only its place among the others is of meaning
    FILTER_TRACE = 3

cdef enum:
    NO_LIMIT = 0x7fffffffffffffff

cdef struct filters_t:           # stream_t.filters
    timer_t timer                # when a flow that is held may go on
    stream_t* strm               # borrowed: whose it is
    uint8_t is_held[2]           # by direction: is_response
    uint8_t has_ended[2]         # a trace was told that the message has left
    uint8_t n_traces             # of the proxies that the stream has entered
    uint8_t is_random            # one of them lets random amounts pass
    uint8_t has_answer           # they were told that an answer may come
    uint32_t n_limiters          # entries of `limiters`, used or not
    limiter_t* limiters          # inline storage behind the struct, by slot: the frontend's filters, then the backend's

# Bytes of one block for a program with so many filters.
cdef uint32_t filters_size(uint32_t n_filters) noexcept nogil
cdef stream_t* filters_stream(timer_t* timer) noexcept nogil
# Enables filter `index` of px, a bandwidth limitation; limit and period_ms: 0 for the filter's own. With a table its key is
# evaluated here; a value that is no key leaves it as it was.
cdef void filters_enable(eval_t* ev, const px_t* px, uint32_t index, uint64_t limit, uint32_t period_ms) noexcept nogil
# The stream begins, or enters strm.be: for proxies that have filters, and streams that have a block.
cdef void filters_start(stream_t* strm) noexcept nogil
cdef void filters_backend(stream_t* strm) noexcept nogil
# For streams that have a block: the server's connection stands; the head of a message is about to leave.
cdef void filters_answer(stream_t* strm) noexcept nogil
cdef void filters_head(stream_t* strm, bint is_response) noexcept nogil
# The stream ends. Idempotent.
cdef void filters_end(stream_t* strm) noexcept nogil
# relay for a stream with a block.
cdef flow_status_t filtered_run(stream_t* strm, bint is_response) noexcept nogil

# Moves what can be moved of one direction, as flow_run or packed_run do; FLOW_HELD in addition to what they return.
cdef inline flow_status_t relay(stream_t* strm, bint is_response) noexcept nogil:
    if strm.filters != NULL:
        return filtered_run(strm, is_response)
    if (strm.packer if is_response else strm.req_packer) != NULL:
        return packed_run(strm, is_response, NO_LIMIT)
    if is_response:
        return flow_run(strm.w, &strm.res, strm.back, strm.front, True)
    return flow_run(strm.w, &strm.req, strm.front, strm.back, True)

# The direction waits for nobody but a filter.
cdef inline bint filters_hold(const stream_t* strm, bint is_response) noexcept nogil:
    return strm.filters != NULL and (<const filters_t*> strm.filters).is_held[1 if is_response else 0]
