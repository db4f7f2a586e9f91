# HTTP streams' ends: implementation.

from libc.stdint cimport uint32_t

from fastlb_core.base.buf cimport buf_consume
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport METHOD_HEAD, MSG_F_EXPECT_100
from fastlb_core.net.conn cimport (
    CONN_F_CAN_RECV, CONN_F_ERROR, conn_close, conn_flush, conn_poll, conn_set_timer, conn_t,
)
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t
from fastlb_core.proxy.after_rules cimport after_rules_free, after_rules_run, after_rules_wanted, edited_t
from fastlb_core.proxy.answer cimport answer_make
from fastlb_core.proxy.backend cimport back_finish
from fastlb_core.proxy.capture cimport capture_request_cookie
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.forward cimport FLOW_FINISHED, FLOW_WAIT_RECV, FLOW_YIELD, flow_discard, flow_status_t
from fastlb_core.proxy.front cimport front_idle, front_linger
from fastlb_core.proxy.packed cimport packed_is_done
from fastlb_core.proxy.persist cimport persist_request
from fastlb_core.proxy.reply cimport (
    reply_answer, reply_has_length, reply_head_len, reply_page, reply_rule_page, reply_send,
)
from fastlb_core.proxy.stream cimport (
    STRM_F_BAD_REQUEST, STRM_F_CLOSE_BACK, STRM_F_CLOSE_FRONT, STRM_F_FRONT_TIMEOUT, STRM_F_HEAD_ASKED, STRM_F_OWN_PAGE,
    STRM_F_REPLY, STRM_F_REPLY_WAIT, STRM_F_REQ_SENT, TIMEOUT_CLIENT, stream_end, stream_kill, stream_set_term, stream_t,
    stream_timeout, stream_wake,
)
from fastlb_core.proxy.stream_http cimport HTTP_S_REPLY
from fastlb_core.proxy.worker cimport worker_t


cdef void http_abort(stream_t* strm, char err, char state) noexcept nogil:
    stream_set_term(strm, err, state)
    stream_kill(strm)


cdef void http_finish(stream_t* strm) noexcept nogil:
    cdef worker_t* w = strm.w
    cdef conn_t* front = strm.front
    cdef bint is_request_done = strm.req.is_done and strm.req.n_ready == 0
    cdef bint close_front = bool(strm.flags & STRM_F_CLOSE_FRONT) or not is_request_done
    # A server that answered before it was sent the whole request would take the next one for the rest.
    back_finish(strm, not strm.flags & STRM_F_CLOSE_BACK and is_request_done and strm.req.in_pipe == 0
                and (strm.req_packer == NULL or packed_is_done(strm.req_packer)))
    stream_end(strm)
    if not close_front:
        front_idle(w, front)
    elif strm.flags & STRM_F_REPLY or front.rx.len or front.flags & CONN_F_CAN_RECV or not is_request_done:
        front_linger(w, front)
    else:
        conn_close(front)


cdef void _page_of(stream_t* strm, int status, slice_t* page) noexcept nogil:
    """The page for a status; what `http-error` makes is as good as a rule's own."""
    cdef const arg_t* args = reply_answer(strm, status)
    cdef eval_t ev
    if args != NULL:
        eval_stream(&ev, strm, EVAL_O_FINAL)
        if answer_make(&ev, args, page) and page.ptr != NULL:
            strm.flags |= STRM_F_OWN_PAGE
            return
    page[0] = reply_page(strm, status)


cdef void http_reply(stream_t* strm, int status, char err, char state) noexcept nogil:
    cdef slice_t page
    _page_of(strm, status, &page)
    _reply(strm, status, page, err, state)


cdef void http_reply_page(stream_t* strm, int status, slice_t page, char err, char state) noexcept nogil:
    strm.flags |= STRM_F_OWN_PAGE
    _reply(strm, status, page, err, state)


cdef void http_refuse(stream_t* strm, int status, char err, char state) noexcept nogil:
    http_reply_page(strm, status, reply_rule_page(strm, status), err, state)


cdef void http_reply_failed(stream_t* strm, char err, char state) noexcept nogil:
    cdef slice_t page
    _begin_reply(strm, 500, err, state)
    _page_of(strm, 500, &page)
    _send(strm, page, False)


cdef inline bint _has_end(int status, slice_t head) noexcept nogil:
    """The client can tell where the answer ends (RFC 9112 6.3)."""
    return status == 204 or status == 304 or reply_has_length(head)


