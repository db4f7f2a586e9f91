# Sample fetches of header fields (manual, section 7.3.6). Names in arguments are in lower case (the row's check).

from libc.stdint cimport int64_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport HDR_F_DELETED, http_msg_t, msg_hdr_name, msg_hdr_value
from fastlb_core.net.address cimport addr_read_v6
from fastlb_core.program.expr cimport ARG_SINT, ARG_STOP, ARG_STR, arg_t, args_count, fetch_fn
from fastlb_core.program.http_values cimport (
    read_port, read_quad, seen_request, seen_response, short_number, value_walk_t, values_count, values_find, values_keep,
    values_next, values_resume, values_start,
)
from fastlb_core.program.sample cimport (
    EVAL_O_ITERATE, EVAL_O_RESPONSE, SMP_F_MORE, SMP_T_IPV4, SMP_T_IPV6, SMP_T_STR, eval_t, sample_t, scratch_rest,
    scratch_take, smp_set_int, smp_set_own, smp_set_str,
)

cdef fetch_entry_t[32] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_headers_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef slice_t name_of(const arg_t* args) noexcept nogil:
    if args[0].type == ARG_STR:
        return args[0].str
    return slice_of(NULL, 0)


cdef int64_t occurrence_of(const arg_t* args) noexcept nogil:
    return args[1].num if args_count(args) > 1 and args[1].type == ARG_SINT else 0


# One value as the occurrence and EVAL_O_ITERATE want it.
cdef bint pick(eval_t* ev, const http_msg_t* msg, const arg_t* args, bint full, sample_t* smp, slice_t* value) noexcept nogil:
    cdef int64_t occurrence = occurrence_of(args)
    cdef uint16_t has_begun = smp.flags & SMP_F_MORE
    cdef value_walk_t walk
    smp.flags = 0
    # haproxy: without any argument there is no value, though "(,1)" looks at every header.
    if args[0].type == ARG_STOP:
        return False
    if occurrence or not ev.options & EVAL_O_ITERATE:
        return values_find(msg, name_of(args), full, occurrence if occurrence else -1, value)
    values_start(&walk, name_of(args), full)
    if has_begun:
        values_resume(&walk, smp)
    if not values_next(msg, &walk, value):
        return False
    values_keep(&walk, smp)
    smp.flags |= SMP_F_MORE
    return True


cdef bint header(eval_t* ev, const http_msg_t* msg, const arg_t* args, bint full, sample_t* smp) noexcept nogil:
    cdef slice_t value
    return msg != NULL and pick(ev, msg, args, full, smp, &value) and smp_set_str(smp, value.ptr, value.len)


