# How far a message's body goes: one reader per framing, the current one is body.ops.
# Knows lengths and chunked framing (RFC 9112 6, 7.1); must not touch, copy or keep the bytes: what it counts is passed on
# as it came.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastlb_core.http.message cimport http_msg_t

cdef enum body_status_t:
    BODY_MORE = 0           # more bytes belong to the message
    BODY_DONE = 1           # the message is complete
    BODY_ERROR = 2          # malformed (body.err_reason): nothing more may be passed on, both connections must close

cdef enum:
    BODY_MAX_LINE = 1024    # bytes of a chunk-size line with its extensions
    BODY_MAX_TRAILERS = 8192  # bytes of the trailer section

ctypedef struct body_t:
    const body_ops_t* ops   # shared (static); never NULL after body_start
    uint64_t left           # bytes of body (length) or of chunk data (chunked) that are still to come
    uint64_t n_counted      # chunked: bytes as HAProxy's %B counts them: data, trailers' names and values, 1 for the end
    const char* err_reason  # static text
    uint32_t n_line         # bytes of the current chunk-size line, or of the trailers
    uint8_t state           # the reader's own
    uint8_t n_digits        # significant digits of the chunk size
    uint8_t n_name          # bytes in name
    uint8_t is_response
    char name[20]           # inline: a trailer field's name, lower case, as far as it fits

ctypedef struct body_ops_t:
    const char* name
    # Looks at len bytes; *used is how many of them belong to the message. Returns body_status_t. On BODY_ERROR *used bytes
    # were right and may have been passed on already.
    int (*read)(body_t* body, const char* bytes, uint32_t length, uint32_t* used) noexcept nogil
    # The peer has closed: BODY_DONE where that ends the message, else BODY_ERROR.
    int (*eof)(body_t* body) noexcept nogil

# Chooses the reader for the message's framing. BODY_TUNNEL reads like until-close.
cdef void body_start(body_t* body, const http_msg_t* msg) noexcept nogil
# How many of the next bytes belong to the body whatever they are (so they may be spliced); 2^64 - 1 when only a close ends it.
cdef uint64_t body_opaque(const body_t* body) noexcept nogil
# Notes that n (<= body_opaque) such bytes went by unseen. Returns body_status_t.
cdef int body_skip(body_t* body, uint64_t n) noexcept nogil
# Chunked: the last chunk has been read, only trailers and the empty line are to come.
cdef bint body_at_trailers(const body_t* body) noexcept nogil
# True when nothing more belongs to the message (BODY_NONE, Content-Length: 0, or read to its end).
cdef bint body_is_done(const body_t* body) noexcept nogil

cdef inline int body_read(body_t* body, const char* bytes, uint32_t length, uint32_t* used) noexcept nogil:
    return body.ops.read(body, bytes, length, used)

cdef inline int body_eof(body_t* body) noexcept nogil:
    return body.ops.eof(body)
