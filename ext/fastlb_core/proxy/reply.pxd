# Answers of the proxy's own: error pages, errorfiles, the monitor page; and the size that log lines show.
#
# Knows pages and how they are closed; must not know why one is sent.

from libc.stdint cimport uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.proxy.stream cimport stream_t

# The page for a status that a rule sends: as reply_page; the connection closes behind it where the status says so.
cdef slice_t reply_rule_page(stream_t* strm, int status) noexcept nogil
# The arguments of the answer that `http-error` makes for the status (answer.pxd), or NULL.
cdef const arg_t* reply_answer(const stream_t* strm, int status) noexcept nogil
# The page for a status as the backend, else the frontend, else the built-in table has it; ptr NULL when there is none.
cdef slice_t reply_page(const stream_t* strm, int status) noexcept nogil
# Bytes of a page up to and with the empty line; all of them where there is none (the file was checked when it was read).
cdef uint32_t reply_head_len(slice_t page) noexcept nogil
# Sends the page to the client, with the `connection` header that its version and the stream's STRM_F_CLOSE_FRONT ask for;
# what the socket does not take waits in front.tx. False when the client is gone.
cdef bint reply_send(stream_t* strm, slice_t head, slice_t body) noexcept nogil
# True when the head says how long the body is; without that only a close ends it.
cdef bint reply_has_length(slice_t head) noexcept nogil
# Bytes of a head as HAProxy counts them for %B: 20 for the start line's own, its words, names and values, 1 for the end. Called
# before the head is edited.
cdef uint64_t reply_counted_head(const http_msg_t* msg) noexcept nogil
# The same for a request as it has left: its bytes may be gone.
cdef uint64_t reply_counted_request(const http_msg_t* msg) noexcept nogil
# The same for the bytes of a whole answer.
cdef uint64_t reply_counted_page(slice_t page) noexcept nogil
