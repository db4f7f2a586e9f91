# HTTP/1 streams: the request's half, and the dispatcher of both.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.buf cimport buf_data, buf_move, buf_realign
from fastlb_core.base.rate cimport rate_add
from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t
from fastlb_core.http.h1 cimport H1_DONE, H1_ERROR, H1_F_RELAXED, h1_head_too_large, h1_init_request, h1_parse_head
from fastlb_core.http.h1_body cimport body_is_done, body_start
from fastlb_core.http.message cimport (
    BODY_NONE, METHOD_DELETE, METHOD_GET, METHOD_HEAD, METHOD_OPTIONS, METHOD_PUT, METHOD_TRACE, MSG_F_KEEP_ALIVE, http_msg_t,
    msg_find_name, msg_hdr_append, msg_hdr_del, msg_reset, msg_target, msg_widen,
)
from fastlb_core.http.packer cimport packer_give
from fastlb_core.http.uri cimport uri_path_query
from fastlb_core.http.rewrite cimport add_forwarded_for, request_hop_by_hop
from fastlb_core.net.conn cimport (
    CONN_F_BIG_RX, CONN_F_ERROR, CONN_F_RDHUP, CONN_F_REUSED, conn_ops_t, conn_poll, conn_recv, conn_set_timer,
    conn_stop_timer, conn_t, conn_trim,
)
from fastlb_core.program.program cimport (
    HTTP_MODE_CLOSE, HTTP_MODE_KEEP_ALIVE, LOG_S_REQUEST, PX_H_DROP_REQ_TRAILERS, PX_H_UNSAFE_REQUEST, PX_O_ABORTONCLOSE,
    PX_MODE_HTTP, PX_O_PRETEND_KA, PX_O_WAITS_BODY, RETRY_CONN_FAILURE, px_t,
)
from fastlb_core.program.rules cimport RULES_MONITOR_FAIL, RULES_STICK, px_rules
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t
from fastlb_core.proxy.answer cimport head_add, head_add_number, head_close, head_open, head_t, head_text
from fastlb_core.proxy.backend cimport (
    BACK_R_FAILED, BACK_R_INTERNAL, BACK_R_NOWHERE, BACK_R_REDIRECT, BACK_R_TRY, back_advance, back_connected, back_result_t,
    back_retry, back_start,
)
from fastlb_core.proxy.bad_message cimport bad_request_note
from fastlb_core.proxy.capture cimport capture_request, capture_request_cookie
from fastlb_core.proxy.compress cimport compress_body, compress_request
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.fcgi cimport fcgi_send
from fastlb_core.proxy.filters cimport filters_head
from fastlb_core.proxy.forward cimport flow_peek
from fastlb_core.proxy.http_edits cimport add_addresses, client_address, edit_for_server
from fastlb_core.proxy.http_end cimport http_abort, http_reply, http_reply_page, http_reply_run
from fastlb_core.proxy.http_head cimport HEAD_FAILED, HEAD_REFUSED, HEAD_SENT, HEAD_TOO_LARGE, head_send, head_status_t
from fastlb_core.proxy.http_response cimport response_data, response_init, response_wait
from fastlb_core.proxy.http_rules cimport RULES_R_ENDED, RULES_R_GO, request_rules, rules_result_t
from fastlb_core.proxy.packed cimport packed_drop_trailers
from fastlb_core.proxy.persist cimport persist_request
from fastlb_core.proxy.stream cimport (
    BACK_CONNECTING, BACK_QUEUED, STRM_F_BACK_TIMEOUT, STRM_F_BAD_REQUEST, STRM_F_CLOSE_FRONT, STRM_F_ENDED,
    STRM_F_FRONT_TIMEOUT, STRM_F_INTERNAL, STRM_F_NO_LOG, STRM_F_REQ_SENT, STRM_F_RETAINED, STRM_F_RETRYABLE, fe_counters,
    flow_t, srv_slot, stream_is_last, stream_ops_t, stream_process, stream_set_term, stream_t,
)
from fastlb_core.proxy.reply cimport reply_counted_head
from fastlb_core.proxy.stream_http cimport (
    HTTP_S_BACKEND, HTTP_S_DATA, HTTP_S_REQUEST, HTTP_S_RESPONSE, HTTP_S_RULES, HTTP_S_TUNNEL,
)
from fastlb_core.proxy.stream_tcp cimport tunnel_run
from fastlb_core.proxy.stick_rules cimport stick_find_server
from fastlb_core.proxy.stream_log cimport stream_passes
from fastlb_core.proxy.tracking cimport tracking_error, tracking_request
from fastlb_core.proxy.unique_id cimport unique_id_add_header
from fastlb_core.proxy.use_server cimport rule_that_holds
from fastlb_core.proxy.worker cimport worker_t