cdef bint header_number(eval_t* ev, const http_msg_t* msg, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t value
    return msg != NULL and pick(ev, msg, args, False, smp, &value) and smp_set_int(smp, short_number(value))


cdef bint header_count(const http_msg_t* msg, const arg_t* args, bint full, sample_t* smp) noexcept nogil:
    return msg != NULL and smp_set_int(smp, values_count(msg, name_of(args), full))


# haproxy: IPv4 may have a port behind it, IPv6 stands alone and without brackets.
cdef bint read_address(slice_t text, sample_t* smp) noexcept nogil:
    cdef uint32_t length = 0
    if read_quad(text, smp.ip, &length):
        if length < text.len and (
            text.ptr[length] != b':' or read_port(slice_of(text.ptr + length + 1, text.len - length - 1)) < 0
        ):
            return False
        smp.type = SMP_T_IPV4
        return True
    if not addr_read_v6(smp.ip, text.ptr, text.len):
        return False
    smp.type = SMP_T_IPV6
    return True


cdef bint header_address(eval_t* ev, const http_msg_t* msg, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t value
    while msg != NULL and pick(ev, msg, args, False, smp, &value):
        if read_address(value, smp):
            return True
        if not smp.flags & SMP_F_MORE:
            return False
    return False


# ---- all headers at once

cdef bint header_names(eval_t* ev, const http_msg_t* msg, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t room = 0, used = 0
    cdef char* text = scratch_rest(ev, &room)
    cdef char delimiter = args[0].str.ptr[0] if args[0].type == ARG_STR and args[0].str.len else b','
    cdef slice_t name
    cdef int i
    if msg == NULL:
        return False
    for i in range(<int> msg.n_hdrs):
        if msg.hdrs[i].flags & HDR_F_DELETED:
            continue
        name = msg_hdr_name(msg, i)
        if room - used < name.len + 1:
            return False
        if used:
            text[used] = delimiter
            used += 1
        memcpy(text + used, name.ptr, name.len)
        used += name.len
    scratch_take(ev, used)
    return smp_set_own(smp, SMP_T_STR, text, used, used)


cdef bint header_block(eval_t* ev, const http_msg_t* msg, sample_t* smp) noexcept nogil:
    cdef uint32_t room = 0, used = 0
    cdef char* text = scratch_rest(ev, &room)
    cdef slice_t name, value
    cdef int i
    if msg == NULL:
        return False
    for i in range(<int> msg.n_hdrs):
        if msg.hdrs[i].flags & HDR_F_DELETED:
            continue
        name = msg_hdr_name(msg, i)
        value = msg_hdr_value(msg, i)
        if room - used < name.len + value.len + 6:
            return False
        memcpy(text + used, name.ptr, name.len)
        memcpy(text + used + name.len, b": ", 2)
        if value.len:
            memcpy(text + used + name.len + 2, value.ptr, value.len)
        used += name.len + value.len + 4
        memcpy(text + used - 2, b"\r\n", 2)
    if room - used < 2:
        return False
    memcpy(text + used, b"\r\n", 2)
    scratch_take(ev, used + 2)
    # haproxy: declared as data, yet never written in hexadecimal.
    return smp_set_own(smp, SMP_T_STR, text, used + 2, used + 2)


# A length as SPOE encodes it: one byte below 240, else seven bits more per byte. Returns the bytes written, at most 6.
cdef uint32_t put_length(char* dst, uint32_t number) noexcept nogil:
    cdef uint32_t n = 1
    if number < 240:
        dst[0] = <char> number
        return 1
    dst[0] = <char> (number | 240)
    number = (number - 240) >> 4
    while number >= 128:
        dst[n] = <char> (number | 128)
        number = (number - 128) >> 7
        n += 1
    dst[n] = <char> number
    return n + 1


cdef uint32_t put_text(char* dst, slice_t text) noexcept nogil:
    cdef uint32_t n = put_length(dst, text.len)
    if text.len:
        memcpy(dst + n, text.ptr, text.len)
    return n + text.len


cdef bint header_bytes(eval_t* ev, const http_msg_t* msg, sample_t* smp) noexcept nogil:
    cdef uint32_t room = 0, used = 0
    cdef char* bytes = scratch_rest(ev, &room)
    cdef slice_t name, value
    cdef int i
    if msg == NULL:
        return False
    for i in range(<int> msg.n_hdrs):
        if msg.hdrs[i].flags & HDR_F_DELETED:
            continue
        name = msg_hdr_name(msg, i)
        value = msg_hdr_value(msg, i)
        if room - used < name.len + value.len + 14:
            return False
        used += put_text(bytes + used, name)
        used += put_text(bytes + used, value)
    if room - used < 2:
        return False
    memset(bytes + used, 0, 2)
    scratch_take(ev, used + 2)
    return smp_set_own(smp, SMP_T_STR, bytes, used + 2, used + 2)


# ---- one function per name and direction

cdef bint req_hdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header(ev, seen_request(ev, smp), args, False, smp)


cdef bint res_hdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header(ev, seen_response(ev, smp), args, False, smp)


cdef bint req_fhdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header(ev, seen_request(ev, smp), args, True, smp)


cdef bint res_fhdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header(ev, seen_response(ev, smp), args, True, smp)


cdef bint req_hdr_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_count(seen_request(ev, smp), args, False, smp)


cdef bint res_hdr_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_count(seen_response(ev, smp), args, False, smp)


cdef bint req_fhdr_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_count(seen_request(ev, smp), args, True, smp)


cdef bint res_fhdr_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_count(seen_response(ev, smp), args, True, smp)


cdef bint req_hdr_val(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_number(ev, seen_request(ev, smp), args, smp)


cdef bint res_hdr_val(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_number(ev, seen_response(ev, smp), args, smp)


cdef bint req_hdr_ip(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_address(ev, seen_request(ev, smp), args, smp)


cdef bint res_hdr_ip(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_address(ev, seen_response(ev, smp), args, smp)


cdef bint req_hdr_names(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_names(ev, seen_request(ev, smp), args, smp)


cdef bint res_hdr_names(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_names(ev, seen_response(ev, smp), args, smp)


cdef bint req_hdrs(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_block(ev, seen_request(ev, smp), smp)


cdef bint res_hdrs(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_block(ev, seen_response(ev, smp), smp)


cdef bint req_hdrs_bin(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_bytes(ev, seen_request(ev, smp), smp)


cdef bint res_hdrs_bin(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return header_bytes(ev, seen_response(ev, smp), smp)


cdef bint hdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    if ev.options & EVAL_O_RESPONSE:
        return res_hdr(ev, args, smp)
    return req_hdr(ev, args, smp)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"req.hdr", req_hdr)
add(b"res.hdr", res_hdr)
add(b"req.fhdr", req_fhdr)
add(b"res.fhdr", res_fhdr)
add(b"req.hdr_cnt", req_hdr_cnt)
add(b"res.hdr_cnt", res_hdr_cnt)
add(b"req.fhdr_cnt", req_fhdr_cnt)
add(b"res.fhdr_cnt", res_fhdr_cnt)
add(b"req.hdr_val", req_hdr_val)
add(b"res.hdr_val", res_hdr_val)
add(b"req.hdr_ip", req_hdr_ip)
add(b"res.hdr_ip", res_hdr_ip)
add(b"req.hdr_names", req_hdr_names)
add(b"res.hdr_names", res_hdr_names)
add(b"req.hdrs", req_hdrs)
add(b"res.hdrs", res_hdrs)
add(b"req.hdrs_bin", req_hdrs_bin)
add(b"res.hdrs_bin", res_hdrs_bin)
add(b"hdr", hdr)
