# `filter trace` (manual, section 9.1): says on the standard error stream what happens to a stream, for people who look.
#
# Knows when haproxy's filter speaks and how its lines look. Must not know how bytes move. Only called for streams that a trace is
# attached to. haproxy: also tells of its analyzers, inner steps that fastlb does not have.

from libc.stdint cimport uint32_t, uint64_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.program.program cimport program_t, px_t
from fastlb_core.proxy.stream cimport stream_t

cdef enum:                       # arguments of a trace's rule, behind its kind
    TRACE_FLAGS = 1              # TRACE_F_*
    TRACE_NAME = 2

cdef enum:                       # config/keywords/filters.py has the numbers
    TRACE_F_QUIET = 1
    TRACE_F_RANDOM = 2
    TRACE_F_HEXDUMP = 4

# A worker begins: tells of every trace of the program.
cdef void trace_worker(const program_t* program, uint32_t worker, uint64_t real_us) noexcept nogil
# How many traces px has, and whether one of them forwards random amounts.
cdef uint32_t trace_count(const px_t* px, bint* is_random) noexcept nogil
# The stream begins.
cdef void trace_start(stream_t* strm) noexcept nogil
# It has entered strm.be.
cdef void trace_backend(stream_t* strm) noexcept nogil
# The server's connection stands: an answer may come.
cdef void trace_answer(stream_t* strm) noexcept nogil
# A head is about to leave.
cdef void trace_headers(stream_t* strm, const http_msg_t* msg) noexcept nogil
# `forward` of the `ready` bytes at `bytes` (NULL: not to be seen) have left, the first of them being byte `offset`.
cdef void trace_payload(stream_t* strm, bint is_response, uint64_t offset, const char* bytes, uint32_t ready,
                        uint32_t forward) noexcept nogil
# The message's last byte has left.
cdef void trace_message_end(stream_t* strm, bint is_response) noexcept nogil
# The stream ends.
cdef void trace_stop(stream_t* strm) noexcept nogil