cdef void _begin_reply(stream_t* strm, int status, char err, char state) noexcept nogil:
    if err != b'-':
        stream_set_term(strm, err, state)
    strm.status = <unsigned short> status
    if strm.req_msg.head_len and not strm.flags & (STRM_F_REQ_SENT | STRM_F_BAD_REQUEST):
        capture_request_cookie(strm)
        if err == b'P':
            # haproxy: what was refused is logged with its cookie's letter, what a rule answered is not.
            persist_request(strm)
        strm.flags |= STRM_F_REQ_SENT
        if not strm.bytes_in:
            # haproxy: a request that no server sees has come all the same.
            strm.bytes_in = strm.counted_head
        strm.front.rx.head += strm.req_msg.head_len
        strm.front.rx.len -= strm.req_msg.head_len
    if strm.req.is_done and strm.req.n_ready:
        buf_consume(&strm.front.rx, strm.req.n_ready)
        strm.req.n_ready = 0
    if strm.flags & STRM_F_BAD_REQUEST or not strm.req.is_open or strm.req_msg.flags & MSG_F_EXPECT_100 and not strm.req.is_done:
        # What follows on the connection cannot be told from this request's rest.
        strm.flags |= STRM_F_CLOSE_FRONT
    strm.flags |= STRM_F_REPLY
    strm.state = HTTP_S_REPLY
    back_finish(strm, False)


cdef void _reply(stream_t* strm, int status, slice_t page, char err, char state) noexcept nogil:
    _begin_reply(strm, status, err, state)
    # haproxy: what is refused before it is a request never meets a rule.
    _send(strm, page, not strm.flags & STRM_F_BAD_REQUEST and after_rules_wanted(strm))


cdef bint _put(stream_t* strm, slice_t head, slice_t body) noexcept nogil:
    if not _has_end(strm.status, head):
        strm.flags |= STRM_F_CLOSE_FRONT
    if strm.req_msg.method == METHOD_HEAD or strm.flags & STRM_F_HEAD_ASKED:
        body.len = 0
    return reply_send(strm, head, body)


cdef void _send(stream_t* strm, slice_t page, bint runs_rules) noexcept nogil:
    cdef edited_t edited
    cdef uint32_t length
    cdef slice_t head
    cdef bint is_sent = False
    edited.area = NULL
    edited.out = NULL
    if not strm.front.flags & CONN_F_ERROR and page.ptr != NULL:
        length = reply_head_len(page)
        head = slice_of(page.ptr, length)
        if runs_rules and not after_rules_run(strm, &head, &edited):
            # haproxy: 500 that no rule sees any more.
            strm.status = 500
            strm.flags &= ~(<uint32_t> STRM_F_OWN_PAGE)
            _page_of(strm, 500, &page)
            length = reply_head_len(page)
            head = slice_of(page.ptr, length)
        is_sent = _put(strm, head, slice_of(page.ptr + length, page.len - length))
        after_rules_free(strm, &edited)
    if is_sent:
        http_reply_run(strm)
    else:
        stream_kill(strm)


cdef bint _discard_request(stream_t* strm) noexcept nogil:
    """The answer has left before the request's body was there: it is read and thrown away, then the connection goes on."""
    cdef conn_t* front = strm.front
    cdef flow_status_t status = flow_discard(&strm.req, front)
    if status == FLOW_YIELD:
        stream_wake(strm)
        return False
    if status != FLOW_FINISHED and status != FLOW_WAIT_RECV or strm.flags & STRM_F_FRONT_TIMEOUT or not conn_poll(front):
        strm.flags |= STRM_F_CLOSE_FRONT
    elif status == FLOW_WAIT_RECV:
        conn_set_timer(front, stream_timeout(strm, TIMEOUT_CLIENT, strm.fe.t_client))
        return False
    http_finish(strm)
    return True


cdef bint http_reply_run(stream_t* strm) noexcept nogil:
    cdef conn_t* front = strm.front
    if not conn_flush(front) or front.flags & CONN_F_ERROR:
        stream_kill(strm)
        return True
    if front.tx.len:
        if strm.flags & STRM_F_REPLY_WAIT and strm.flags & STRM_F_FRONT_TIMEOUT:
            stream_kill(strm)
            return True
        strm.flags |= STRM_F_REPLY_WAIT
        strm.flags &= ~(<uint32_t> STRM_F_FRONT_TIMEOUT)
        conn_set_timer(front, stream_timeout(strm, TIMEOUT_CLIENT, strm.fe.t_client))
        if not conn_poll(front):
            stream_kill(strm)
            return True
        return False
    if strm.req.is_done or strm.flags & STRM_F_CLOSE_FRONT:
        http_finish(strm)
        return True
    return _discard_request(strm)
