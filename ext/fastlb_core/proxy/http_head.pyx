# Sending a head: implementation.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_data, buf_release, buf_room, buf_tail, buf_take
from fastlb_core.http.head_out cimport HEAD_OUT_IOV, head_copy, head_out_t, head_slices
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.net.conn cimport CONN_F_CONNECTING, CONN_F_ERROR, conn_flush, conn_keep, conn_sendv, conn_t
from fastlb_core.proxy.http_head cimport HEAD_FAILED, HEAD_NOT_YET, HEAD_SENT, HEAD_TOO_LARGE, head_status_t
from fastlb_core.proxy.stream cimport flow_t
from fastlb_core.sys.socket cimport iovec


cdef head_status_t _send_copied(conn_t* dst, const http_msg_t* msg) noexcept nogil:
    """A head in more slices than one call should carry; the body follows by itself."""
    cdef uint32_t n
    if dst.flags & CONN_F_CONNECTING:
        return HEAD_NOT_YET
    if not buf_take(&dst.loop.bufs, &dst.tx):
        return HEAD_TOO_LARGE
    n = head_copy(msg, buf_tail(&dst.tx), buf_room(&dst.tx))
    if n == 0:
        return HEAD_TOO_LARGE
    dst.tx.len += n
    return HEAD_SENT if conn_flush(dst) else HEAD_FAILED


cdef void _body_left(flow_t* flow, conn_t* src, uint32_t n) noexcept nogil:
    flow.n_ready -= n
    flow.total += n
    src.rx.head += n
    src.rx.len -= n


cdef head_status_t head_send(conn_t* dst, const http_msg_t* msg, flow_t* flow, conn_t* src) noexcept nogil:
    cdef head_out_t out
    cdef iovec iov[HEAD_OUT_IOV + 2]
    cdef uint32_t i, n = 0, n_head
    cdef uint64_t head = 0
    cdef int64_t sent
    if not head_slices(&out, msg):
        return _send_copied(dst, msg)
    if dst.tx.len:
        iov[0].iov_base = buf_data(&dst.tx)
        iov[0].iov_len = dst.tx.len
        head = dst.tx.len
        n = 1
    for i in range(out.n_iov):
        iov[n] = out.iov[i]
        n += 1
    head += out.len
    n_head = n
    if flow.n_ready:
        iov[n].iov_base = buf_data(&src.rx)
        iov[n].iov_len = flow.n_ready
        n += 1
    sent = conn_sendv(dst, iov, n)
    if sent < 0:
        return HEAD_FAILED
    if sent == 0:
        return HEAD_NOT_YET
    dst.tx.len = 0
    if <uint64_t> sent < head:
        return HEAD_SENT if conn_keep(dst, iov, n_head, <uint64_t> sent) else HEAD_TOO_LARGE
    buf_release(&dst.loop.bufs, &dst.tx)
    _body_left(flow, src, <uint32_t> (<uint64_t> sent - head))
    return HEAD_SENT
