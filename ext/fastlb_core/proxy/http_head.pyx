# Sending a head: implementation.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_data, buf_release, buf_room, buf_tail, buf_take
from fastlb_core.http.head_out cimport HEAD_OUT_IOV, head_copy, head_out_t, head_slices
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.net.conn cimport CONN_F_CAN_SEND, CONN_F_CONNECTING, conn_flush, conn_keep, conn_sendv, conn_t
from fastlb_core.proxy.http_head cimport HEAD_FAILED, HEAD_NOT_YET, HEAD_SENT, HEAD_TOO_LARGE, head_status_t
from fastlb_core.proxy.stream cimport flow_t
from fastlb_core.sys.socket cimport iovec


cdef head_status_t _send_copied(conn_t* dst, const http_msg_t* msg) noexcept nogil:
    """A head in more slices than one call should carry; the body follows by itself."""
    cdef uint32_t n
    if dst.flags & CONN_F_CONNECTING:
        # Nothing was tried, so nothing has said EAGAIN: epoll tells when it stands.
        dst.flags &= ~(<uint32_t> CONN_F_CAN_SEND)
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


cdef inline uint32_t _add_slice(iovec* iov, uint32_t n, void* bytes, size_t length) noexcept nogil:
    """Appends a slice, to the last one where it continues it: an untouched head and its body are one."""
    if n and <char*> iov[n - 1].iov_base + iov[n - 1].iov_len == <char*> bytes:
        iov[n - 1].iov_len += length
        return n
    iov[n].iov_base = bytes
    iov[n].iov_len = length
    return n + 1


cdef head_status_t head_send(conn_t* dst, const http_msg_t* msg, flow_t* flow, conn_t* src) noexcept nogil:
    cdef head_out_t out
    cdef iovec iov[HEAD_OUT_IOV + 2]
    cdef uint32_t i, n = 0
    cdef uint64_t head = 0
    cdef int64_t sent
    if not head_slices(&out, msg):
        return _send_copied(dst, msg)
    if dst.tx.len:
        n = _add_slice(iov, n, buf_data(&dst.tx), dst.tx.len)
        head = dst.tx.len
    for i in range(out.n_iov):
        n = _add_slice(iov, n, out.iov[i].iov_base, out.iov[i].iov_len)
    head += out.len
    if flow.n_ready:
        n = _add_slice(iov, n, buf_data(&src.rx), flow.n_ready)
    sent = conn_sendv(dst, iov, n)
    if sent < 0:
        return HEAD_FAILED
    if sent == 0 and dst.flags & CONN_F_CONNECTING:
        return HEAD_NOT_YET
    dst.tx.len = 0
    if <uint64_t> sent < head:
        return HEAD_SENT if conn_keep(dst, iov, n, <uint64_t> sent, head) else HEAD_TOO_LARGE
    buf_release(&dst.loop.bufs, &dst.tx)
    _body_left(flow, src, <uint32_t> (<uint64_t> sent - head))
    return HEAD_SENT
