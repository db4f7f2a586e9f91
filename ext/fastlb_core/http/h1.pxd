# HTTP/1 heads: bytes to http_msg_t, or to the status they are refused with.
# Knows RFC 9112's grammar and every rule of reference/REFUSED-INPUTS.md; must not know connections, buffers' owners,
# or what becomes of the message. The header lines are walked by llhttp (httptools' own, resolved by
# bridge/llhttp), once; the start line and every rule on names, values and framing are decided here.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from fastlb_core.http.message cimport http_msg_t
from fastlb_core.sys.llhttp cimport llhttp_api_t, llhttp_room_t

cdef enum h1_status_t:
    H1_NEED_MORE = 0        # the head is not complete: call again with more bytes
    H1_DONE = 1             # msg is filled, msg.head_len known
    H1_ERROR = 2            # parser.err_* say what and where; the connection must close

cdef enum:
    H1_F_RELAXED = 1        # option accept-unsafe-violations-in-http-request/-response (http/h1_relaxed)
    H1_F_UPGRADE_ASKED = 2  # answers: the request asked for an upgrade, so 101 may come
    H1_F_ANY_PAYLOAD = 4    # h1-accept-payload-with-any-method

# One message's parser. Zeroed memory is a valid parser before its first init.
ctypedef struct h1_parser_t:
    llhttp_room_t llhttp    # inline: llhttp's state and room for a larger one
    http_msg_t* msg         # borrowed (from the caller of h1_init_*, until the head is done)
    const char* err_reason  # static text for logs and `show errors`; NULL when there is no error
    uint32_t fed            # bytes from the message's start that have been looked at
    uint32_t err_off        # where it went wrong, bytes from the message's start
    uint32_t flags          # H1_F_*
    uint16_t err_status     # what to answer a client with; an answer of a server that is refused is a 502
    uint8_t state           # in h1.pyx
    uint8_t part            # whether llhttp is in a name or a value

# Before the first byte of a request. msg has been reset.
cdef void h1_init_request(h1_parser_t* parser, http_msg_t* msg, uint32_t flags) noexcept nogil
# Before the first byte of an answer, interim or final, to a request with this method (method_t). msg has been reset.
cdef void h1_init_response(h1_parser_t* parser, http_msg_t* msg, uint8_t method, uint32_t flags) noexcept nogil
# Looks at the bytes msg.area[parser.fed:length]; returns h1_status_t. length counts from the message's start, and what was
# there at an earlier call is still there. Names in the head are put into lower case in place. On H1_DONE the bytes
# behind msg.head_len have not been looked at.
cdef int h1_parse_head(h1_parser_t* parser, uint32_t length) noexcept nogil
# The status for a head that fills its buffer and is not complete: 414 inside the request target, else 431 (answers: 502).
# Fills parser.err_*.
cdef uint16_t h1_head_too_large(h1_parser_t* parser) noexcept nogil
# True before the first byte of a start line (RFC 9112 2.2 empty lines do not count): closing now is a clean end, not an error.
cdef bint h1_is_idle(const h1_parser_t* parser) noexcept nogil

# Takes llhttp's functions (bridge/llhttp) and runs the self-check on fixed messages. Returns NULL, or the
# name of what does not work as expected. Until it has succeeded, h1_parse_head must not be called.
cdef const char* h1_bind(const llhttp_api_t* api) noexcept nogil
