# FastCGI connections: implementation.
#
# Every request of a connection has the id 1: the next one begins when END_REQUEST has come for the one before it. Pools are this
# process' own, as those of net/tls.pyx.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.base.buf cimport (
    buf_consume, buf_data, buf_produce, buf_realign, buf_release, buf_room, buf_tail, buf_take, opool_destroy, opool_get,
    opool_init, opool_put, opool_t, pool_destroy, pool_init, pool_t,
)
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.cgi cimport (
    CGI_AS_GIVEN, CGI_CHUNKED, CGI_LENGTH, CGI_UNTIL_CLOSE, cgi_digits, cgi_head_end, cgi_head_t, cgi_read, cgi_write,
)
from fastlb_core.http.fcgi_records cimport (
    FCGI_HEADER, FCGI_REQUEST_ID, FCGI_STEP_BAD, FCGI_STEP_END, FCGI_STEP_HUNGRY, FCGI_STEP_OUTPUT, FCGI_TYPE_BEGIN_REQUEST,
    FCGI_TYPE_GET_VALUES, FCGI_TYPE_PARAMS, FCGI_TYPE_STDIN, FCGI_VERSION, fcgi_look_ahead, fcgi_next, fcgi_step_t,
    fcgi_take_output,
)
from fastlb_core.http.date cimport date_cache_t, date_http, date_init
from fastlb_core.net.conn cimport (
    CONN_F_CAN_RECV, CONN_F_CAN_SEND, CONN_F_CONNECTING, CONN_F_EOF, CONN_F_ERROR, CONN_F_HANDSHAKE, conn_recv_raw, conn_send_raw,
    conn_t, transport_t,
)
from fastlb_core.sys.socket cimport iovec

cdef enum:
    ROLE_RESPONDER = 1
    KEEP_CONN = 1
    RECORD_MAX = 65535
    CHUNK_FRAME = 8              # four digits and two line ends
    CHUNK_ROOM = 64              # no chunk is begun in less
    FILLS_A_TURN = 16            # receives that brought nothing for the stream, STDERR without end
    OUTS_CACHED = 32
    LAYERS_PER_SLAB = 32

cdef pool_t outs                 # areas of fcgi_t.out
cdef opool_t layers              # fcgi_t
cdef bint has_pools = False
cdef date_cache_t dates
cdef transport_t fcgi_transport


# -- life

cdef void _prepare_pools(const conn_t* conn) noexcept nogil:
    global has_pools
    if not has_pools:
        # Parameters and a body that was waited for, both as large as a buffer, with their records' headers.
        pool_init(&outs, 2 * conn.loop.bufs.area_size + 1024, OUTS_CACHED)
        opool_init(&layers, sizeof(fcgi_t), LAYERS_PER_SLAB)
        date_init(&dates)
        has_pools = True


cdef bint fcgi_attach(conn_t* conn, const void* app, fcgi_stderr_t on_stderr) noexcept nogil:
    cdef fcgi_t* f
    _prepare_pools(conn)
    f = <fcgi_t*> opool_get(&layers)
    if f == NULL:
        return False
    memset(f, 0, sizeof(fcgi_t))
    f.below = conn.transport
    f.on_stderr = on_stderr
    f.app = app
    conn.fcgi = f
    conn.transport = &fcgi_transport
    return True


cdef uint32_t fcgi_n_used() noexcept nogil:
    return outs.n_used + layers.n_used


cdef void fcgi_destroy_pools() noexcept nogil:
    global has_pools
    if has_pools:
        pool_destroy(&outs)
        opool_destroy(&layers)
        has_pools = False


cdef void _close(conn_t* conn) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    conn.transport = f.below
    if f.below != NULL:
        f.below.close(conn)
    buf_release(&conn.loop.bufs, &f.raw)
    buf_release(&conn.loop.bufs, &f.head)
    buf_release(&conn.loop.bufs, &f.message)
    buf_release(&outs, &f.out)
    opool_put(&layers, f)
    conn.fcgi = NULL


