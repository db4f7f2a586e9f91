# Waiting until a message's body stands in its buffer: `option http-buffer-request` and `wait-for-body`.
#
# Knows when enough is there. Must not know what follows where it never comes.

from libc.stdint cimport int64_t, uint32_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.stream cimport stream_t

cdef enum body_wait_t:
    BODY_R_THERE = 0             # all of it, `least` bytes, or as much as the buffer holds
    BODY_R_WAIT = 1              # the stream waits
    BODY_R_LATE = 2              # the time is over
    BODY_R_CUT = 3               # the sender has closed before its end
    BODY_R_BROKEN = 4            # what is there is no body

# Waits at most wait_ms for the body of the request, or of the answer; `least`: for so many bytes of it, 0: for all. BODY_R_WAIT
# is followed by a call with the same arguments when something has happened.
cdef body_wait_t body_await(stream_t* strm, bint is_answer, int64_t wait_ms, uint32_t least) noexcept nogil
# Whether a rule of the stream waits: from now on for wait_ms, or still. False: the time is over, or there is none. conn: what may
# bring it to an end.
cdef bint rule_waits(stream_t* strm, conn_t* conn, int64_t wait_ms) noexcept nogil
# The rule waits no longer. Idempotent.
cdef void rule_waited(stream_t* strm) noexcept nogil
