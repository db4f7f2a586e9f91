# The body readers.
# Knows framing; must not touch or keep the bytes.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.slice cimport slice_eq, slice_of
from fastlb_core.http.h1_rules cimport token_lower
from fastlb_core.http.message cimport (
    BODY_CHUNKED, BODY_LENGTH, BODY_TUNNEL, BODY_UNTIL_CLOSE, MSG_F_RESPONSE, http_msg_t,
)

cdef enum:
    SP = 32
    TAB = 9
    CR = 13
    LF = 10
    SEMICOLON = 59
    COLON = 58
    MAX_DIGITS = 15         # significant hexadecimal digits: sizes below 2^60, so that no sum overflows


cdef int malformed(body_t* body, const char* reason) noexcept nogil:
    body.err_reason = reason
    return BODY_ERROR


# ---- no body

cdef int none_read(body_t* body, const char* bytes, uint32_t length, uint32_t* used) noexcept nogil:
    used[0] = 0
    return BODY_DONE


cdef int none_eof(body_t* body) noexcept nogil:
    return BODY_DONE


# ---- Content-Length

cdef int length_read(body_t* body, const char* bytes, uint32_t length, uint32_t* used) noexcept nogil:
    used[0] = length if body.left > length else <uint32_t> body.left
    body.left -= used[0]
    return BODY_MORE if body.left else BODY_DONE


cdef int length_eof(body_t* body) noexcept nogil:
    if body.left == 0:
        return BODY_DONE
    return malformed(body, "closed before the end of the body")


# ---- until the peer closes

cdef int close_read(body_t* body, const char* bytes, uint32_t length, uint32_t* used) noexcept nogil:
    used[0] = length
    return BODY_MORE


cdef int close_eof(body_t* body) noexcept nogil:
    return BODY_DONE


# ---- chunked (RFC 9112 7.1)
#
#   SIZE --hex digits--> SIZE --SP,TAB--> SIZE_SPACE --;--> EXTENSION
#     SIZE, SIZE_SPACE, EXTENSION --CR--> SIZE_LF --LF--> DATA --all read--> DATA_CR --CR--> DATA_LF --LF--> SIZE
#     (size 0) SIZE_LF --LF--> TRAILER_START --CR--> END_LF --LF--> ENDED
#     TRAILER_START --token--> TRAILER_NAME --:--> TRAILER_VALUE --CR--> TRAILER_LF --LF--> TRAILER_START
#
# Line ends are CRLF and nothing else: a bare LF here is what request smuggling lives on (RFC 9112 2.2 allows it for
# heads only). haproxy: 2.6 takes a bare LF behind a chunk size; this is stricter on purpose.

cdef enum chunk_state_t:
    CHUNK_SIZE = 0
    CHUNK_SIZE_SPACE
    CHUNK_EXTENSION
    CHUNK_SIZE_LF
    CHUNK_DATA
    CHUNK_DATA_CR
    CHUNK_DATA_LF
    CHUNK_TRAILER_START
    CHUNK_TRAILER_NAME
    CHUNK_TRAILER_VALUE
    CHUNK_TRAILER_LF
    CHUNK_END_LF
    CHUNK_ENDED


# 0 to 15, or 16 for a byte that is no hexadecimal digit.
cdef inline uint32_t hex_value(uint8_t c) noexcept nogil:
    if <uint8_t> (c - 48) <= 9:
        return c - 48
    c |= 0x20
    return c - 87 if <uint8_t> (c - 97) <= 5 else 16


cdef int size_byte(body_t* body, uint8_t c) noexcept nogil:
    cdef uint32_t digit
    if body.state == CHUNK_SIZE:
        digit = hex_value(c)
        if digit < 16:
            body.left = (body.left << 4) | digit
            if body.left:
                body.n_digits += 1
                if body.n_digits > MAX_DIGITS:
                    return malformed(body, "chunk size too large")
            return BODY_MORE
        if body.n_line == 1:
            return malformed(body, "chunk without a size")
    if c == CR:
        body.state = CHUNK_SIZE_LF
    elif c == SEMICOLON and body.state != CHUNK_EXTENSION:
        body.state = CHUNK_EXTENSION
    elif body.state == CHUNK_EXTENSION:
        if c == LF or c == 0:
            return malformed(body, "invalid byte in a chunk extension")
    elif c == SP or c == TAB:
        body.state = CHUNK_SIZE_SPACE
    else:
        return malformed(body, "invalid byte in a chunk size")
    return BODY_MORE


cdef int size_line_end(body_t* body, uint8_t c) noexcept nogil:
    if c != LF:
        return malformed(body, "CR without LF in a chunk size line")
    body.n_line = 0
    body.n_digits = 0
    body.state = CHUNK_DATA if body.left else CHUNK_TRAILER_START
    return BODY_MORE


# Fields that would change the message's framing or routing if somebody merged them (RFC 9110 6.5.1).
cdef bint is_forbidden_trailer(const body_t* body) noexcept nogil:
    if body.n_name == 4:
        return slice_eq(slice_of(body.name, 4), "host", 4)
    if body.n_name == 14:
        return slice_eq(slice_of(body.name, 14), "content-length", 14)
    return body.n_name == 17 and slice_eq(slice_of(body.name, 17), "transfer-encoding", 17)


