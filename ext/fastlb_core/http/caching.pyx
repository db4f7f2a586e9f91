# Caches' view of an answer; contract in caching.pxd.

from libc.stdint cimport uint16_t

from fastlb_core.base.slice cimport slice_eq_nocase, slice_next_token, slice_starts_nocase, slice_t
from fastlb_core.http.message cimport (
    HDR_CACHE_CONTROL, HDR_ETAG, HDR_EXPIRES, HDR_LAST_MODIFIED, HDR_PRAGMA, METHOD_GET, METHOD_HEAD, METHOD_OPTIONS,
    METHOD_TRACE, http_msg_t, msg_find, msg_find_next, msg_hdr_value,
)


cdef bint _is_kept_by_default(uint16_t status) noexcept nogil:
    """haproxy: manual, section 4.2 "option checkcache"."""
    return status == 200 or status == 203 or status == 204 or status == 206 or status == 300 or status == 301 \
        or status == 404 or status == 405 or status == 410 or status == 414 or status == 501


cdef bint _forbids(slice_t word) noexcept nogil:
    return slice_eq_nocase(word, b"private", 7) or slice_eq_nocase(word, b"no-cache", 8) \
        or slice_eq_nocase(word, b"no-store", 8) or slice_eq_nocase(word, b"max-age=0", 9) \
        or slice_eq_nocase(word, b"s-maxage=0", 10)


cdef int _apply_word(int caching, slice_t word) noexcept nogil:
    """haproxy: the later word counts."""
    if _forbids(word):
        return caching & ~CACHING_ALLOWED
    if slice_eq_nocase(word, b"public", 6):
        return caching | CACHING_ALLOWED
    if slice_starts_nocase(word, b"max-age", 7) or slice_starts_nocase(word, b"s-maxage", 8):
        return caching | CACHING_LIKELY
    return caching


cdef int answer_caching(const http_msg_t* res, int method) noexcept nogil:
    cdef slice_t rest, word
    cdef int caching = 0
    cdef int i = msg_find(res, HDR_PRAGMA)
    while i >= 0:
        if slice_eq_nocase(msg_hdr_value(res, i), b"no-cache", 8):
            return 0
        i = msg_find_next(res, i)
    if _is_kept_by_default(res.status) and (method == METHOD_GET or method == METHOD_HEAD or method == METHOD_OPTIONS
                                            or method == METHOD_TRACE):
        caching = CACHING_ALLOWED
    if msg_find(res, HDR_ETAG) >= 0 or msg_find(res, HDR_EXPIRES) >= 0 or msg_find(res, HDR_LAST_MODIFIED) >= 0:
        caching |= CACHING_LIKELY
    i = msg_find(res, HDR_CACHE_CONTROL)
    while i >= 0:
        rest = msg_hdr_value(res, i)
        while slice_next_token(&rest, &word):
            caching = _apply_word(caching, word)
        i = msg_find_next(res, i)
    return caching
