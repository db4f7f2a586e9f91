# Captures: implementation.

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memcpy, memset

from fastlb_core.base.buf cimport opool_get
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport (
    HDR_COOKIE, HDR_OTHER, HDR_SET_COOKIE, hdr_id_of, hdr_id_t, http_msg_t, msg_find, msg_find_name,
    msg_find_next, msg_hdr_value,
)
from fastlb_core.program.program cimport capture_t, px_t


cdef bint capture_open(stream_t* strm) noexcept nogil:
    cdef const px_t* fe = strm.fe
    if strm.capture_block != NULL:
        return True
    if fe.capture_size == 0:
        return False
    strm.capture_block = opool_get(&strm.w.captures)
    if strm.capture_block == NULL:
        return False
    # The slots stand at the block's beginning; texts are read only where a slot says so.
    memset(strm.capture_block, 0, sizeof(slice_t) * (<uint32_t> fe.n_captures_req + fe.n_captures_res))
    strm.captures_req = <slice_t*> strm.capture_block
    strm.captures_res = strm.captures_req + fe.n_captures_req
    return True


cdef void capture_keep(stream_t* strm, const capture_t* capture, slice_t* slot, slice_t text) noexcept nogil:
    cdef char* place = <char*> strm.capture_block + capture.offset
    cdef uint32_t n = text.len if text.len < capture.max_len else capture.max_len
    if n:
        memcpy(place, text.ptr, n)
    slot[0] = slice_of(place, n)


cdef int _last(const http_msg_t* msg, slice_t name) noexcept nogil:
    """Index of the last header with that name, -1: none."""
    cdef hdr_id_t id = hdr_id_of(name.ptr, name.len)
    cdef int found = -1
    cdef int i = msg_find(msg, id) if id != HDR_OTHER else msg_find_name(msg, name, 0)
    while i >= 0:
        found = i
        i = msg_find_next(msg, i) if id != HDR_OTHER else msg_find_name(msg, name, i + 1)
    return found


cdef void _headers(
    stream_t* strm, const http_msg_t* msg, const capture_t* captures, uint32_t n_captures, slice_t* slots
) noexcept nogil:
    cdef uint32_t i
    cdef int at
    for i in range(n_captures):
        if captures[i].name.len == 0:
            continue
        at = _last(msg, captures[i].name)
        if at >= 0:
            capture_keep(strm, &captures[i], &slots[i], msg_hdr_value(msg, at))


cdef bint _next_pair(slice_t* rest, slice_t* pair) noexcept nogil:
    """The next `name=value` of a Cookie header, without the white space around it; quotes hold semicolons."""
    cdef uint32_t i = 0
    cdef bint is_quoted = False
    while i < rest.len and (rest.ptr[i] == b' ' or rest.ptr[i] == b'\t' or rest.ptr[i] == b';' or rest.ptr[i] == b','):
        i += 1
    rest.ptr += i
    rest.len -= i
    if rest.len == 0:
        return False
    i = 0
    while i < rest.len and (is_quoted or rest.ptr[i] != b';'):
        if rest.ptr[i] == b'"':
            is_quoted = not is_quoted
        i += 1
    pair[0] = slice_of(rest.ptr, i)
    rest.ptr += i
    rest.len -= i
    while pair.len and (pair.ptr[pair.len - 1] == b' ' or pair.ptr[pair.len - 1] == b'\t'):
        pair.len -= 1
    return True


cdef bint _is_wanted(slice_t pair, slice_t name) noexcept nogil:
    """haproxy: the captured name is the beginning of `name=value`, the equals sign included where it is written."""
    return pair.len >= name.len and memcmp(pair.ptr, name.ptr, name.len) == 0


cdef void _cookie(stream_t* strm, const http_msg_t* msg, hdr_id_t id, const capture_t* capture, slice_t* slot) noexcept nogil:
    cdef slice_t rest, pair
    cdef int i
    if slot.ptr != NULL:
        return
    i = msg_find(msg, id)
    while i >= 0:
        rest = msg_hdr_value(msg, i)
        while _next_pair(&rest, &pair):
            if _is_wanted(pair, capture.name):
                capture_keep(strm, capture, slot, pair)
                return
            if id == HDR_SET_COOKIE:
                # What follows are attributes (RFC 6265, 4.1.1).
                break
        i = msg_find_next(msg, i)


cdef void capture_request(stream_t* strm) noexcept nogil:
    if capture_open(strm):
        _headers(strm, &strm.req_msg, strm.fe.captures_req, strm.fe.n_captures_req, strm.captures_req)


cdef void capture_response(stream_t* strm) noexcept nogil:
    if capture_open(strm):
        _headers(strm, &strm.res_msg, strm.fe.captures_res, strm.fe.n_captures_res, strm.captures_res)


cdef void capture_request_cookie(stream_t* strm) noexcept nogil:
    if strm.fe.cookie_req.max_len and capture_open(strm):
        _cookie(strm, &strm.req_msg, HDR_COOKIE, &strm.fe.cookie_req, &strm.cookie_req)


cdef void capture_response_cookie(stream_t* strm) noexcept nogil:
    if strm.fe.cookie_res.max_len and capture_open(strm):
        _cookie(strm, &strm.res_msg, HDR_SET_COOKIE, &strm.fe.cookie_res, &strm.cookie_res)
