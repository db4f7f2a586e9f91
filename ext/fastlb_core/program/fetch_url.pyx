# Sample fetches of the request's target (manual, section 7.3.6), as the rules before have left it.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.hash cimport hash_avalanche
from fastlb_core.base.slice cimport slice_eq_nocase, slice_of, slice_t
from fastlb_core.http.message cimport http_msg_t, msg_target
from fastlb_core.http.uri cimport URI_ABSOLUTE, uri_split, uri_t
from fastlb_core.program.expr cimport ARG_STR, arg_t, args_count, fetch_fn
from fastlb_core.program.http_values cimport (
    param_next, read_port, read_quad, seen_request, short_number, target_path, target_pathq, values_find,
)
from fastlb_core.program.sample cimport (
    EVAL_O_ITERATE, SMP_F_MORE, SMP_T_BIN, SMP_T_IPV4, SMP_T_STR, eval_t, sample_t, scratch_take, smp_set_int, smp_set_own,
    smp_set_str,
)
from fastlb_core.sys.socket cimport AF_INET, AF_INET6

cdef fetch_entry_t[24] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_url_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# haproxy: the first element of the first Host, then path or path and query.
cdef bint host_and(eval_t* ev, sample_t* smp, bint with_query, bint must_exist) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef slice_t host = slice_of(NULL, 0), rest
    cdef char* text
    if msg == NULL:
        return False
    values_find(msg, slice_of(b"host", 4), False, 1, &host)
    rest = target_pathq(msg_target(msg)) if with_query else target_path(msg_target(msg))
    if must_exist and host.len + rest.len == 0:
        return False
    text = scratch_take(ev, host.len + rest.len)
    if text == NULL:
        return False
    if host.len:
        memcpy(text, host.ptr, host.len)
    if rest.len:
        memcpy(text + host.len, rest.ptr, rest.len)
    return smp_set_own(smp, SMP_T_STR, text, host.len + rest.len, host.len + rest.len)


