# Moving bytes from one connection to the other: the hot loop of every body and of TCP mode.
#
# Knows flows, buffers, splice. Must not know requests or answers beyond where a message ends (http/h1_body).

from libc.stdint cimport uint32_t, uint64_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.stream cimport flow_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum flow_status_t:
    FLOW_WAIT_RECV = 0       # src has nothing now
    FLOW_WAIT_SEND = 1       # dst takes nothing now
    FLOW_FINISHED = 2        # the whole message has been taken and sent
    FLOW_BAD = 3             # malformed framing: close both
    FLOW_SRC_CUT = 4         # src ended in the middle of the message
    FLOW_SRC_ERROR = 5       # src was reset
    FLOW_DST_ERROR = 6       # dst was reset
    FLOW_YIELD = 7           # its share of this turn is used up: process again
    FLOW_HELD = 8            # a filter lets nothing pass now, and wakes the stream when it does (filters.pxd)

# Moves what can be moved. may_splice: both sides are plain sockets of this worker.
cdef flow_status_t flow_run(worker_t* w, flow_t* flow, conn_t* src, conn_t* dst, bint may_splice) noexcept nogil
# The same through buffers only, `most` bytes at most, then FLOW_YIELD; 0 only receives. What is in a pipe goes in any case.
cdef flow_status_t flow_run_some(worker_t* w, flow_t* flow, conn_t* src, conn_t* dst, uint64_t most) noexcept nogil
# Reads and throws away what belongs to the message (a request that nobody wants any more). As flow_run.
cdef flow_status_t flow_discard(flow_t* flow, conn_t* src) noexcept nogil
# Looks how many of the bytes in src.rx belong to the message, so that a head and the body behind it leave in one call.
# Sets flow.n_ready and flow.is_done. False when they are malformed.
cdef bint flow_peek(flow_t* flow, conn_t* src) noexcept nogil
# src is at EOF or in error and its buffer has been used up: FLOW_FINISHED where that ends the message, else how it failed.
cdef flow_status_t flow_source_ended(flow_t* flow, conn_t* src) noexcept nogil
# Gives the pipe back.
cdef void flow_close(worker_t* w, flow_t* flow) noexcept nogil
