# `retry-on`: implementation.
#
# The request stays where it was received: its head's bytes before kept_at, its body's behind. A failed try is undone by
# making the buffer begin at the body again; what was pipelined behind it has not moved.

from libc.stdint cimport uint16_t, uint32_t

from fastlb_core.net.conn cimport conn_stop_timer
from fastlb_core.program.program cimport (
    RETRY_401, RETRY_403, RETRY_404, RETRY_408, RETRY_425, RETRY_429, RETRY_500,
)
from fastlb_core.proxy.backend cimport back_redo
from fastlb_core.proxy.stream cimport (
    STRM_F_BACK_TIMEOUT, STRM_F_CLOSE_BACK, STRM_F_FRONT_TIMEOUT, STRM_F_RES_OPEN, STRM_F_RETAINED, STRM_F_RETRYABLE,
    stream_retries, stream_t,
)
from fastlb_core.proxy.stream_http cimport HTTP_S_BACKEND


cdef uint32_t retry_reason(uint16_t status) noexcept nogil:
    if status == 401:
        return RETRY_401
    if status == 403:
        return RETRY_403
    if status == 404:
        return RETRY_404
    if status == 408:
        return RETRY_408
    if status == 425:
        return RETRY_425
    if status == 429:
        return RETRY_429
    if 500 <= status <= 504:
        # Their bits stand side by side.
        return <uint32_t> RETRY_500 << (status - 500)
    return 0


cdef void _restore(stream_t* strm) noexcept nogil:
    """The request's bytes are to be sent once more."""
    cdef uint32_t behind = strm.front.rx.len - strm.req.n_ready
    # The log tells what the client sent, once.
    strm.bytes_in -= strm.kept_len - strm.req.n_ready
    strm.front.rx.head = strm.kept_at
    strm.front.rx.len = strm.kept_len + behind
    strm.req.n_ready = strm.kept_len


cdef bint retry_for(stream_t* strm, uint32_t reason) noexcept nogil:
    if not strm.flags & STRM_F_RETRYABLE or not strm.be.retry_on & reason or strm.n_retries >= stream_retries(strm):
        return False
    _restore(strm)
    conn_stop_timer(strm.front)
    back_redo(strm)
    strm.flags &= ~(<uint32_t> (STRM_F_BACK_TIMEOUT | STRM_F_FRONT_TIMEOUT | STRM_F_CLOSE_BACK | STRM_F_RES_OPEN
                                | STRM_F_RETAINED))
    strm.state = HTTP_S_BACKEND
    return True
