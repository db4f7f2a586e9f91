# The last request and the last answer of each proxy that could not be parsed, for `show errors`.
#
# Knows streams whose parser has failed. Nothing is kept, and nothing allocated, before the first of them.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.conn cimport peer_t
from fastlb_core.program.program cimport px_t
from fastlb_core.proxy.stream cimport stream_t

cdef struct bad_message_t:
    char* bytes                  # owned: what had been received of it, names of headers before the error in lower case
    uint32_t len                 # 0: there was none yet
    uint32_t error_at            # from its start
    const char* reason           # static text
    uint64_t when_us             # wall clock
    uint64_t number              # how many this worker had seen before
    const px_t* fe               # borrowed (program)
    const px_t* be               # borrowed (program), NULL while a request has none
    const srv_t* srv             # borrowed (program), NULL likewise
    peer_t source                # the client

# Notes what strm's parser refuses. A message that memory is too short for is left out.
cdef void bad_request_note(const stream_t* strm) noexcept nogil
cdef void bad_answer_note(const stream_t* strm) noexcept nogil
# Of a proxy, by its index; NULL where there was none.
cdef const bad_message_t* bad_message_of(uint32_t px, bint is_answer) noexcept nogil
# The server is about to go: what is kept does not name it any more.
cdef void bad_messages_leave(uint32_t n_proxies, const srv_t* srv) noexcept nogil
# How many there were in this worker.
cdef uint64_t bad_messages_seen() noexcept nogil
# Frees all. Idempotent.
cdef void bad_messages_destroy(uint32_t n_proxies) noexcept nogil
