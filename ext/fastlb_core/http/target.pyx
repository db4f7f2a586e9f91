# Changing targets; contracts in target.pxd.

from libc.stdint cimport uint32_t
from libc.string cimport memchr

from fastlb_core.base.slice cimport same_bytes, slice_of, slice_t
from fastlb_core.http.message cimport HDR_HOST, http_msg_t, msg_find, msg_hdr_replace, msg_hdr_value, msg_set_target, msg_target
from fastlb_core.http.uri cimport URI_ABSOLUTE, URI_ASTERISK, URI_ORIGIN, uri_split, uri_t


# The bytes of `target` before and behind a part of it.
cdef inline slice_t before(slice_t target, slice_t part) noexcept nogil:
    return slice_of(target.ptr, <uint32_t> (part.ptr - target.ptr))


cdef inline slice_t behind(slice_t target, slice_t part) noexcept nogil:
    cdef const char* end = part.ptr + part.len
    return slice_of(end, target.len - <uint32_t> (end - target.ptr))


cdef slice_t target_path(const http_msg_t* msg) noexcept nogil:
    cdef uri_t uri = uri_split(msg_target(msg))
    if uri.form != URI_ORIGIN and (uri.form != URI_ABSOLUTE or uri.path.len == 0):
        return slice_of(NULL, 0)
    return uri.path


cdef slice_t target_path_query(const http_msg_t* msg) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    cdef slice_t path = target_path(msg)
    if path.ptr == NULL:
        return path
    return slice_of(path.ptr, target.len - <uint32_t> (path.ptr - target.ptr))


cdef bint target_set_path(http_msg_t* msg, slice_t path) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    cdef slice_t old = target_path(msg)
    if old.ptr == NULL:
        old = target
    return msg_set_target(msg, before(target, old), path, behind(target, old))


cdef bint target_set_path_query(http_msg_t* msg, slice_t path_query) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    cdef slice_t old = target_path(msg)
    if old.ptr == NULL:
        old = target
    return msg_set_target(msg, before(target, old), path_query, slice_of(NULL, 0))


cdef bint target_set_query(http_msg_t* msg, slice_t query) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    cdef const char* mark = <const char*> memchr(target.ptr, 63, target.len)
    if mark != NULL:
        return msg_set_target(msg, slice_of(target.ptr, <uint32_t> (mark - target.ptr) + 1), query, slice_of(NULL, 0))
    return query.len == 0 or msg_set_target(msg, target, slice_of("?", 1), query)


# An authority without its user information.
cdef slice_t host_of(slice_t authority) noexcept nogil:
    cdef uint32_t i
    for i in range(authority.len, 0, -1):
        if authority.ptr[i - 1] == 64:
            return slice_of(authority.ptr + i, authority.len - i)
    return authority


# haproxy: what is neither a path nor `*` nor an absolute form is taken for an authority.
cdef slice_t authority_of(slice_t target) noexcept nogil:
    cdef uri_t uri = uri_split(target)
    if target.len == 0 or uri.form == URI_ORIGIN or uri.form == URI_ASTERISK:
        return slice_of(NULL, 0)
    return uri.authority if uri.form == URI_ABSOLUTE else target


cdef bint target_set_uri(http_msg_t* msg, slice_t uri) noexcept nogil:
    cdef slice_t authority = authority_of(uri)
    cdef slice_t host, old
    cdef int i = msg_find(msg, HDR_HOST)
    if authority.ptr != NULL and i >= 0:
        host = host_of(authority)
        old = msg_hdr_value(msg, i)
        if host.len == 0:
            return False
        if (old.len != host.len or not same_bytes(old.ptr, host.ptr, host.len)) and not msg_hdr_replace(msg, i, host):
            return False
    return msg_set_target(msg, slice_of(NULL, 0), uri, slice_of(NULL, 0))


cdef bint target_follow_host(http_msg_t* msg, slice_t host) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    cdef slice_t old
    if target.len == 0 or target.ptr[0] == 47:
        return True
    old = host_of(authority_of(target))
    if old.ptr == NULL or old.len == host.len and same_bytes(old.ptr, host.ptr, host.len):
        return True
    return msg_set_target(msg, before(target, old), host, behind(target, old))