cdef enum:
    LOG_METHOD_MAX = 64

cdef stream_ops_t http_ops
cdef conn_ops_t back_ops


cdef const stream_ops_t* http_stream_ops() noexcept nogil:
    return &http_ops


cdef void _back_io(conn_t* back) noexcept nogil:
    stream_process(<stream_t*> back.owner)


cdef void _back_timer(conn_t* back) noexcept nogil:
    cdef stream_t* strm = <stream_t*> back.owner
    strm.flags |= STRM_F_BACK_TIMEOUT
    stream_process(strm)


# -- the head

cdef bint _begin_message(stream_t* strm) noexcept nogil:
    """Makes the edit room behind the bytes that are there: tune.maxrewrite bytes of the buffer that no receive may fill."""
    cdef conn_t* front = strm.front
    cdef uint32_t reserve = strm.w.program.maxrewrite
    buf_realign(&front.rx)
    if front.rx.len > front.rx.size - reserve and not front.flags & CONN_F_BIG_RX:
        # Pipelined requests behind a body that was received to the buffer's end.
        if not buf_move(&strm.w.loop.big_bufs, &strm.w.loop.bufs, &front.rx):
            return False
        front.flags |= CONN_F_BIG_RX
    msg_reset(&strm.req_msg, buf_data(&front.rx), front.rx.size - reserve, reserve)
    h1_init_request(&strm.parser, &strm.req_msg, strm.w.program.h1_flags
                    | (H1_F_RELAXED if strm.fe.http_options & PX_H_UNSAFE_REQUEST else 0))
    return True


cdef void _track_bad(stream_t* strm, int status) noexcept nogil:
    """One that was complete has been counted as a request. haproxy: one that came too late is no error."""
    if not strm.t_request:
        tracking_request(strm)
    if status != 408:
        tracking_error(strm)


cdef void _refuse(stream_t* strm, int status, char err) noexcept nogil:
    strm.flags |= STRM_F_BAD_REQUEST
    fe_counters(strm).failed_req += 1
    fe_counters(strm).cum_req += 1
    _track_bad(strm, status)
    http_reply(strm, status, err, b'R')


cdef void _incomplete(stream_t* strm) noexcept nogil:
    """No more bytes come, or not in time: HAProxy's 408 and 400."""
    if strm.flags & STRM_F_FRONT_TIMEOUT:
        _refuse(strm, 408, b'c')
    elif strm.front.flags & CONN_F_ERROR:
        strm.flags |= STRM_F_BAD_REQUEST
        strm.status = 400
        fe_counters(strm).failed_req += 1
        _track_bad(strm, 400)
        http_abort(strm, b'C', b'R')
    else:
        _refuse(strm, 400, b'C')


