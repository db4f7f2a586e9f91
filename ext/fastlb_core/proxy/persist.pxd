# Persistence: which server a client comes back to, and the cookie that makes it come back.
#
# Knows `cookie`, `force-persist` and `ignore-persist` (manual, section 4.2) and the letters of section 8.5. Must not know how a
# server is tried (proxy/backend) or how text is edited (http/cookie).
#
#     rules of persistence ─► use-server ─► cookie ─► stick ─► balancing          strm.persist and strm.wanted_srv tell
#     answer: http-response rules ─► the server's cookie taken out or changed ─► one inserted ─► http-after-response rules

from libc.stdint cimport uint8_t

from fastlb_core.proxy.stream cimport PRST_F_DIRECT, PRST_F_FORCE, PRST_F_LAST, stream_t
from fastlb_core.program.program cimport PX_O_PERSIST

# `force-persist` and `ignore-persist` of the backend strm.next_be, once it is known.
cdef void persist_rules(stream_t* strm) noexcept nogil
# Looks for the cookie in the request, takes it away from the server as the backend says, and notes the server it names in
# strm.wanted_srv unless a rule has named another one.
cdef void persist_request(stream_t* strm) noexcept nogil
# The server that the client's RDP cookie names (`persist rdp-cookie`), unless another one was chosen before; TCP mode.
cdef void persist_rdp(stream_t* strm) noexcept nogil
# The cookie of the answer. False when there is no room for it.
cdef bint persist_response(stream_t* strm) noexcept nogil
# The third and the fourth letter of the termination state.
cdef void persist_letters(const stream_t* strm, char* letters) noexcept nogil

# Whether a server that is down is tried all the same.
cdef inline bint persist_is_forced(const stream_t* strm) noexcept nogil:
    return bool(strm.persist & PRST_F_FORCE) or strm.be != NULL and bool(strm.be.options & PX_O_PERSIST)

# Another server than the one that persistence named takes the stream.
cdef inline void persist_lost(stream_t* strm) noexcept nogil:
    strm.persist &= <uint8_t> ~(PRST_F_DIRECT | PRST_F_LAST)
    if strm.cookie_seen == b'V':
        strm.cookie_seen = b'D'
