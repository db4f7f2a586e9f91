# Requests to FastCGI servers: implementation.

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_data
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.fcgi cimport (
    FCGI_F_HEAD_ASKED, FCGI_F_HTTP10, FCGI_FREE, fcgi_attach, fcgi_begin, fcgi_cancel, fcgi_flush, fcgi_of, fcgi_params_done,
    fcgi_put_body, fcgi_t,
)
from fastlb_core.http.h1_body cimport body_opaque, body_read, body_skip, body_start, body_t
from fastlb_core.http.message cimport (
    BODY_CHUNKED, BODY_LENGTH, HDR_F_DELETED, METHOD_CONNECT, METHOD_HEAD, MSG_F_HTTP10, msg_hdr_del,
)
from fastlb_core.net.conn cimport CONN_F_CONNECTING, CONN_F_HANDSHAKE
from fastlb_core.program.fcgi_app cimport FCGI_APP_GET_VALUES, FCGI_APP_KEEP_CONN, fcgi_app_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.fcgi_params cimport params_is_hidden, params_look, params_write
from fastlb_core.proxy.http_end cimport http_refuse, http_reply
from fastlb_core.proxy.http_head cimport HEAD_FAILED, HEAD_NOT_YET, HEAD_REFUSED, HEAD_SENT
from fastlb_core.proxy.log cimport log_app
from fastlb_core.proxy.stream cimport STRM_F_CLOSE_BACK
from fastlb_core.proxy.worker cimport worker_t


cdef void _log_error(conn_t* back, slice_t message) noexcept nogil:
    cdef const fcgi_app_t* app = <const fcgi_app_t*> fcgi_of(back).app
    cdef worker_t* w = <worker_t*> back.loop
    if app.n_log_targets:
        log_app(w.logger, app, message, w.loop.now_ms, w.loop.real_us)


cdef bint fcgi_open(stream_t* strm, conn_t* back) noexcept nogil:
    return fcgi_attach(back, strm.be.fcgi_app, _log_error)


cdef void fcgi_hide_headers(stream_t* strm) noexcept nogil:
    cdef eval_t ev
    cdef int i
    params_look(&ev, strm)
    for i in range(<int> strm.req_msg.n_hdrs):
        if not strm.req_msg.hdrs[i].flags & HDR_F_DELETED and params_is_hidden(&ev, <const fcgi_app_t*> strm.be.fcgi_app, i):
            msg_hdr_del(&strm.req_msg, i)


# -- the body: haproxy waits for it like `option http-buffer-request`

cdef bint _next_piece(body_t* body, slice_t bytes, uint32_t* at, slice_t* piece) noexcept nogil:
    """The next run of data in a chunked body that is complete. False at its end."""
    cdef uint64_t opaque
    cdef uint32_t used
    while at[0] < bytes.len:
        opaque = body_opaque(body)
        if opaque == 0:
            used = 0
            body_read(body, bytes.ptr + at[0], 1, &used)
            at[0] += 1
            continue
        piece[0] = slice_of(bytes.ptr + at[0], bytes.len - at[0])
        if piece.len > opaque:
            piece.len = <uint32_t> opaque
        body_skip(body, piece.len)
        at[0] += piece.len
        return True
    return False


cdef uint64_t _body_length(stream_t* strm) noexcept nogil:
    cdef slice_t piece, bytes = slice_of(buf_data(&strm.front.rx), strm.req.n_ready)
    cdef uint64_t length = 0
    cdef uint32_t at = 0
    cdef body_t body
    if strm.req_msg.body != BODY_CHUNKED:
        return strm.req_msg.content_length if strm.req_msg.body == BODY_LENGTH else 0
    body_start(&body, &strm.req_msg)
    while _next_piece(&body, bytes, &at, &piece):
        length += piece.len
    return length


cdef bint _put_body(stream_t* strm, fcgi_t* f) noexcept nogil:
    """What is there of it, as far as there is room. False: a chunked one, which must go as a whole, has none."""
    cdef slice_t piece, bytes = slice_of(buf_data(&strm.front.rx), strm.req.n_ready)
    cdef uint32_t at = 0
    cdef body_t body
    if strm.req_msg.body != BODY_CHUNKED:
        f.n_queued = fcgi_put_body(strm.back, bytes.ptr, bytes.len) if bytes.len else 0
        return True
    body_start(&body, &strm.req_msg)
    while _next_piece(&body, bytes, &at, &piece):
        fcgi_put_body(strm.back, piece.ptr, piece.len)
    f.n_queued = bytes.len
    return f.body_left == 0


# -- the request

cdef head_status_t _refuse(stream_t* strm, int status, char err) noexcept nogil:
    # Nothing was sent on it, not even a PROXY header.
    strm.flags |= STRM_F_CLOSE_BACK
    # haproxy: finds that out once it is connected, as the log's times show.
    strm.t_connect = strm.w.loop.now_ms
    if status == 400:
        http_refuse(strm, status, err, b'H')
    else:
        http_reply(strm, status, err, b'H')
    return HEAD_REFUSED


cdef head_status_t _begin(stream_t* strm, fcgi_t* f) noexcept nogil:
    """Puts the request into the connection's buffer. haproxy: the statuses and letters of what cannot be sent."""
    cdef const fcgi_app_t* app = <const fcgi_app_t*> f.app
    cdef uint64_t body
    cdef uint32_t room, flags = 0
    cdef int32_t length = -1
    cdef char* params
    if strm.req_msg.method == METHOD_CONNECT:
        return _refuse(strm, 502, b'S')
    if strm.req_msg.body == BODY_CHUNKED and not strm.req.is_done:
        # An application is told the length first.
        return _refuse(strm, 400, b'P')
    body = _body_length(strm)
    params = fcgi_begin(strm.back, bool(app.flags & FCGI_APP_KEEP_CONN), bool(app.flags & FCGI_APP_GET_VALUES),
                        strm.w.program.bufsize, &room)
    if params != NULL:
        length = params_write(strm, app, body, params, room)
    if length < 0:
        fcgi_cancel(strm.back)
        return _refuse(strm, 500, b'I')
    if strm.req_msg.method == METHOD_HEAD:
        flags |= FCGI_F_HEAD_ASKED
    if strm.req_msg.flags & MSG_F_HTTP10:
        flags |= FCGI_F_HTTP10
    fcgi_params_done(strm.back, <uint32_t> length, body, flags)
    if not _put_body(strm, f):
        # Chunks so small that their records' headers, behind long parameters, take more than two buffers.
        return _refuse(strm, 400, b'P')
    return HEAD_SENT


cdef head_status_t fcgi_send(stream_t* strm) noexcept nogil:
    cdef conn_t* back = strm.back
    cdef fcgi_t* f = fcgi_of(back)
    cdef int n
    if f.state == FCGI_FREE and _begin(strm, f) != HEAD_SENT:
        return HEAD_REFUSED
    n = fcgi_flush(back)
    if n < 0:
        return HEAD_FAILED
    if n == 0 and f.out.len and back.flags & (CONN_F_CONNECTING | CONN_F_HANDSHAKE):
        return HEAD_NOT_YET
    # What the socket did not take now leaves by its own events.
    strm.req.n_ready -= f.n_queued
    strm.req.total += f.n_queued
    strm.front.rx.head += f.n_queued
    strm.front.rx.len -= f.n_queued
    f.n_queued = 0
    return HEAD_SENT
