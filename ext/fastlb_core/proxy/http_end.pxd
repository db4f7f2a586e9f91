# How an HTTP stream ends: with an answer of the proxy's own, with a clean end, or cut.
#
# Knows replies and what becomes of both connections; must not know what led here.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.proxy.stream cimport stream_t

# Answers with this status and ends: page, FIN, linger. err and state: termination characters, '-' to leave them.
cdef void http_reply(stream_t* strm, int status, char err, char state) noexcept nogil
# The same with a page of a rule's own: a whole answer, head and body. Its bytes need not outlive the call.
cdef void http_reply_page(stream_t* strm, int status, slice_t page, char err, char state) noexcept nogil
# Answers with the page that a rule would send for the status.
cdef void http_refuse(stream_t* strm, int status, char err, char state) noexcept nogil
# 500 for an answer over which an `http-after-response` rule failed: none of them sees it.
cdef void http_reply_failed(stream_t* strm, char err, char state) noexcept nogil
# What is left of the reply has been sent, or not: True when the stream has ended.
cdef bint http_reply_run(stream_t* strm) noexcept nogil
# Both messages are complete: log, counters, connections to where they belong.
cdef void http_finish(stream_t* strm) noexcept nogil
# Ends at once, the client's connection too.
cdef void http_abort(stream_t* strm, char err, char state) noexcept nogil
