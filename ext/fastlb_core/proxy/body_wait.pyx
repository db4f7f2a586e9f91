# Waiting for bodies: implementation.

from libc.stdint cimport int64_t, uint32_t

from fastlb_core.base.buf cimport buf_data
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.h1_body cimport BODY_DONE, BODY_ERROR, body_eof, body_is_done, body_read, body_start, body_t
from fastlb_core.http.message cimport BODY_NONE, HDR_EXPECT, MSG_F_EXPECT_100, http_msg_t, msg_hdr_del_all
from fastlb_core.net.conn cimport CONN_F_CAN_RECV, CONN_F_EOF, CONN_F_ERROR, conn_poll, conn_recv, conn_send, conn_t
from fastlb_core.proxy.reply cimport reply_counted_page
from fastlb_core.proxy.stream cimport STRM_F_RULE_WAIT, STRM_F_TIMEOUT, stream_set_timer, stream_stop_timer, stream_t


cdef bint rule_waits(stream_t* strm, conn_t* conn, int64_t wait_ms) noexcept nogil:
    if not strm.flags & STRM_F_RULE_WAIT:
        if wait_ms <= 0 or not conn_poll(conn):
            return False
        strm.flags |= STRM_F_RULE_WAIT
        strm.flags &= ~(<uint32_t> STRM_F_TIMEOUT)
        stream_set_timer(strm, <uint32_t> wait_ms if wait_ms < 0x7fffffff else 0x7fffffff)
        return True
    return not strm.flags & STRM_F_TIMEOUT


cdef void rule_waited(stream_t* strm) noexcept nogil:
    if strm.flags & STRM_F_RULE_WAIT:
        stream_stop_timer(strm)
        strm.flags &= ~(<uint32_t> (STRM_F_RULE_WAIT | STRM_F_TIMEOUT))


cdef body_wait_t _look(const stream_t* strm, const conn_t* conn, const http_msg_t* msg, uint32_t least) noexcept nogil:
    """What stands behind the head, read by a reader of its own: the bytes are not taken."""
    cdef uint32_t length = conn.rx.len - msg.head_len
    cdef uint32_t taken = 0
    cdef int status
    cdef body_t body
    body_start(&body, msg)
    if body_is_done(&body):
        return BODY_R_THERE
    if length:
        status = body_read(&body, buf_data(&conn.rx) + msg.head_len, length, &taken)
        if status == BODY_DONE:
            return BODY_R_THERE
        if status == BODY_ERROR:
            return BODY_R_BROKEN
    if least and length >= least or conn.rx.len >= conn.rx.size - strm.w.program.maxrewrite:
        return BODY_R_THERE
    if conn.flags & CONN_F_ERROR:
        return BODY_R_CUT
    if conn.flags & CONN_F_EOF:
        return BODY_R_THERE if body_eof(&body) == BODY_DONE else BODY_R_CUT
    return BODY_R_WAIT


cdef void _continue(stream_t* strm) noexcept nogil:
    """haproxy: says 100-continue itself, be the body there or not: the server will only see the request with its body."""
    cdef slice_t interim = slice_of(b"HTTP/1.1 100 Continue\r\n\r\n", 25)
    if strm.req_msg.flags & MSG_F_EXPECT_100:
        if strm.front.tx.len == 0:
            conn_send(strm.front, interim.ptr, interim.len)
        strm.bytes_out += reply_counted_page(interim)
        strm.req_msg.flags &= ~(<uint32_t> MSG_F_EXPECT_100)
        msg_hdr_del_all(&strm.req_msg, HDR_EXPECT)


cdef body_wait_t body_await(stream_t* strm, bint is_answer, int64_t wait_ms, uint32_t least) noexcept nogil:
    cdef conn_t* conn = strm.back if is_answer else strm.front
    cdef const http_msg_t* msg = &strm.res_msg if is_answer else &strm.req_msg
    cdef body_wait_t found
    if not is_answer and msg.body != BODY_NONE:
        _continue(strm)
    while True:
        found = _look(strm, conn, msg, least)
        if found == BODY_R_WAIT and conn_recv(conn, strm.w.program.maxrewrite) != 0:
            continue
        if found == BODY_R_WAIT and conn.flags & CONN_F_CAN_RECV:
            # What a transport holds finds no room in what is left of the buffer.
            found = BODY_R_THERE
        if found == BODY_R_WAIT:
            if rule_waits(strm, conn, wait_ms):
                return BODY_R_WAIT
            found = BODY_R_LATE
        rule_waited(strm)
        return found
