# The relay: receive, check the framing, send the same bytes on.
#
# Three gears, from the transfer's own behaviour: small messages are copied through a standard buffer; when a receive
# fills it, the next one uses a large buffer; and where much is left, splice(2) moves pages without copying at all.

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_consume, buf_data
from fastlb_core.http.h1_body cimport BODY_DONE, BODY_ERROR, body_eof, body_opaque, body_read, body_skip
from fastlb_core.net.conn cimport (
    CONN_F_BIG_RX, CONN_F_CAN_RECV, CONN_F_CAN_SEND, CONN_F_EOF, CONN_F_ERROR, CONN_F_RDHUP, CONN_F_SENT, conn_flush,
    conn_recv, conn_send, conn_t, conn_trim,
)
from fastlb_core.net.pipe cimport pipe_give, pipe_take
from fastlb_core.proxy.forward cimport (
    FLOW_BAD, FLOW_DST_ERROR, FLOW_FINISHED, FLOW_SRC_CUT, FLOW_SRC_ERROR, FLOW_WAIT_RECV, FLOW_WAIT_SEND, FLOW_YIELD,
    flow_status_t,
)
from fastlb_core.proxy.stream cimport flow_t
from fastlb_core.proxy.worker cimport worker_t
from fastlb_core.sys.splice cimport SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, splice, ssize_t

cdef enum:
    TURN_BYTES = 4194304         # what one flow may move before others get their turn
    SPLICE_FROM = 65536          # opaque bytes left that make a splice worth it
    SPLICE_SMALL = 4096          # a splice that moves less is a message, not a transfer
    SPLICE_PATIENCE = 3          # so many of them in a row, and it is copied again


cdef bint flow_peek(flow_t* flow, conn_t* src) noexcept nogil:
    cdef uint32_t used = 0
    cdef int status
    if flow.is_done or src.rx.len == flow.n_ready:
        return True
    status = body_read(&flow.body, buf_data(&src.rx) + flow.n_ready, src.rx.len - flow.n_ready, &used)
    flow.n_ready += used
    if status == BODY_DONE:
        flow.is_done = True
    return status != BODY_ERROR


cdef void flow_close(worker_t* w, flow_t* flow) noexcept nogil:
    if flow.pipe != NULL:
        pipe_give(&w.pipes, flow.pipe, flow.in_pipe)
        flow.pipe = NULL
        flow.in_pipe = 0


cdef flow_status_t flow_source_ended(flow_t* flow, conn_t* src) noexcept nogil:
    if src.flags & CONN_F_ERROR:
        return FLOW_SRC_ERROR
    if body_eof(&flow.body) == BODY_DONE:
        flow.is_done = True
        return FLOW_FINISHED
    return FLOW_SRC_CUT


cdef flow_status_t _send_buffered(flow_t* flow, conn_t* src, conn_t* dst, uint64_t most) noexcept nogil:
    """Sends `most` of the n_ready bytes; FLOW_FINISHED here means that all of these went."""
    cdef uint32_t wanted = flow.n_ready if flow.n_ready < most else <uint32_t> most
    cdef int64_t n
    if not dst.flags & CONN_F_CAN_SEND:
        return FLOW_DST_ERROR if dst.flags & CONN_F_ERROR else FLOW_WAIT_SEND
    n = conn_send(dst, buf_data(&src.rx), wanted)
    if n < 0:
        return FLOW_DST_ERROR
    buf_consume(&src.rx, <uint32_t> n)
    flow.n_ready -= <uint32_t> n
    flow.total += <uint64_t> n
    return FLOW_FINISHED if <uint32_t> n == wanted else FLOW_WAIT_SEND


cdef inline uint32_t _may_move(flow_t* flow, uint32_t size) noexcept nogil:
    cdef uint64_t left = body_opaque(&flow.body)
    return <uint32_t> left if left < size else size