cdef bint _parse_head(stream_t* strm) noexcept nogil:
    """Parses what has been received. True when the state has changed."""
    cdef conn_t* front = strm.front
    cdef int status
    if strm.req_msg.area == NULL and not _begin_message(strm):
        http_abort(strm, b'R', b'R')
        return True
    strm.req_msg.area = buf_data(&front.rx)
    status = h1_parse_head(&strm.parser, front.rx.len)
    if status == H1_DONE:
        return _request_complete(strm)
    if status == H1_ERROR:
        bad_request_note(strm)
        _refuse(strm, strm.parser.err_status, b'P')
        return True
    if front.rx.len >= front.rx.size - strm.w.program.maxrewrite:
        status = h1_head_too_large(&strm.parser)
        bad_request_note(strm)
        _refuse(strm, status, b'P')
        return True
    return False


cdef bint _read_head(stream_t* strm) noexcept nogil:
    """True when the state has changed."""
    cdef conn_t* front = strm.front
    cdef uint32_t wait_ms = strm.fe.t_http_request if strm.fe.t_http_request else strm.fe.t_client
    cdef uint64_t waited
    cdef int received = 1
    while received:
        if front.rx.len and _parse_head(strm):
            return True
        if strm.flags & STRM_F_FRONT_TIMEOUT:
            _incomplete(strm)
            return True
        received = conn_recv(front, strm.w.program.maxrewrite)
        if received < 0:
            _incomplete(strm)
            return True
    waited = strm.w.loop.now_ms - strm.t_start
    if wait_ms and not front.timer.armed:
        conn_set_timer(front, wait_ms - <uint32_t> waited if waited < wait_ms else 1)
    if not conn_poll(front):
        http_abort(strm, b'R', b'R')
    return False


# -- the request is complete

cdef inline uint32_t _least(uint32_t a, uint32_t b, uint32_t c) noexcept nogil:
    a = a if a < b else b
    return a if a < c else c


cdef void _save_log_line(stream_t* strm) noexcept nogil:
    """The request line for the log, whose buffer is reused before the log line is written; cut as haproxy cuts it."""
    cdef http_msg_t* msg = &strm.req_msg
    cdef uint32_t room = strm.w.program.logurilen
    cdef uint32_t method = _least(msg.method_len, LOG_METHOD_MAX, room)
    cdef uint32_t target, version
    room -= method + 1 if room > method else room
    target = msg.target_len if msg.target_len < room else room
    room -= target
    version = 0 if room == 0 else room - 1 if room - 1 < msg.version_len else msg.version_len
    memcpy(strm.log_line, msg.area + msg.method_off, method)
    memcpy(strm.log_line + method, msg.area + msg.target_off, target)
    memcpy(strm.log_line + method + target, msg.area + msg.version_off, version)
    strm.log_method_len = <uint8_t> method
    strm.log_version_len = <uint8_t> version
    strm.log_line_len = method + target + version


cdef void _delete_header(http_msg_t* msg, slice_t name) noexcept nogil:
    cdef int i = msg_find_name(msg, name, 0)
    while i >= 0:
        msg_hdr_del(msg, i)
        i = msg_find_name(msg, name, i + 1)


cdef uint32_t _format_decimal(char* end, uint32_t value) noexcept nogil:
    """Writes the digits so that they end before `end`; returns how many there are."""
    cdef uint32_t n = 0
    while True:
        n += 1
        end[-<int> n] = <char> (48 + value % 10)
        value //= 10
        if value == 0:
            return n


cdef bint _add_internal_headers(stream_t* strm) noexcept nogil:
    """Tells control's service whose request this is; what a client sent under these names is dropped."""
    cdef http_msg_t* msg = &strm.req_msg
    cdef slice_t index_name = slice_of(b"x-fastlb-proxy", 14)
    cdef slice_t client_name = slice_of(b"x-fastlb-client", 15)
    cdef slice_t service_name = slice_of(b"x-fastlb-service", 16)
    cdef char digits[12]
    cdef uint32_t n
    cdef int family = 0
    cdef const uint8_t* address = client_address(strm, &family)
    _delete_header(msg, index_name)
    _delete_header(msg, client_name)
    _delete_header(msg, service_name)
    n = _format_decimal(digits + 12, strm.next_be.index)
    if not msg_hdr_append(msg, index_name, slice_of(digits + 12 - n, n)):
        return False
    n = _format_decimal(digits + 12, strm.service)
    if not msg_hdr_append(msg, service_name, slice_of(digits + 12 - n, n)):
        return False
    return address == NULL or add_forwarded_for(msg, client_name, family, address)


