# `option checkcache`: answers that would put a cookie into caches (manual, section 4.2).
#
# Knows Set-Cookie, Cache-Control and Pragma. Must not know what follows from them.

from fastlb_core.http.message cimport http_msg_t

# Whether a cache may keep the answer, and a cookie of the server's with it, as the manual says. haproxy: 2.6.12 never finds one.
cdef bint is_cookie_cacheable(const http_msg_t* req, const http_msg_t* res) noexcept nogil
