# HTTP/1: the answer's half of a stream.
# Knows waiting for, checking and passing on answers; must not know how the request got there.

from fastlb_core.proxy.stream cimport stream_t

# Before the first byte of an answer (or of the one after an interim answer).
cdef void response_init(stream_t* strm) noexcept nogil
# HTTP_S_RESPONSE: the rest of the request goes, the answer's head is awaited. True when the state has changed.
cdef bint response_wait(stream_t* strm) noexcept nogil
# HTTP_S_DATA: bodies. True when the state has changed or the stream has ended.
cdef bint response_data(stream_t* strm) noexcept nogil