cdef bint base(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return host_and(ev, smp, False, True)


cdef bint baseq(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return host_and(ev, smp, True, True)


# SDBM over more bytes. haproxy: signed ones, which the converter's (base/hash.pxd) are not.
cdef uint32_t sdbm(uint32_t number, slice_t text) noexcept nogil:
    cdef uint32_t i
    for i in range(text.len):
        number = <uint32_t> <int32_t> <signed char> text.ptr[i] + (number << 6) + (number << 16) - number
    return number


cdef bint base_hash(eval_t* ev, sample_t* smp, uint32_t* hash) noexcept nogil:
    if not host_and(ev, smp, False, False):
        return False
    hash[0] = hash_avalanche(sdbm(0, smp.str))
    return True


# haproxy: unlike base, the whole Host value, commas and all.
cdef bint url_hash(eval_t* ev, sample_t* smp, uint32_t* hash) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef slice_t host = slice_of(NULL, 0)
    if msg == NULL:
        return False
    values_find(msg, slice_of(b"host", 4), True, 1, &host)
    hash[0] = hash_avalanche(sdbm(sdbm(0, host), target_pathq(msg_target(msg))))
    return True


cdef bint base32(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t hash = 0
    return base_hash(ev, smp, &hash) and smp_set_int(smp, hash)


cdef bint url32(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t hash = 0
    return url_hash(ev, smp, &hash) and smp_set_int(smp, hash)


# The hash in network order and the client's address behind it: 8 or 20 bytes.
cdef bint with_source(eval_t* ev, sample_t* smp, uint32_t hash) noexcept nogil:
    cdef char* bytes = scratch_take(ev, 20)
    cdef uint32_t length = 0, i
    cdef const uint8_t* address = NULL
    if bytes == NULL or ev.front == NULL:
        return False
    if ev.front.peer.family == AF_INET:      # behind family and port
        address = &ev.front.peer.bytes[4]
        length = 4
    elif ev.front.peer.family == AF_INET6:   # behind family, port and flow label
        address = &ev.front.peer.bytes[8]
        length = 16
    else:
        return False
    for i in range(4):
        bytes[i] = <char> (hash >> (24 - 8 * i) & 255)
    memcpy(bytes + 4, address, length)
    return smp_set_own(smp, SMP_T_BIN, bytes, 4 + length, 20)


cdef bint base32_src(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t hash = 0
    return base_hash(ev, smp, &hash) and with_source(ev, smp, hash)


cdef bint url32_src(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t hash = 0
    return url_hash(ev, smp, &hash) and with_source(ev, smp, hash)


# ---- parts of the target

cdef bint url(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    return msg != NULL and smp_set_str(smp, msg_target(msg).ptr, msg.target_len)


cdef bint path(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef slice_t part
    if msg == NULL:
        return False
    part = target_path(msg_target(msg))
    return part.len and smp_set_str(smp, part.ptr, part.len)


cdef bint pathq(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef slice_t part
    if msg == NULL:
        return False
    part = target_pathq(msg_target(msg))
    return part.len and smp_set_str(smp, part.ptr, part.len)


cdef bint query(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef uri_t uri
    if msg == NULL:
        return False
    uri = uri_split(msg_target(msg))
    return uri.query.ptr != NULL and smp_set_str(smp, uri.query.ptr, uri.query.len)


# haproxy: only an absolute target with an IPv4 address has url_ip and url_port.
cdef bint url_address(eval_t* ev, sample_t* smp, int64_t* port) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef uri_t uri
    cdef uint32_t length = 0
    if msg == NULL:
        return False
    uri = uri_split(msg_target(msg))
    if uri.form != URI_ABSOLUTE or not read_quad(uri.authority, smp.ip, &length):
        return False
    port[0] = 443 if slice_eq_nocase(uri.scheme, b"https", 5) else 80
    if length < uri.authority.len:
        if uri.authority.ptr[length] != b':':
            return False
        port[0] = read_port(slice_of(uri.authority.ptr + length + 1, uri.authority.len - length - 1))
    return port[0] >= 0


cdef bint url_ip(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t port = 0
    if not url_address(ev, smp, &port):
        return False
    smp.type = SMP_T_IPV4
    return True


cdef bint url_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t port = 0
    return url_address(ev, smp, &port) and smp_set_int(smp, port)


# ---- parameters

cdef bint param(eval_t* ev, const arg_t* args, sample_t* smp, slice_t* value) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef uint32_t n_args = args_count(args), at = 0
    cdef uint8_t delimiter = b'?'
    cdef slice_t name = slice_of(NULL, 0), text
    cdef bint has_begun = smp.flags & SMP_F_MORE
    if msg == NULL:
        return False
    smp.flags = 0
    if n_args > 0 and args[0].type == ARG_STR and args[0].str.len:
        name = args[0].str
    if n_args > 1 and args[1].type == ARG_STR and args[1].str.len:
        delimiter = <uint8_t> args[1].str.ptr[0]
    text = msg_target(msg)
    if has_begun:
        at = <uint32_t> smp.ctx[0]
    else:
        while at < text.len and <uint8_t> text.ptr[at] != delimiter:
            at += 1
        at += 1
    if not param_next(text, &at, name, delimiter, value):
        return False
    if ev.options & EVAL_O_ITERATE:
        smp.ctx[0] = at
        smp.flags |= SMP_F_MORE
    return True


cdef bint urlp(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t value
    return param(ev, args, smp, &value) and smp_set_str(smp, value.ptr, value.len)


cdef bint urlp_val(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t value
    return param(ev, args, smp, &value) and smp_set_int(smp, short_number(value))


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"base", base)
add(b"baseq", baseq)
add(b"base32", base32)
add(b"base32+src", base32_src)
add(b"url32", url32)
add(b"url32+src", url32_src)
add(b"url", url)
add(b"path", path)
add(b"pathq", pathq)
add(b"query", query)
add(b"url_ip", url_ip)
add(b"url_port", url_port)
add(b"urlp", urlp)
add(b"urlp_val", urlp_val)
