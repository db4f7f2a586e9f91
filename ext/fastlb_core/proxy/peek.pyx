# Looking for a request: implementation.

from libc.string cimport memcpy, memset

from fastlb_core.base.buf cimport buf_data, buf_release, buf_take
from fastlb_core.http.h1 cimport H1_DONE, H1_ERROR, h1_init_request, h1_parse_head
from fastlb_core.http.message cimport msg_reset
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.sample cimport EVAL_O_NO_HTTP, EVAL_O_PEEKED


cdef void peek_request(peek_t* peek, stream_t* strm, eval_t* ev) noexcept nogil:
    cdef const conn_t* front = strm.front
    cdef int status
    memset(&peek.copy, 0, sizeof(peek.copy))
    if front.rx.len == 0 or not buf_take(&strm.w.loop.bufs, &peek.copy):
        return
    if front.rx.len > peek.copy.size:
        ev.options |= EVAL_O_NO_HTTP
        return
    memcpy(peek.copy.area, buf_data(&front.rx), front.rx.len)
    memset(&peek.parser, 0, sizeof(peek.parser))
    peek.msg.hdrs = strm.req_msg.hdrs
    peek.msg.max_hdrs = strm.req_msg.max_hdrs
    peek.msg.cap_hdrs = strm.req_msg.cap_hdrs
    msg_reset(&peek.msg, peek.copy.area, front.rx.len, 0)
    h1_init_request(&peek.parser, &peek.msg, 0)
    status = h1_parse_head(&peek.parser, front.rx.len)
    if status == H1_DONE:
        ev.req = &peek.msg
        ev.options |= EVAL_O_PEEKED
    elif status == H1_ERROR:
        ev.options |= EVAL_O_NO_HTTP


cdef void peek_end(peek_t* peek, worker_t* w) noexcept nogil:
    buf_release(&w.loop.bufs, &peek.copy)