cdef int trailer_byte(body_t* body, uint8_t c) noexcept nogil:
    body.n_line += 1
    if body.n_line > BODY_MAX_TRAILERS:
        return malformed(body, "trailers too large")
    if body.state == CHUNK_TRAILER_START:
        if c == CR:
            body.state = CHUNK_END_LF
            return BODY_MORE
        body.n_name = 0
        body.state = CHUNK_TRAILER_NAME
    if body.state == CHUNK_TRAILER_NAME:
        if c == COLON and body.n_name:
            body.state = CHUNK_TRAILER_VALUE
            return malformed(body, "forbidden trailer field") if is_forbidden_trailer(body) else BODY_MORE
        if token_lower[c] == 0:
            return malformed(body, "invalid trailer field name")
        body.n_counted += 1
        if body.n_name < sizeof(body.name):
            body.name[body.n_name] = <char> token_lower[c]
            body.n_name += 1
        return BODY_MORE
    if c == CR:
        body.state = CHUNK_TRAILER_LF
    elif c == LF or c == 0:
        return malformed(body, "invalid byte in a trailer field")
    elif c != SP and c != TAB:
        body.n_counted += 1
    return BODY_MORE


# One byte of framing, whatever the state.
cdef int framing_byte(body_t* body, uint8_t c) noexcept nogil:
    if body.state <= CHUNK_EXTENSION:
        body.n_line += 1
        if body.n_line > BODY_MAX_LINE:
            return malformed(body, "chunk size line too long")
        return size_byte(body, c)
    if body.state == CHUNK_SIZE_LF:
        return size_line_end(body, c)
    if body.state == CHUNK_DATA_CR:
        body.state = CHUNK_DATA_LF
        return BODY_MORE if c == CR else malformed(body, "chunk data without its line end")
    if body.state == CHUNK_DATA_LF:
        body.state = CHUNK_SIZE
        return BODY_MORE if c == LF else malformed(body, "chunk data without its line end")
    if body.state <= CHUNK_TRAILER_VALUE:
        return trailer_byte(body, c)
    if c != LF:
        return malformed(body, "CR without LF in the trailers")
    body.state = CHUNK_TRAILER_START if body.state == CHUNK_TRAILER_LF else CHUNK_ENDED
    if body.state != CHUNK_ENDED:
        return BODY_MORE
    body.n_counted += 1
    return BODY_DONE


cdef int chunked_read(body_t* body, const char* bytes, uint32_t length, uint32_t* used) noexcept nogil:
    cdef uint32_t at = 0, n
    cdef int status = BODY_DONE if body.state == CHUNK_ENDED else BODY_MORE
    while at < length and status == BODY_MORE:
        if body.state == CHUNK_DATA:
            n = length - at
            if n >= body.left:
                n = <uint32_t> body.left
                body.state = CHUNK_DATA_CR
            body.left -= n
            body.n_counted += n
            at += n
            continue
        status = framing_byte(body, <uint8_t> bytes[at])
        if status != BODY_ERROR:
            at += 1
    used[0] = at
    return status


cdef int chunked_eof(body_t* body) noexcept nogil:
    if body.state == CHUNK_ENDED:
        return BODY_DONE
    return malformed(body, "closed before the end of the body")


cdef body_ops_t none_ops
cdef body_ops_t length_ops
cdef body_ops_t chunked_ops
cdef body_ops_t close_ops
none_ops = body_ops_t(name="none", read=none_read, eof=none_eof)
length_ops = body_ops_t(name="length", read=length_read, eof=length_eof)
chunked_ops = body_ops_t(name="chunked", read=chunked_read, eof=chunked_eof)
close_ops = body_ops_t(name="until-close", read=close_read, eof=close_eof)


cdef void body_start(body_t* body, const http_msg_t* msg) noexcept nogil:
    memset(body, 0, sizeof(body_t))
    body.is_response = msg.flags & MSG_F_RESPONSE != 0
    if msg.body == BODY_LENGTH:
        body.ops = &length_ops
        body.left = msg.content_length
    elif msg.body == BODY_CHUNKED:
        body.ops = &chunked_ops
    elif msg.body == BODY_UNTIL_CLOSE or msg.body == BODY_TUNNEL:
        body.ops = &close_ops
    else:
        body.ops = &none_ops


cdef uint64_t body_opaque(const body_t* body) noexcept nogil:
    if body.ops == &close_ops:
        return <uint64_t> -1
    if body.ops == &chunked_ops and body.state != CHUNK_DATA:
        return 0
    return body.left


cdef int body_skip(body_t* body, uint64_t n) noexcept nogil:
    if body.ops == &close_ops:
        return BODY_MORE
    body.left -= n
    body.n_counted += n
    if body.ops == &chunked_ops:
        if body.left == 0 and body.state == CHUNK_DATA:
            body.state = CHUNK_DATA_CR
        return BODY_MORE if body.state != CHUNK_ENDED else BODY_DONE
    return BODY_MORE if body.left else BODY_DONE


cdef bint body_at_trailers(const body_t* body) noexcept nogil:
    return body.ops == &chunked_ops and body.state >= CHUNK_TRAILER_START


cdef bint body_is_done(const body_t* body) noexcept nogil:
    if body.ops == &close_ops:
        return False
    if body.ops == &chunked_ops:
        return body.state == CHUNK_ENDED
    return body.left == 0
