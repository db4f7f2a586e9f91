# Cacheable cookies: implementation.

from libc.stdint cimport uint16_t, uint32_t

from fastlb_core.base.slice cimport slice_eq_nocase, slice_next_token, slice_of, slice_t
from fastlb_core.http.message cimport (
    HDR_CACHE_CONTROL, HDR_F_EDIT, HDR_PRAGMA, HDR_SET_COOKIE, METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_TRACE, msg_find,
    msg_find_next, msg_hdr_value,
)


cdef bint _is_kept_by_default(uint16_t status) noexcept nogil:
    return status == 200 or status == 203 or status == 204 or status == 206 or status == 300 or status == 301 or \
        status == 404 or status == 405 or status == 410 or status == 414 or status == 501


cdef inline bint _begins(slice_t token, const char* word, uint32_t length) noexcept nogil:
    return token.len >= length and slice_eq_nocase(slice_of(token.ptr, length), word, length)


cdef bint _forbids(slice_t token) noexcept nogil:
    """A directive after which no shared cache keeps the cookie."""
    if slice_eq_nocase(token, "private", 7) or slice_eq_nocase(token, "no-cache", 8) or slice_eq_nocase(token, "no-store", 8):
        return True
    if slice_eq_nocase(token, "max-age=0", 9) or slice_eq_nocase(token, "s-maxage=0", 10):
        return True
    # The list of names has a comma behind the first one, or the quote.
    return slice_eq_nocase(token, "no-cache=\"set-cookie\"", 21) or slice_eq_nocase(token, "no-cache=\"set-cookie", 20)


cdef bint _has_own_cookie(const http_msg_t* res) noexcept nogil:
    cdef int i = msg_find(res, HDR_SET_COOKIE)
    while i >= 0 and res.hdrs[i].flags & HDR_F_EDIT:
        i = msg_find_next(res, i)
    return i >= 0


cdef bint is_cookie_cacheable(const http_msg_t* req, const http_msg_t* res) noexcept nogil:
    cdef bint is_kept = _is_kept_by_default(res.status) and (
        req.method == METHOD_GET or req.method == METHOD_HEAD or req.method == METHOD_OPTIONS or req.method == METHOD_TRACE)
    cdef slice_t rest, token
    cdef int i
    if not _has_own_cookie(res):
        return False
    i = msg_find(res, HDR_PRAGMA)
    while i >= 0:
        if _begins(msg_hdr_value(res, i), "no-cache", 8):
            return False
        i = msg_find_next(res, i)
    i = msg_find(res, HDR_CACHE_CONTROL)
    while i >= 0:
        rest = msg_hdr_value(res, i)
        while slice_next_token(&rest, &token):
            if _forbids(token):
                return False
            is_kept |= slice_eq_nocase(token, "public", 6)
        i = msg_find_next(res, i)
    return is_kept
