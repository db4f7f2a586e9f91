# Captures: pieces of requests and answers that are kept until a stream's end, in one block of the worker's pool.
#
# Knows the block and HAProxy's moments and choices (manual, section 4.2 "capture" and 8.7, 8.8). Must not know log lines.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.program cimport capture_t
from fastlb_core.proxy.stream cimport stream_t

# Takes a block unless the stream has one or its frontend captures nothing. False: there is none.
cdef bint capture_open(stream_t* strm) noexcept nogil
# The headers that the frontend captures, from the complete head of the request or of the answer.
cdef void capture_request(stream_t* strm) noexcept nogil
cdef void capture_response(stream_t* strm) noexcept nogil
# The cookie that the frontend captures. haproxy: behind the rules, or when one of them answers.
cdef void capture_request_cookie(stream_t* strm) noexcept nogil
cdef void capture_response_cookie(stream_t* strm) noexcept nogil
# Keeps the beginning of `text` in *slot, at `capture`'s place of the block (which the stream has).
cdef void capture_keep(stream_t* strm, const capture_t* capture, slice_t* slot, slice_t text) noexcept nogil