cdef inline bint _is_server_kept(const stream_t* strm) noexcept nogil:
    """As far as the server is told."""
    return strm.fe.http_mode == HTTP_MODE_KEEP_ALIVE and strm.be.http_mode == HTTP_MODE_KEEP_ALIVE \
        or strm.be.options & PX_O_PRETEND_KA


cdef bint _prepare(stream_t* strm, px_t* be) noexcept nogil:
    """Backend and edits. True: the state has changed."""
    back_start(strm, be)
    if strm.fe.compression != NULL or be.compression != NULL:
        compress_request(strm)
        compress_body(strm)
    if be.http_options & PX_H_DROP_REQ_TRAILERS and not packed_drop_trailers(strm, False):
        http_reply(strm, 500, b'R', b'R')
        return True
    capture_request_cookie(strm)
    if be.persist != NULL or strm.wanted_srv != NULL:
        persist_request(strm)
    if px_rules(be, RULES_STICK) != NULL:
        stick_find_server(strm)
    if not unique_id_add_header(strm) or \
            not (_add_internal_headers(strm) if strm.flags & STRM_F_INTERNAL else add_addresses(strm)) or \
            not request_hop_by_hop(&strm.req_msg, _is_server_kept(strm)):
        http_reply(strm, 500, b'P', b'R')
        return True
    strm.bytes_in += strm.counted_head
    strm.state = HTTP_S_BACKEND
    return True


cdef bint _request_complete(stream_t* strm) noexcept nogil:
    cdef px_t* fe = strm.fe
    cdef worker_t* w = strm.w
    cdef slice_t target = msg_target(&strm.req_msg)
    strm.t_request = w.loop.now_ms
    conn_stop_timer(strm.front)
    fe_counters(strm).cum_req += 1
    rate_add(&fe_counters(strm).req_rate, w.loop.second, 1)
    _save_log_line(strm)
    if fe.n_captures_req:
        capture_request(strm)
    strm.counted_head = <uint32_t> reply_counted_head(&strm.req_msg)
    if strm.trackers != NULL:
        tracking_request(strm)
        strm.head_in = strm.counted_head
    body_start(&strm.req.body, &strm.req_msg)
    strm.req.is_open = True
    strm.req.is_done = body_is_done(&strm.req.body)
    if not strm.req_msg.flags & MSG_F_KEEP_ALIVE or fe.http_mode == HTTP_MODE_CLOSE or \
            stream_is_last(strm, strm.req_msg.head_len):
        strm.flags |= STRM_F_CLOSE_FRONT
    if fe.monitor_uri.len and slice_eq(target, fe.monitor_uri.ptr, fe.monitor_uri.len):
        fe_counters(strm).intercepted += 1
        strm.flags |= STRM_F_NO_LOG
        http_reply(strm, 503 if rule_that_holds(strm, fe, RULES_MONITOR_FAIL) != NULL else 200, b'L', b'R')
        return True
    if not fe.options & PX_O_WAITS_BODY:
        msg_widen(&strm.req_msg, strm.front.rx.len)
    stream_passes(strm, LOG_S_REQUEST)
    # strm.phase is PHASE_FE_TCP, or behind the content rules where a TCP stream was upgraded.
    strm.state = HTTP_S_RULES
    return True