cdef void _shut_write(conn_t* conn) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    if f.below != NULL:
        f.below.shut_write(conn)


# -- records that leave

cdef inline void _put_header(char* dst, uint8_t kind, uint32_t request, uint32_t length) noexcept nogil:
    dst[0] = FCGI_VERSION
    dst[1] = <char> kind
    dst[2] = 0
    dst[3] = <char> request
    dst[4] = <char> (length >> 8)
    dst[5] = <char> (length & 255)
    dst[6] = 0
    dst[7] = 0


cdef inline void _put_record(fcgi_t* f, uint8_t kind, uint32_t request, const char* content, uint32_t length) noexcept nogil:
    """The caller has checked the room."""
    _put_header(buf_tail(&f.out), kind, request, length)
    if length:
        memcpy(buf_tail(&f.out) + FCGI_HEADER, content, length)
    buf_produce(&f.out, FCGI_HEADER + length)


cdef bint fcgi_put_before(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    if not buf_take(&outs, &f.out) or buf_room(&f.out) < length:
        return False
    memcpy(buf_tail(&f.out), bytes, length)
    buf_produce(&f.out, length)
    return True


cdef char* fcgi_begin(conn_t* conn, bint keep, bint asks_values, uint32_t most, uint32_t* room) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    cdef const char* values = b"\x0d\x00FCGI_MAX_REQS\x0f\x00FCGI_MPXS_CONNS"
    cdef char[8] begin
    cdef char* params
    if not buf_take(&outs, &f.out):
        return NULL
    if asks_values and not f.flags & FCGI_F_GREETED:
        # haproxy: what is answered would tell how many requests may share the connection; here none do.
        _put_record(f, FCGI_TYPE_GET_VALUES, 0, values, 32)
        f.flags |= FCGI_F_GREETED
    memset(begin, 0, sizeof(begin))
    begin[1] = ROLE_RESPONDER
    begin[2] = KEEP_CONN if keep else 0
    _put_record(f, FCGI_TYPE_BEGIN_REQUEST, FCGI_REQUEST_ID, begin, sizeof(begin))
    f.flags = (f.flags & ~(<uint32_t> FCGI_F_KEEP)) | (FCGI_F_KEEP if keep else 0)
    params = buf_tail(&f.out) + FCGI_HEADER
    room[0] = buf_room(&f.out) - FCGI_HEADER
    room[0] = most if most < room[0] else room[0]
    room[0] = RECORD_MAX if room[0] > RECORD_MAX else room[0]
    return params


cdef void fcgi_cancel(conn_t* conn) noexcept nogil:
    buf_release(&outs, &fcgi_of(conn).out)


cdef void fcgi_params_done(conn_t* conn, uint32_t length, uint64_t body, uint32_t flags) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    _put_header(buf_tail(&f.out), FCGI_TYPE_PARAMS, FCGI_REQUEST_ID, length)
    buf_produce(&f.out, FCGI_HEADER + length)
    _put_record(f, FCGI_TYPE_PARAMS, FCGI_REQUEST_ID, NULL, 0)
    f.body_left = body
    if body == 0:
        _put_record(f, FCGI_TYPE_STDIN, FCGI_REQUEST_ID, NULL, 0)
    f.state = FCGI_HEAD
    f.flags &= ~(<uint32_t> (FCGI_F_ENDED | FCGI_F_EOF | FCGI_F_HEAD_ASKED | FCGI_F_HTTP10))
    f.flags |= FCGI_F_BEGUN | flags
    f.uncounted = 0
    f.head_seen = 0
    f.n_queued = 0


cdef uint32_t fcgi_put_body(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    cdef uint32_t room
    if not buf_take(&outs, &f.out):
        conn.flags |= CONN_F_ERROR
        return 0
    if f.out.head:
        buf_realign(&f.out)
    # The end's record is always given its room.
    room = buf_room(&f.out) - 2 * FCGI_HEADER if buf_room(&f.out) > 2 * FCGI_HEADER else 0
    length = room if length > room else length
    length = RECORD_MAX if length > RECORD_MAX else length
    length = <uint32_t> f.body_left if length > f.body_left else length
    if length == 0:
        return 0
    _put_record(f, FCGI_TYPE_STDIN, FCGI_REQUEST_ID, bytes, length)
    f.body_left -= length
    if f.body_left == 0:
        _put_record(f, FCGI_TYPE_STDIN, FCGI_REQUEST_ID, NULL, 0)
    return length


cdef inline int64_t _send_below(conn_t* conn, fcgi_t* f) noexcept nogil:
    cdef iovec iov
    if f.below == NULL:
        return conn_send_raw(conn, buf_data(&f.out), f.out.len)
    iov.iov_base = buf_data(&f.out)
    iov.iov_len = f.out.len
    return f.below.sendv(conn, &iov, 1)


cdef int fcgi_flush(conn_t* conn) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    cdef uint32_t before = f.out.len
    cdef int64_t n = 0
    while f.out.len:
        n = _send_below(conn, f)
        if n <= 0:
            break
        buf_consume(&f.out, <uint32_t> n)
        if not conn.flags & CONN_F_CAN_SEND:
            break
    if f.out.len == 0:
        n = before
        buf_release(&outs, &f.out)
    elif n >= 0:
        n = before - f.out.len
        conn.flags &= ~(<uint32_t> CONN_F_CAN_SEND)
    return -1 if conn.flags & CONN_F_ERROR else <int> n


cdef int64_t _sendv(conn_t* conn, const iovec* iov, uint32_t n_iov) noexcept nogil:
    """Bytes of the request's body. Those that stand in `out` count as sent: an event sends what the socket did not take."""
    cdef fcgi_t* f = fcgi_of(conn)
    cdef uint64_t total = 0, at
    cdef uint32_t i, n
    for i in range(n_iov):
        at = 0
        while at < iov[i].iov_len:
            n = RECORD_MAX if iov[i].iov_len - at > RECORD_MAX else <uint32_t> (iov[i].iov_len - at)
            n = fcgi_put_body(conn, <const char*> iov[i].iov_base + at, n)
            at += n
            total += n
            if at < iov[i].iov_len and (fcgi_flush(conn) < 0 or f.out.len or f.body_left == 0):
                return -1 if conn.flags & CONN_F_ERROR else <int64_t> total
    if fcgi_flush(conn) < 0:
        return -1
    return <int64_t> total


cdef uint32_t _put_length(char* dst, uint32_t length) noexcept nogil:
    if length < 128:
        dst[0] = <char> length
        return 1
    dst[0] = <char> (0x80 | length >> 24)
    dst[1] = <char> (length >> 16 & 255)
    dst[2] = <char> (length >> 8 & 255)
    dst[3] = <char> (length & 255)
    return 4


cdef uint32_t fcgi_put_pair(char* dst, uint32_t room, slice_t name, slice_t value) noexcept nogil:
    cdef uint32_t at
    if FCGI_HEADER + <uint64_t> name.len + value.len > room:
        return 0
    at = _put_length(dst, name.len)
    at += _put_length(dst + at, value.len)
    memcpy(dst + at, name.ptr, name.len)
    memcpy(dst + at + name.len, value.ptr, value.len)
    return at + name.len + value.len


# -- records that come

cdef bint _fill(conn_t* conn, fcgi_t* f) noexcept nogil:
    """Receives once into `raw`. False: nothing came."""
    cdef int n
    if not f.flags & FCGI_F_BELOW_RECV or f.flags & FCGI_F_BELOW_EOF or f.state == FCGI_SPOILED:
        return False
    if not buf_take(&conn.loop.bufs, &f.raw):
        conn.flags |= CONN_F_ERROR
        return False
    if buf_room(&f.raw) < buf_data(&f.raw) - f.raw.area or buf_room(&f.raw) == 0:
        buf_realign(&f.raw)
    conn.flags |= CONN_F_CAN_RECV
    if f.below == NULL:
        n = conn_recv_raw(conn, buf_tail(&f.raw), buf_room(&f.raw))
    else:
        n = f.below.recv(conn, buf_tail(&f.raw), buf_room(&f.raw))
    _note_below(conn, f)
    if n > 0:
        buf_produce(&f.raw, <uint32_t> n)
    elif f.raw.len == 0:
        buf_release(&conn.loop.bufs, &f.raw)
    return n > 0


cdef inline void _note_below(conn_t* conn, fcgi_t* f) noexcept nogil:
    """The flags as what is below has left them: the connection's own tell of the answer, not of the records."""
    if conn.flags & CONN_F_CAN_RECV:
        f.flags |= FCGI_F_BELOW_RECV
    else:
        f.flags &= ~(<uint32_t> FCGI_F_BELOW_RECV)
    if conn.flags & CONN_F_EOF:
        f.flags |= FCGI_F_BELOW_EOF
        conn.flags &= ~(<uint32_t> CONN_F_EOF)


# -- the answer

cdef uint32_t _spoil(conn_t* conn, fcgi_t* f, char* dst) noexcept nogil:
    """Tells the parser above that there is no answer, or no more of it that is right. Its bytes."""
    cdef uint8_t state = f.state
    f.state = FCGI_SPOILED
    buf_release(&conn.loop.bufs, &f.raw)
    buf_release(&conn.loop.bufs, &f.head)
    if state == FCGI_HEAD:
        memcpy(dst, b"?\r\n\r\n", 5)
        return 5
    if state == FCGI_BODY and f.framing == CGI_CHUNKED:
        dst[0] = b'?'
        return 1
    conn.flags |= CONN_F_ERROR
    return 0


cdef bint _gather_head(conn_t* conn, fcgi_t* f, uint32_t* length) noexcept nogil:
    """Moves STDOUT from the front of `raw` to `head`; *length: of the head, once it is complete. False: it does not fit."""
    cdef uint32_t n = f.raw.len if f.raw.len < f.record_left else f.record_left
    if not buf_take(&conn.loop.bufs, &f.head):
        return False
    n = buf_room(&f.head) if n > buf_room(&f.head) else n
    if n == 0:
        return False
    memcpy(buf_tail(&f.head), buf_data(&f.raw), n)
    buf_produce(&f.head, n)
    fcgi_take_output(f, n)
    length[0] = cgi_head_end(f.head.area, f.head.len, &f.head_seen)
    return True


cdef bint _frame(fcgi_t* f, const cgi_head_t* head, uint64_t* body) noexcept nogil:
    """Decides how the answer is framed. *body: its bytes that are there. False: it contradicts itself."""
    cdef bint is_whole = fcgi_look_ahead(f, body)
    f.has_length = head.has_length
    f.answer_left = head.content_length
    f.framing = CGI_AS_GIVEN
    if f.flags & FCGI_F_HEAD_ASKED or head.status == 204 or head.status == 304:
        f.has_length = True
        f.answer_left = 0
        # haproxy: refuses such a body as well (RFC 3875 4.3.3 would have it thrown away after HEAD).
        return body[0] == 0
    if head.has_coding:
        f.has_length = False
    elif head.has_length:
        return body[0] <= head.content_length
    elif f.flags & FCGI_F_HTTP10:
        f.framing = CGI_UNTIL_CLOSE
    elif is_whole:
        f.framing = CGI_LENGTH
        f.has_length = True
        f.answer_left = body[0]
    else:
        f.framing = CGI_CHUNKED
    return True


cdef uint32_t _begin_answer(conn_t* conn, fcgi_t* f, uint32_t head_length, char* dst, uint32_t room) noexcept nogil:
    """The head is complete: writes the answer's to dst. 0: it is none, or too long."""
    cdef cgi_head_t head
    cdef uint64_t body = f.head.len - head_length
    cdef uint32_t n
    if not cgi_read(&head, f.head.area, head_length) or not _frame(f, &head, &body):
        return 0
    n = cgi_write(&head, bool(f.flags & FCGI_F_HTTP10), <cgi_framing_t> f.framing, body,
                  date_http(&dates, <int64_t> (conn.loop.real_us // 1000000)), dst, room)
    if n == 0:
        return 0
    f.uncounted = head.uncounted
    buf_consume(&f.head, head_length)
    f.state = FCGI_TAIL if f.has_length and f.answer_left == 0 else FCGI_BODY
    return n


cdef uint32_t _deliver_head(conn_t* conn, fcgi_t* f, char* dst, uint32_t room) noexcept nogil:
    cdef uint32_t length = 0, n = 0
    cdef fcgi_step_t step
    while length == 0:
        step = fcgi_next(conn, f)
        if step == FCGI_STEP_HUNGRY:
            return 0
        if step != FCGI_STEP_OUTPUT or not _gather_head(conn, f, &length):
            return _spoil(conn, f, dst)
    n = _begin_answer(conn, f, length, dst, room)
    return n if n else _spoil(conn, f, dst)


cdef uint32_t _deliver_piece(
    fcgi_t* f, const char* bytes, uint32_t length, char* dst, uint32_t room, uint32_t* used
) noexcept nogil:
    """Copies body bytes, as a chunk where it is in chunks; *used of them. Returns what stands at dst: 0 for lack of room."""
    cdef uint32_t at = 0
    used[0] = 0
    if f.framing == CGI_CHUNKED:
        if room < CHUNK_ROOM:
            return 0
        room -= CHUNK_FRAME
    used[0] = length if length < room else room
    if f.has_length and used[0] > f.answer_left:
        used[0] = <uint32_t> f.answer_left
    f.answer_left -= used[0] if f.has_length else 0
    if f.framing == CGI_CHUNKED:
        at = cgi_digits(dst, used[0], 16)
        memcpy(dst + at, b"\r\n", 2)
        at += 2
    memcpy(dst + at, bytes, used[0])
    at += used[0]
    if f.framing == CGI_CHUNKED:
        memcpy(dst + at, b"\r\n", 2)
        at += 2
    return at


cdef void _end_body(fcgi_t* f) noexcept nogil:
    if f.framing == CGI_CHUNKED:
        f.state = FCGI_LAST
        return
    # Until the close: this is it. Otherwise less has come than was announced.
    f.flags |= FCGI_F_EOF
    f.state = FCGI_TAIL


cdef uint32_t _deliver_body(conn_t* conn, fcgi_t* f, char* dst, uint32_t room) noexcept nogil:
    cdef uint32_t total = 0, n, used = 0
    cdef fcgi_step_t step
    while f.state == FCGI_BODY:
        if f.head.len:
            n = _deliver_piece(f, buf_data(&f.head), f.head.len, dst + total, room - total, &used)
            buf_consume(&f.head, used)
        else:
            buf_release(&conn.loop.bufs, &f.head)
            step = fcgi_next(conn, f)
            if step == FCGI_STEP_HUNGRY:
                break
            if step == FCGI_STEP_END:
                _end_body(f)
                break
            if step == FCGI_STEP_BAD:
                return total + (_spoil(conn, f, dst + total) if room > total else 0)
            n = f.raw.len if f.raw.len < f.record_left else f.record_left
            n = _deliver_piece(f, buf_data(&f.raw), n, dst + total, room - total, &used)
            fcgi_take_output(f, used)
        if n == 0:
            break
        used = 0
        total += n
        if f.has_length and f.answer_left == 0:
            f.state = FCGI_TAIL
    return total


cdef void _drain(conn_t* conn, fcgi_t* f) noexcept nogil:
    """Behind the answer: up to the end of the request, and what belongs to none."""
    cdef fcgi_step_t step = FCGI_STEP_END
    buf_release(&conn.loop.bufs, &f.head)
    while step == FCGI_STEP_END or step == FCGI_STEP_OUTPUT:
        if f.state == FCGI_TAIL and f.flags & FCGI_F_ENDED and f.record_left == 0:
            f.state = FCGI_FREE
        step = fcgi_next(conn, f)
        if step == FCGI_STEP_OUTPUT:
            fcgi_take_output(f, f.raw.len if f.raw.len < f.record_left else f.record_left)
    if step == FCGI_STEP_BAD or f.state == FCGI_FREE and f.body_left:
        # The next request would begin in the middle of this one's body.
        f.state = FCGI_SPOILED
        conn.flags |= CONN_F_ERROR


cdef uint32_t _deliver(conn_t* conn, fcgi_t* f, char* dst, uint32_t room) noexcept nogil:
    cdef uint32_t total = 0
    if f.state == FCGI_HEAD:
        total = _deliver_head(conn, f, dst, room)
    if f.state == FCGI_BODY and room > total:
        total += _deliver_body(conn, f, dst + total, room - total)
    if f.state == FCGI_LAST and room - total >= 5:
        memcpy(dst + total, b"0\r\n\r\n", 5)
        total += 5
        f.state = FCGI_TAIL
    if f.state == FCGI_TAIL or f.state == FCGI_FREE:
        _drain(conn, f)
    return total


cdef inline bint _has_more(const fcgi_t* f) noexcept nogil:
    """Another call may give something, an end included."""
    return f.raw.len or f.head.len or f.state == FCGI_LAST or \
        bool(f.flags & (FCGI_F_BELOW_RECV | FCGI_F_BELOW_EOF | FCGI_F_EOF))


cdef inline bint _lacks_room(const fcgi_t* f, uint32_t room) noexcept nogil:
    return room < CHUNK_ROOM and f.framing == CGI_CHUNKED and (f.state == FCGI_BODY or f.state == FCGI_LAST)


cdef int _recv(conn_t* conn, char* dst, uint32_t room) noexcept nogil:
    """Returns 0 with CONN_F_CAN_RECV set where others are to have their turn first, or `room` is too small for a chunk."""
    cdef fcgi_t* f = fcgi_of(conn)
    cdef uint32_t total = 0, n_fills = 0
    if _lacks_room(f, room):
        return 0
    while True:
        total = _deliver(conn, f, dst, room)
        if total or n_fills == FILLS_A_TURN or not _fill(conn, f):
            break
        n_fills += 1
    if f.raw.len == 0:
        buf_release(&conn.loop.bufs, &f.raw)
    conn.flags &= ~(<uint32_t> CONN_F_CAN_RECV)
    if total:
        conn.flags |= CONN_F_CAN_RECV if _has_more(f) else 0
        return <int> total
    if f.state == FCGI_SPOILED:
        conn.flags |= CONN_F_ERROR
    elif f.flags & FCGI_F_EOF or f.flags & FCGI_F_BELOW_EOF and not f.flags & FCGI_F_BELOW_RECV:
        if f.state == FCGI_BODY and f.framing == CGI_UNTIL_CLOSE:
            # Cut, which the end alone would not tell.
            conn.flags |= CONN_F_ERROR
        conn.flags |= CONN_F_EOF
    elif f.flags & FCGI_F_BELOW_RECV:
        conn.flags |= CONN_F_CAN_RECV
    return -1 if conn.flags & (CONN_F_EOF | CONN_F_ERROR) else 0


cdef void _on_event(conn_t* conn) noexcept nogil:
    cdef fcgi_t* f = fcgi_of(conn)
    if f.below != NULL:
        f.below.on_event(conn)
    _note_below(conn, f)
    if f.raw.len:
        conn.flags |= CONN_F_CAN_RECV
    if f.out.len and conn.flags & CONN_F_CAN_SEND and not conn.flags & (CONN_F_CONNECTING | CONN_F_HANDSHAKE):
        fcgi_flush(conn)


fcgi_transport.name = b"fcgi"
fcgi_transport.on_event = _on_event
fcgi_transport.recv = _recv
fcgi_transport.sendv = _sendv
fcgi_transport.shut_write = _shut_write
fcgi_transport.close = _close
