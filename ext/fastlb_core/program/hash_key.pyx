# The key of a keyed `balance`; contracts in hash_key.pxd. Compared with haproxy in tests/differential/test_hashing.py.

from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.string cimport memset, strcmp

from fastlb_core.base.hash cimport hash_avalanche, hash_crc32, hash_djb2, hash_sdbm, hash_wt6
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport msg_target
from fastlb_core.http.uri cimport uri_split
from fastlb_core.lb.balance cimport lb_source_key
from fastlb_core.lb.server cimport LB_NO_KEY
from fastlb_core.program.expr cimport expr_eval_as
from fastlb_core.program.fetch_body cimport body_buffered
from fastlb_core.program.http_values cimport param_next, target_pathq, values_find
from fastlb_core.program.sample cimport SMP_T_BIN, sample_t


# haproxy: the target as it came, up to the question mark; a depth of n ends before slash n + 1.
cdef bint _uri(const hash_key_t* conf, eval_t* ev, slice_t* bytes) noexcept nogil:
    cdef slice_t text
    cdef uint32_t i, n, slashes = 0
    if ev.req == NULL:
        return False
    text = target_pathq(msg_target(ev.req)) if conf.flags & KEY_PATH_ONLY else msg_target(ev.req)
    n = text.len if conf.max_len == 0 or text.len < conf.max_len else conf.max_len
    for i in range(n):
        if text.ptr[i] == b'/' and conf.depth:
            slashes += 1
            if slashes > conf.depth:
                n = i
                break
        elif text.ptr[i] == b'?' and not conf.flags & KEY_WHOLE:
            n = i
            break
    bytes[0] = slice_of(text.ptr, n)
    return True


# haproxy: whatever the body's type; unlike what the manual says, all chunks that are there count.
cdef bint _body_param(const hash_key_t* conf, eval_t* ev, slice_t* bytes) noexcept nogil:
    cdef uint32_t at = 0
    cdef slice_t body
    cdef sample_t smp
    memset(&smp, 0, sizeof(smp))
    return body_buffered(ev, ev.req, ev.req_bytes, &smp, &body) and param_next(body, &at, conf.name, 0, bytes)


# haproxy: as it stands in the query up to the next &, not decoded; one without a value is hashed too, one without `=` is not.
cdef bint _url_param(const hash_key_t* conf, eval_t* ev, slice_t* bytes) noexcept nogil:
    cdef uint32_t at = 0
    cdef slice_t query
    if ev.req == NULL:
        return False
    query = uri_split(msg_target(ev.req)).query
    if query.ptr != NULL and param_next(query, &at, conf.name, 0, bytes):
        return True
    return key_wants_body(conf, ev.req) and _body_param(conf, ev, bytes)


# haproxy: "1wt" of "haproxy.1wt.eu": what stands before the last dot, back to the dot before, which leaves a byte at least.
cdef slice_t _domain(slice_t host) noexcept nogil:
    cdef int64_t end = <int64_t> host.len - 1, start
    while end > 0 and host.ptr[end] != b'.':
        end -= 1
    if end <= 0:
        return host
    start = end - 1
    while start > 0 and host.ptr[start - 1] != b'.':
        start -= 1
    return slice_of(host.ptr + start, <uint32_t> (end - start))


cdef bint _hdr(const hash_key_t* conf, eval_t* ev, slice_t* bytes) noexcept nogil:
    if ev.req == NULL or not values_find(ev.req, conf.name, False, 1, bytes) or bytes.len == 0:
        return False
    if conf.flags & KEY_DOMAIN:
        bytes[0] = _domain(bytes[0])
    return True


cdef bint _sample(const hash_key_t* conf, eval_t* ev, slice_t* bytes) noexcept nogil:
    cdef sample_t smp
    memset(&smp, 0, sizeof(smp))
    if not expr_eval_as(ev, conf.expr, SMP_T_BIN, &smp):
        return False
    bytes[0] = smp.str
    return True


cdef bint key_find(const char* name, key_fn* fn) noexcept nogil:
    fn[0] = NULL
    if strcmp(name, b"uri") == 0:
        fn[0] = _uri
    elif strcmp(name, b"url_param") == 0:
        fn[0] = _url_param
    elif strcmp(name, b"hdr") == 0:
        fn[0] = _hdr
    elif strcmp(name, b"sample") == 0:
        fn[0] = _sample
    return fn[0] != NULL or strcmp(name, b"source") == 0


# A decimal number with or without a sign, up to the first other character; beyond 64 bits it is the nearest.
cdef uint32_t _as_it_is(const char* bytes, uint32_t length) noexcept nogil:
    cdef uint32_t at = 0
    cdef uint64_t number = 0, most = <uint64_t> INT64_MAX
    cdef bint is_negative = length != 0 and bytes[0] == b'-'
    if length and (bytes[0] == b'-' or bytes[0] == b'+'):
        at = 1
    most += is_negative
    while at < length and b'0' <= bytes[at] <= b'9':
        if number > (most - (bytes[at] - 48)) // 10:
            number = most
            break
        number = number * 10 + (bytes[at] - 48)
        at += 1
    return <uint32_t> (0 - number if is_negative else number)


cdef hash_fn key_hash_find(const char* name) noexcept nogil:
    if strcmp(name, b"sdbm") == 0:
        return hash_sdbm
    if strcmp(name, b"djb2") == 0:
        return hash_djb2
    if strcmp(name, b"wt6") == 0:
        return hash_wt6
    if strcmp(name, b"crc32") == 0:
        return hash_crc32
    if strcmp(name, b"none") == 0:
        return _as_it_is
    return NULL


cdef uint64_t hash_key(const hash_key_t* conf, eval_t* ev) noexcept nogil:
    cdef slice_t bytes
    cdef uint32_t key
    if conf.fn == NULL:
        # haproxy: an address is its own hash.
        key = lb_source_key(&ev.front.peer)
    elif conf.fn(conf, ev, &bytes):
        key = conf.hash(bytes.ptr, bytes.len)
    else:
        return LB_NO_KEY
    return hash_avalanche(key) if conf.avalanche else key