cdef flow_status_t _fill_pipe(flow_t* flow, conn_t* src) noexcept nogil:
    cdef ssize_t n
    while True:
        n = splice(src.fd, NULL, flow.pipe.fd_write, NULL, _may_move(flow, flow.pipe.size), SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
        if n >= 0 or errno != EINTR:
            break
    if n > 0:
        flow.in_pipe = <uint32_t> n
        flow.n_small = flow.n_small + 1 if n < SPLICE_SMALL else 0
        if body_skip(&flow.body, <uint64_t> n) == BODY_DONE:
            flow.is_done = True
        return FLOW_FINISHED
    src.flags &= ~(<uint32_t> CONN_F_CAN_RECV)
    if n < 0 and errno == EAGAIN:
        # The pipe was empty, so it is the socket that has nothing.
        return FLOW_WAIT_RECV
    src.flags |= CONN_F_EOF if n == 0 else CONN_F_ERROR
    return flow_source_ended(flow, src)


cdef flow_status_t _empty_pipe(flow_t* flow, conn_t* src, conn_t* dst) noexcept nogil:
    cdef uint32_t flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK
    cdef ssize_t n
    if not dst.flags & CONN_F_CAN_SEND:
        return FLOW_DST_ERROR if dst.flags & CONN_F_ERROR else FLOW_WAIT_SEND
    if not flow.is_done and flow.in_pipe == flow.pipe.size:
        # There is more at once only behind a full pipe: a tail held back for nothing waits 200 ms in the kernel.
        flags |= SPLICE_F_MORE
    while True:
        n = splice(flow.pipe.fd_read, NULL, dst.fd, NULL, flow.in_pipe, flags)
        if n >= 0 or errno != EINTR:
            break
    if n < 0 and errno == EAGAIN:
        dst.flags &= ~(<uint32_t> CONN_F_CAN_SEND)
        return FLOW_WAIT_SEND
    if n <= 0:
        dst.flags |= CONN_F_ERROR
        return FLOW_DST_ERROR
    dst.flags |= CONN_F_SENT
    flow.in_pipe -= <uint32_t> n
    flow.total += <uint64_t> n
    # A part taken is not yet EAGAIN: a pipe's pages may exceed what one call moves.
    return FLOW_FINISHED


cdef bint _wants_splice(worker_t* w, flow_t* flow, const conn_t* src, const conn_t* dst) noexcept nogil:
    """True when the next bytes go through a pipe (there is one then)."""
    if not flow.is_bulk or src.rx.len or body_opaque(&flow.body) < SPLICE_FROM:
        return False
    if src.transport != NULL or dst.transport != NULL:
        return False
    if flow.n_small >= SPLICE_PATIENCE:
        flow.n_small = 0
        flow.is_bulk = False
        flow_close(w, flow)
        return False
    if flow.pipe == NULL:
        flow.pipe = pipe_take(&w.pipes)
    return flow.pipe != NULL


cdef flow_status_t _receive(worker_t* w, flow_t* flow, conn_t* src) noexcept nogil:
    """Copies from src into its buffer, a large one once the transfer is known to be one."""
    cdef int n
    if flow.is_bulk and src.rx.area == NULL:
        src.flags |= CONN_F_BIG_RX
    n = conn_recv(src, 0)
    if n < 0:
        return flow_source_ended(flow, src)
    if n == 0:
        # A transport that received much and has nothing for the stream yet.
        return FLOW_YIELD if src.flags & CONN_F_CAN_RECV else FLOW_WAIT_RECV
    if src.flags & CONN_F_CAN_RECV and not src.flags & CONN_F_RDHUP:
        flow.is_bulk = True
    elif not src.flags & CONN_F_BIG_RX:
        flow.is_bulk = False
    return FLOW_FINISHED


cdef flow_status_t flow_run(worker_t* w, flow_t* flow, conn_t* src, conn_t* dst, bint may_splice) noexcept nogil:
    return _run(w, flow, src, dst, may_splice, TURN_BYTES)


cdef flow_status_t flow_run_some(worker_t* w, flow_t* flow, conn_t* src, conn_t* dst, uint64_t most) noexcept nogil:
    # What is held back shall not fill a large buffer meanwhile.
    flow.is_bulk = False
    return _run(w, flow, src, dst, False, most)


cdef flow_status_t _run(worker_t* w, flow_t* flow, conn_t* src, conn_t* dst, bint may_splice, uint64_t most) noexcept nogil:
    cdef flow_status_t status
    cdef uint64_t limit = flow.total + most
    while True:
        if dst.tx.len:
            if not conn_flush(dst):
                return FLOW_DST_ERROR
            if dst.tx.len:
                return FLOW_DST_ERROR if dst.flags & CONN_F_ERROR else FLOW_WAIT_SEND
        if flow.in_pipe:
            status = _empty_pipe(flow, src, dst)
            if status != FLOW_FINISHED:
                return status
            if flow.in_pipe:
                continue
        if flow.n_ready:
            if flow.total >= limit:
                return FLOW_YIELD
            status = _send_buffered(flow, src, dst, limit - flow.total)
            if status != FLOW_FINISHED:
                return status
            if flow.n_ready:
                return FLOW_YIELD
        if flow.is_done:
            flow_close(w, flow)
            return FLOW_FINISHED
        if flow.total >= limit and most:
            return FLOW_YIELD
        if src.rx.len:
            if not flow_peek(flow, src):
                return FLOW_BAD
            if flow.n_ready or flow.is_done:
                continue
        conn_trim(src)
        if not src.flags & CONN_F_CAN_RECV:
            return flow_source_ended(flow, src) if src.flags & (CONN_F_EOF | CONN_F_ERROR) else FLOW_WAIT_RECV
        if may_splice and _wants_splice(w, flow, src, dst):
            status = _fill_pipe(flow, src)
        else:
            status = _receive(w, flow, src)
        if status != FLOW_FINISHED or flow.is_done and not flow.in_pipe and not flow.n_ready:
            if status == FLOW_WAIT_RECV and flow.pipe != NULL:
                flow_close(w, flow)
            return status


cdef flow_status_t flow_discard(flow_t* flow, conn_t* src) noexcept nogil:
    cdef uint32_t left = TURN_BYTES
    cdef int n
    while True:
        if src.rx.len:
            if not flow_peek(flow, src):
                return FLOW_BAD
            buf_consume(&src.rx, flow.n_ready)
            flow.n_ready = 0
        if flow.is_done:
            return FLOW_FINISHED
        if left == 0:
            return FLOW_YIELD
        conn_trim(src)
        n = conn_recv(src, 0)
        if n < 0:
            return flow_source_ended(flow, src)
        if n == 0:
            return FLOW_WAIT_RECV
        left = left - <uint32_t> n if <uint32_t> n < left else 0
