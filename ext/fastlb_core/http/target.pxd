# Changes of one part of a request's target, and what Host must say with it.
#
# Knows the forms of targets and which part stands where. Must not know who wants the change.
# Every function returns False, with nothing changed, when the edit room is full or the result cannot be a target.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t

# haproxy: a target without a path (`*`, `host:port`, `http://host`) is replaced as a whole.
cdef bint target_set_path(http_msg_t* msg, slice_t path) noexcept nogil
cdef bint target_set_path_query(http_msg_t* msg, slice_t path_query) noexcept nogil
# What stands behind the question mark; an empty query adds none.
cdef bint target_set_query(http_msg_t* msg, slice_t query) noexcept nogil
# All of it; Host follows an authority in it, where there is a Host.
cdef bint target_set_uri(http_msg_t* msg, slice_t uri) noexcept nogil
# The path, or path and query, as the rules see it; ptr NULL when the target has none.
cdef slice_t target_path(const http_msg_t* msg) noexcept nogil
cdef slice_t target_path_query(const http_msg_t* msg) noexcept nogil
# A rule has written a Host: the target's authority, where it has one, becomes the same (RFC 9112 3.2.2).
cdef bint target_follow_host(http_msg_t* msg, slice_t host) noexcept nogil