cdef bint _apply_rules(stream_t* strm) noexcept nogil:
    """HTTP_S_RULES. True when the state has changed."""
    cdef rules_result_t result
    if strm.front.flags & CONN_F_ERROR:
        http_abort(strm, b'C', b'R')
        return True
    result = request_rules(strm)
    if result != RULES_R_GO:
        return result == RULES_R_ENDED
    if strm.flags & STRM_F_INTERNAL:
        fe_counters(strm).intercepted += 1
        stream_set_term(strm, b'L', b'R')
        return _prepare(strm, strm.next_be)
    if strm.next_be == NULL:
        http_reply(strm, 503, b'S', b'C')
        return True
    if strm.next_be.mode != PX_MODE_HTTP:
        # haproxy: what was switched to HTTP, or was sent there by a name made at run time, cannot be TCP (manual, "switch-mode").
        http_abort(strm, b'I', b'R')
        return True
    if strm.next_be.http_mode == HTTP_MODE_CLOSE:
        strm.flags |= STRM_F_CLOSE_FRONT
    return _prepare(strm, strm.next_be)


# -- towards the server

cdef bint _may_be_resent(const stream_t* strm) noexcept nogil:
    """RFC 9110 9.2.2: only idempotent requests are repeated by a proxy; and only one that is whole in its buffer can be."""
    cdef uint8_t m = strm.req_msg.method
    return strm.req_msg.body == BODY_NONE and (m == METHOD_GET or m == METHOD_HEAD or m == METHOD_OPTIONS or m == METHOD_PUT
                                               or m == METHOD_DELETE or m == METHOD_TRACE)


cdef void _take_head(stream_t* strm) noexcept nogil:
    """The head is no longer the buffer's business: what follows it are body bytes."""
    strm.front.rx.head += strm.req_msg.head_len
    strm.front.rx.len -= strm.req_msg.head_len


cdef void _note_whole_request(stream_t* strm) noexcept nogil:
    """`retry-on`: a request that is whole in its buffer is kept there until its answer is accepted."""
    if strm.be.retry_on & ~(<uint32_t> RETRY_CONN_FAILURE) and strm.req.is_done and not strm.flags & STRM_F_INTERNAL:
        strm.flags |= STRM_F_RETRYABLE
        strm.kept_at = strm.front.rx.head
        strm.kept_len = strm.req.n_ready


cdef bint _not_sent(stream_t* strm, head_status_t status) noexcept nogil:
    """Nothing of the head left. True: look again."""
    if status == HEAD_TOO_LARGE:
        http_reply(strm, 500, b'I', b'C')
        return True
    if status == HEAD_REFUSED or strm.back_state == BACK_CONNECTING:
        return True
    if status != HEAD_FAILED:
        return False
    if strm.back.flags & CONN_F_REUSED:
        # A kept connection that the server has closed: not a byte was sent, so any request may go again.
        back_retry(strm)
    else:
        # A new one that was reset at once: the answer's half finds out what to say.
        strm.state = HTTP_S_RESPONSE
        response_init(strm)
    return True


cdef bint _send_head(stream_t* strm) noexcept nogil:
    """Head, and what is there of the body, in one call. True: look again."""
    cdef conn_t* front = strm.front
    cdef head_status_t status
    cdef uint64_t before = strm.req.total
    cdef flow_t nothing
    cdef bint goes_alone = strm.filters != NULL or strm.req_packer != NULL
    if not strm.flags & STRM_F_REQ_SENT:
        strm.flags |= STRM_F_REQ_SENT
        _take_head(strm)
        if strm.back.fcgi != NULL and strm.req_packer != NULL:
            # Records have no trailers that it could drop.
            packer_give(&strm.w.packers, strm.req_packer)
            strm.req_packer = NULL
        if strm.req_packer == NULL and not flow_peek(&strm.req, front):
            _refuse(strm, 400, b'P')
            return True
        _note_whole_request(strm)
        if strm.filters != NULL:
            filters_head(strm, False)
    if not edit_for_server(strm):
        status = HEAD_TOO_LARGE
    elif strm.back.fcgi != NULL:
        # What is there of the body leaves with the parameters, also where a filter counts or limits the rest.
        status = fcgi_send(strm)
    else:
        nothing.n_ready = 0
        status = head_send(strm.back, &strm.req_msg, &nothing if goes_alone else &strm.req, front)
    if status != HEAD_SENT:
        return _not_sent(strm, status)
    if strm.back_state == BACK_CONNECTING:
        back_connected(strm)
    strm.bytes_in += strm.req.total - before
    strm.has_asked = True
    if strm.back.flags & CONN_F_REUSED and _may_be_resent(strm):
        strm.flags |= STRM_F_RETAINED
    elif not strm.flags & STRM_F_RETRYABLE:
        conn_trim(front)
    strm.state = HTTP_S_RESPONSE
    response_init(strm)
    return True


