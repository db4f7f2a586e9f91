# Whether a cache may keep an answer, as haproxy judges it where cookies are concerned.
#
# Knows methods, statuses, Cache-Control and Pragma. Must not know cookies.

from fastlb_core.http.message cimport http_msg_t

cdef enum:                       # of answer_caching
    CACHING_ALLOWED = 1          # nothing forbids it
    CACHING_LIKELY = 2           # it has a validator or says for how long

# What a cache between client and proxy would do with the answer to a request of method `method`.
cdef int answer_caching(const http_msg_t* res, int method) noexcept nogil
