# The facts of a stream that log lines show, gathered in a log_rec_t.
#
# Knows where each one is kept and HAProxy's arithmetic of times (manual, section 8.4). Must not know how a line is written.

from libc.stdint cimport uint32_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.log cimport log_rec_t
from fastlb_core.proxy.stream cimport stream_t

# All facts, as they are at this moment. Borrows from the stream.
cdef void facts_of_stream(stream_t* strm, log_rec_t* rec) noexcept nogil
# t_request, t_queue, t_connect, t_response and t_total only.
cdef void facts_times(const stream_t* strm, log_rec_t* rec) noexcept nogil
# The facts for one format, gathered at its first alias; of a connection where there is no stream yet.
cdef const log_rec_t* facts_of(eval_t* ev) noexcept nogil
# An error as `dontlog-normal` and `log-separate-errors` mean it: failures, retries, redispatches, status from 500 on.
cdef bint facts_is_error(const stream_t* strm) noexcept nogil

cdef inline uint32_t facts_class(uint32_t status) noexcept nogil:
    """The place of a status in counters_t.http_rsp."""
    return status // 100 if 100 <= status < 600 else 0
