# The back side of a stream: choosing a server, waiting for a slot, connecting, retrying, giving the connection back.
#
# Knows lb, queues, idle pools and connect(); must not know TCP mode from HTTP: it ends with a connection that bytes may be
# tried on, or with a reason why there is none (stream_set_term, back_fail_t).

from libc.stdint cimport uint32_t
from fastlb_core.program.program cimport px_t
from fastlb_core.proxy.stream cimport stream_t

cdef enum back_result_t:
    BACK_R_WAIT = 0          # queued, pausing or connecting
    BACK_R_TRY = 1           # strm.back may be sent to: connected, or connecting with a first send worth trying
    BACK_R_FAILED = 2        # no server, queue timeout, retries used up: answer 503 (term is set)
    BACK_R_INTERNAL = 3      # no descriptor or memory: answer 503 with `RC`
    BACK_R_NOWHERE = 4       # the client's own destination is wanted, and it has none: answer 500 (term is set)
    BACK_R_REDIRECT = 5      # strm.srv is one that clients are sent to (`redir`)

# Starts with this backend. direct: srv is given already (internal service).
cdef void back_start(stream_t* strm, px_t* be) noexcept nogil
# Goes on as far as possible.
cdef back_result_t back_advance(stream_t* strm) noexcept nogil
# strm.back turned out connected (the first bytes were taken, or epoll said so).
cdef void back_connected(stream_t* strm) noexcept nogil
# strm.back failed before anything of the answer came and may be replaced: BACK_R_TRY/WAIT/FAILED as of back_advance.
cdef void back_retry(stream_t* strm) noexcept nogil
# The request went, and what came back (or did not) is a reason of `retry-on`: again, on a new connection, elsewhere where
# `option redispatch` says so.
cdef void back_redo(stream_t* strm) noexcept nogil
# The answer is complete: the connection goes to the pool (or is closed, keep False), and with it the server's slot.
cdef void back_finish(stream_t* strm, bint keep) noexcept nogil