cdef bint _is_client_gone(stream_t* strm) noexcept nogil:
    if strm.front.flags & CONN_F_ERROR:
        return True
    return bool(strm.front.flags & CONN_F_RDHUP) and bool((strm.fe.options | strm.be.options) & PX_O_ABORTONCLOSE)


cdef void _redirect(stream_t* strm) noexcept nogil:
    """`redir`: the client is to ask the server's own address (manual, section 5.2)."""
    cdef eval_t ev
    cdef head_t head
    cdef slice_t page
    srv_slot(strm).cum_sess += 1
    strm.flags |= STRM_F_CLOSE_FRONT
    eval_stream(&ev, strm, EVAL_O_FINAL)
    if head_open(&ev, &head, 302) and head_add(&head, slice_of(b"cache-control", 13), slice_of(b"no-cache", 8)) \
            and head_add_number(&head, slice_of(b"content-length", 14), 0) \
            and head_text(&head, slice_of(b"location: ", 10)) and head_text(&head, strm.srv.redir) \
            and head_text(&head, uri_path_query(msg_target(&strm.req_msg))) and head_text(&head, slice_of(b"\r\n", 2)) \
            and head_add(&head, slice_of(b"connection", 10), slice_of(b"close", 5)) \
            and head_close(&ev, &head, slice_of(b"", 0), &page):
        http_reply_page(strm, 302, page, b'L', b'C')
    else:
        http_reply(strm, 500, b'P', b'C')


cdef bint _find_server(stream_t* strm) noexcept nogil:
    """HTTP_S_BACKEND. True when the state has changed."""
    cdef back_result_t result
    if _is_client_gone(strm):
        http_abort(strm, b'C', b'Q' if strm.back_state == BACK_QUEUED else b'C')
        return True
    result = back_advance(strm)
    if strm.back != NULL:
        strm.back.ops = &back_ops
    if result == BACK_R_TRY:
        return _send_head(strm)
    if result == BACK_R_FAILED or result == BACK_R_INTERNAL:
        http_reply(strm, 503, b'-', b'-')
        return True
    if result == BACK_R_NOWHERE:
        http_reply(strm, 500, b'-', b'-')
        return True
    if result == BACK_R_REDIRECT:
        _redirect(strm)
        return True
    if (strm.fe.options | strm.be.options) & PX_O_ABORTONCLOSE:
        conn_poll(strm.front)
    return False


cdef bint _step(stream_t* strm) noexcept nogil:
    """One state's work. True: look again, something has changed."""
    if strm.state == HTTP_S_REQUEST:
        return _read_head(strm)
    if strm.state == HTTP_S_RULES:
        return _apply_rules(strm)
    if strm.state == HTTP_S_BACKEND:
        return _find_server(strm)
    if strm.state == HTTP_S_RESPONSE:
        return response_wait(strm)
    if strm.state == HTTP_S_DATA:
        return response_data(strm)
    if strm.state == HTTP_S_TUNNEL:
        tunnel_run(strm)
        return False
    http_reply_run(strm)
    return False


cdef void _process(stream_t* strm) noexcept nogil:
    while _step(strm):
        if strm.flags & STRM_F_ENDED:
            return


http_ops.name = b"http"
http_ops.process = _process
back_ops.name = b"http back"
back_ops.on_io = _back_io
back_ops.on_timer = _back_timer
back_ops.on_close = NULL
