# Sample fetches of bodies (manual, section 7.3.6): of what the stream has buffered of them.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport BODY_CHUNKED, BODY_LENGTH, BODY_NONE, MSG_F_HAS_CL, http_msg_t
from fastlb_core.program.expr cimport ARG_STR, arg_t, fetch_fn
from fastlb_core.program.http_values cimport param_next, seen_request, seen_response
from fastlb_core.program.sample cimport (
    EVAL_O_ITERATE, EVAL_O_PEEKED, SMP_F_MAY_CHANGE, SMP_F_MORE, SMP_T_BIN, eval_t, sample_t, scratch_rest, scratch_take,
    smp_set_int, smp_set_str,
)

cdef fetch_entry_t[16] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_body_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# The size at the start of a chunk (hexadecimal, then anything up to the line's end), and *at behind its line. -1: not there.
cdef int64_t chunk_size(slice_t raw, uint32_t* at) noexcept nogil:
    cdef const char* end
    cdef int64_t size = 0
    cdef uint32_t i = at[0], digits = 0
    cdef uint8_t c
    if i >= raw.len:
        return -1
    end = <const char*> memchr(raw.ptr + i, 10, raw.len - i)
    if end == NULL:
        return -1
    while digits < 9:
        c = <uint8_t> raw.ptr[i]
        if 48 <= c <= 57:
            size = size * 16 + c - 48
        elif 97 <= (c | 32) <= 102:
            size = size * 16 + (c | 32) - 87
        else:
            break
        digits += 1
        i += 1
    at[0] = <uint32_t> (end - raw.ptr) + 1
    return size if 0 < digits < 9 else -1


# The data of the chunks that have come, joined in the scratch area; one that is not complete counts as far as it goes.
cdef bint join_chunks(eval_t* ev, slice_t raw, slice_t* body, bint* is_complete) noexcept nogil:
    cdef uint32_t room = 0, used = 0, at = 0, n
    cdef char* bytes = scratch_rest(ev, &room)
    cdef int64_t size
    while True:
        size = chunk_size(raw, &at)
        if size <= 0:
            is_complete[0] = size == 0
            break
        n = <uint32_t> size if size < raw.len - at else raw.len - at
        if n > room - used:
            return False
        memcpy(bytes + used, raw.ptr + at, n)
        used += n
        at += n
        if <int64_t> n < size or raw.len - at < 2:
            break
        at += 2                  # CRLF behind the data
    scratch_take(ev, used)
    body[0] = slice_of(bytes, used)
    return True


cdef bint body_buffered(eval_t* ev, const http_msg_t* msg, slice_t raw, sample_t* smp, slice_t* body) noexcept nogil:
    cdef bint is_complete = False
    if msg == NULL:
        return False
    if ev.options & EVAL_O_PEEKED:
        # haproxy: of a request that is only seen in a TCP stream there is the head and nothing else.
        body[0] = slice_of(NULL, 0)
        return True
    body[0] = raw
    if msg.body == BODY_NONE:
        body[0] = slice_of(raw.ptr, 0)
        is_complete = True
    elif msg.body == BODY_LENGTH:
        is_complete = raw.len >= msg.content_length
        if is_complete:
            body[0] = slice_of(raw.ptr, <uint32_t> msg.content_length)
    elif msg.body == BODY_CHUNKED and not join_chunks(ev, raw, body, &is_complete):
        return False
    if not is_complete:
        smp.flags |= SMP_F_MAY_CHANGE
    return True


cdef bint body_data(eval_t* ev, const http_msg_t* msg, slice_t raw, sample_t* smp) noexcept nogil:
    cdef slice_t body
    if not body_buffered(ev, msg, raw, smp, &body):
        return False
    smp_set_str(smp, body.ptr, body.len)
    smp.type = SMP_T_BIN
    return True


cdef bint body_len(eval_t* ev, const http_msg_t* msg, slice_t raw, sample_t* smp) noexcept nogil:
    cdef slice_t body
    return body_buffered(ev, msg, raw, smp, &body) and smp_set_int(smp, body.len)


# What Content-Length says, else what is there.
cdef bint body_size(eval_t* ev, const http_msg_t* msg, slice_t raw, sample_t* smp) noexcept nogil:
    cdef slice_t body
    if not body_buffered(ev, msg, raw, smp, &body):
        return False
    if msg.flags & MSG_F_HAS_CL:
        return smp_set_int(smp, <int64_t> msg.content_length)
    return smp_set_int(smp, body.len)


cdef bint req_body_param(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t at = <uint32_t> smp.ctx[0] if smp.flags & SMP_F_MORE else 0
    cdef slice_t name = slice_of(NULL, 0), body, value
    smp.flags = 0
    if not body_buffered(ev, seen_request(ev, smp), ev.req_bytes, smp, &body):
        return False
    if args[0].type == ARG_STR and args[0].str.len:
        name = args[0].str
    if not param_next(body, &at, name, b'&', &value):
        return False
    if ev.options & EVAL_O_ITERATE:
        smp.ctx[0] = at
        smp.flags |= SMP_F_MORE
    return smp_set_str(smp, value.ptr, value.len)


cdef bint req_body(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return body_data(ev, seen_request(ev, smp), ev.req_bytes, smp)


cdef bint req_body_len(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return body_len(ev, seen_request(ev, smp), ev.req_bytes, smp)


cdef bint req_body_size(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return body_size(ev, seen_request(ev, smp), ev.req_bytes, smp)


cdef bint res_body(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return body_data(ev, seen_response(ev, smp), ev.res_bytes, smp)


cdef bint res_body_len(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return body_len(ev, seen_response(ev, smp), ev.res_bytes, smp)


cdef bint res_body_size(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return body_size(ev, seen_response(ev, smp), ev.res_bytes, smp)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"req.body_param", req_body_param)
add(b"req.body", req_body)
add(b"req.body_len", req_body_len)
add(b"req.body_size", req_body_size)
add(b"res.body", res_body)
add(b"res.body_len", res_body_len)
add(b"res.body_size", res_body_size)
