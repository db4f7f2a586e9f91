# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# TLS connections' implementation.
#
# Pools are this process' own: a worker is one process, and nothing is taken from them before the fork.

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen

from fastlb_core.base.buf cimport (
    buf_consume, buf_data, buf_produce, buf_realign, buf_release, buf_room, buf_tail, buf_take, opool_destroy, opool_get,
    opool_init, opool_put, opool_t, pool_destroy, pool_init, pool_t,
)
from fastlb_core.net.conn cimport (
    CONN_F_CAN_RECV, CONN_F_CAN_SEND, CONN_F_CONNECTING, CONN_F_EOF, CONN_F_ERROR, CONN_F_HANDSHAKE,
    CONN_F_RAW_RECV, CONN_F_RDHUP, CONN_F_SHUT_WR, conn_send_raw, conn_t, transport_t,
)
from fastlb_core.sys.libssl cimport (
    BIO_CTRL_EOF, BIO_CTRL_FLUSH, BIO_METHOD, BIO_TYPE_SOURCE_SINK, BIO_clear_retry_flags, BIO_get_data, BIO_get_new_index,
    BIO_meth_new, BIO_meth_set_ctrl, BIO_meth_set_read, BIO_meth_set_write, BIO_new, BIO_set_data, BIO_set_init,
    BIO_set_retry_read, BIO_set_retry_write, ERR_clear_error, ERR_peek_error, SSL, SSL_CTX, SSL_ERROR_WANT_READ,
    SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN, SSL_RECEIVED_SHUTDOWN, SSL_SENT_SHUTDOWN, SSL_SESSION_free,
    SSL_do_handshake, SSL_free, SSL_get_error, SSL_get_rbio, SSL_get_servername, SSL_has_pending, SSL_new, SSL_read,
    SSL_set_accept_state, SSL_set_bio, SSL_set_connect_state, SSL_set_session, SSL_set_shutdown, SSL_set_tlsext_host_name,
    SSL_shutdown, SSL_write, TLSEXT_NAMETYPE_host_name,
)
from fastlb_core.sys.openssl cimport BIO
from fastlb_core.sys.socket cimport MSG_DONTWAIT, iovec, recv, ssize_t

cdef enum:
    RECORD = 16384               # bytes of plaintext in a full record
    WIRE_PLAIN = 4 * RECORD      # plaintext that is encrypted before it is sent
    WIRE_SIZE = WIRE_PLAIN + 4096  # and what its records add; small records of a young transfer included
    WIRE_CACHED = 32
    TLS_PER_SLAB = 32
    LEFTOVER = 4096              # tickets that may leave along with an answer
    YOUNG_BYTES = 65536          # of a transfer: small records until then, where they are wanted

cdef pool_t wires                # areas of tls_t.out
cdef opool_t layers              # tls_t
cdef BIO_METHOD* bio_method = NULL
cdef transport_t tls_transport
cdef char[RECORD] gathered       # slices that go into one record


cdef conn_t* tls_conn(const SSL* ssl) noexcept nogil:
    return <conn_t*> BIO_get_data(SSL_get_rbio(ssl))


# -- between libssl and the socket

cdef int _bio_read(BIO* bio, char* data, int length) noexcept nogil:
    cdef conn_t* conn = <conn_t*> BIO_get_data(bio)
    cdef tls_t* tls = <tls_t*> conn.secure
    cdef ssize_t n
    BIO_clear_retry_flags(bio)
    if tls.early.len:
        return _read_early(conn, tls, data, <uint32_t> length)
    if not conn.flags & CONN_F_RAW_RECV:
        if tls.flags & TLS_F_RAW_EOF:
            return 0
        BIO_set_retry_read(bio)
        return -1
    while True:
        n = recv(conn.fd, data, length, MSG_DONTWAIT)
        if n >= 0 or errno != EINTR:
            break
    if n < length:
        conn.flags &= ~(<uint32_t> CONN_F_RAW_RECV)
    if n > 0:
        tls.flags |= TLS_F_HEARD
        # The FIN had come before this call, and the queue is empty.
        if n < length and conn.flags & CONN_F_RDHUP:
            tls.flags |= TLS_F_RAW_EOF
    elif n == 0:
        tls.flags |= TLS_F_RAW_EOF
    elif errno == EAGAIN:
        BIO_set_retry_read(bio)
    else:
        conn.flags |= CONN_F_ERROR
    return <int> n


cdef int _read_early(conn_t* conn, tls_t* tls, char* data, uint32_t length) noexcept nogil:
    cdef uint32_t n = tls.early.len if tls.early.len < length else length
    memcpy(data, buf_data(&tls.early), n)
    buf_consume(&tls.early, n)
    tls.flags |= TLS_F_HEARD
    if tls.early.len == 0:
        buf_release(&conn.loop.bufs, &tls.early)
    return <int> n


cdef int _bio_write(BIO* bio, const char* data, int length) noexcept nogil:
    """Into `out`; what does not fit any more (certificates without end) must leave first."""
    cdef conn_t* conn = <conn_t*> BIO_get_data(bio)
    cdef tls_t* tls = <tls_t*> conn.secure
    cdef uint32_t n = <uint32_t> length
    BIO_clear_retry_flags(bio)
    if not buf_take(&wires, &tls.out):
        conn.flags |= CONN_F_ERROR
        return -1
    if buf_room(&tls.out) < n:
        buf_realign(&tls.out)
    if buf_room(&tls.out) == 0:
        _flush(conn, tls)
        if conn.flags & CONN_F_ERROR or not buf_take(&wires, &tls.out):
            return -1
        buf_realign(&tls.out)
    if buf_room(&tls.out) == 0:
        BIO_set_retry_write(bio)
        return -1
    if n > buf_room(&tls.out):
        n = buf_room(&tls.out)
    memcpy(buf_tail(&tls.out), data, n)
    buf_produce(&tls.out, n)
    return <int> n


cdef long _bio_ctrl(BIO* bio, int command, long num, void* ptr) noexcept nogil:
    cdef conn_t* conn = <conn_t*> BIO_get_data(bio)
    if command == BIO_CTRL_FLUSH:
        return 1
    if command == BIO_CTRL_EOF:
        return 1 if (<tls_t*> conn.secure).flags & TLS_F_RAW_EOF else 0
    return 0


cdef void _flush(conn_t* conn, tls_t* tls) noexcept nogil:
    """Sends what is in `out`; the flags say how it went. A connection in its handshake stays "connecting"."""
    cdef uint32_t connecting = conn.flags & CONN_F_CONNECTING
    cdef int64_t n
    while tls.out.len:
        n = conn_send_raw(conn, buf_data(&tls.out), tls.out.len)
        if n <= 0:
            break
        buf_consume(&tls.out, <uint32_t> n)
        if not conn.flags & CONN_F_CAN_SEND:
            break
    if tls.out.len == 0:
        buf_release(&wires, &tls.out)
    else:
        conn.flags &= ~(<uint32_t> CONN_F_CAN_SEND)
    if conn.flags & CONN_F_HANDSHAKE:
        conn.flags |= connecting


# -- life

cdef bint _prepare_pools() noexcept nogil:
    global bio_method
    if bio_method != NULL:
        return True
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, b"fastlb connection")
    if bio_method == NULL:
        return False
    BIO_meth_set_read(bio_method, _bio_read)
    BIO_meth_set_write(bio_method, _bio_write)
    BIO_meth_set_ctrl(bio_method, _bio_ctrl)
    pool_init(&wires, WIRE_SIZE, WIRE_CACHED)
    opool_init(&layers, sizeof(tls_t), TLS_PER_SLAB)
    return True


cdef bint tls_begin(conn_t* conn, SSL_CTX* ctx, bint is_server) noexcept nogil:
    cdef tls_t* tls
    cdef BIO* bio
    if not _prepare_pools():
        return False
    tls = <tls_t*> opool_get(&layers)
    if tls == NULL:
        return False
    memset(tls, 0, sizeof(tls_t))
    tls.ssl = SSL_new(ctx)
    bio = BIO_new(bio_method) if tls.ssl != NULL else NULL
    if bio == NULL:
        SSL_free(tls.ssl)
        opool_put(&layers, tls)
        ERR_clear_error()
        return False
    BIO_set_data(bio, conn)
    BIO_set_init(bio, 1)
    SSL_set_bio(tls.ssl, bio, bio)
    if is_server:
        tls.flags = TLS_F_SERVER
        SSL_set_accept_state(tls.ssl)
    else:
        SSL_set_connect_state(tls.ssl)
        conn.flags |= CONN_F_CONNECTING
    tls.early = conn.rx
    memset(&conn.rx, 0, sizeof(conn.rx))
    conn.secure = tls
    conn.transport = &tls_transport
    conn.flags |= CONN_F_HANDSHAKE
    if conn.flags & CONN_F_CAN_RECV:
        conn.flags |= CONN_F_RAW_RECV
    return True


cdef uint32_t tls_name_hash(const char* name, uint32_t length) noexcept nogil:
    cdef uint32_t i, h = 2166136261
    for i in range(length):
        h = (h ^ <uint8_t> name[i]) * 16777619
    return h


cdef void tls_set_name(conn_t* conn, const char* name, uint32_t length) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    tls.name_hash = tls_name_hash(name, length)
    SSL_set_tlsext_host_name(tls.ssl, name)


cdef bint tls_has_name(const conn_t* conn, const char* name, uint32_t length) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    cdef const char* sent
    if length == 0:
        return tls.name_hash == 0
    if tls.name_hash != tls_name_hash(name, length):
        return False
    sent = SSL_get_servername(tls.ssl, TLSEXT_NAMETYPE_host_name)
    return sent != NULL and strlen(sent) == length and memcmp(sent, name, length) == 0


cdef bint tls_put_before(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    if not buf_take(&wires, &tls.out):
        return False
    memcpy(buf_tail(&tls.out), bytes, length)
    buf_produce(&tls.out, length)
    return True


cdef void tls_set_saved(conn_t* conn, tls_saved_t* saved) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    tls.saved = saved
    if saved.session != NULL and saved.name_hash == tls.name_hash:
        SSL_set_session(tls.ssl, saved.session)


cdef void tls_forget_saved(tls_saved_t* saved) noexcept nogil:
    SSL_SESSION_free(saved.session)
    saved.session = NULL


cdef uint32_t tls_n_used() noexcept nogil:
    return wires.n_used + layers.n_used


cdef void tls_destroy_pools() noexcept nogil:
    if bio_method != NULL:
        pool_destroy(&wires)
        opool_destroy(&layers)


# -- the handshake

cdef void _fail(conn_t* conn, tls_t* tls) noexcept nogil:
    if tls.error == 0:
        tls.error = ERR_peek_error()
    if tls.failure == TLS_OK and conn.flags & CONN_F_HANDSHAKE:
        tls.failure = TLS_FAILED_CLOSED if tls.flags & TLS_F_RAW_EOF or conn.flags & CONN_F_ERROR else TLS_FAILED_HANDSHAKE
    conn.flags |= CONN_F_ERROR
    ERR_clear_error()


cdef void _after_read(conn_t* conn, tls_t* tls) noexcept nogil:
    """Whether another receive may give something: the socket may, or libssl holds bytes, or the end to be told."""
    if not conn.flags & CONN_F_RAW_RECV and not tls.flags & TLS_F_RAW_EOF and tls.early.len == 0 and \
            not SSL_has_pending(tls.ssl):
        conn.flags &= ~(<uint32_t> CONN_F_CAN_RECV)


cdef void tls_handshake(conn_t* conn) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    cdef int result, error
    if conn.flags & CONN_F_ERROR:
        if tls.failure == TLS_OK:
            tls.failure = TLS_FAILED_CLOSED
        return
    ERR_clear_error()
    result = SSL_do_handshake(tls.ssl)
    error = SSL_get_error(tls.ssl, result) if result <= 0 else 0
    if result == 1:
        conn.flags &= ~(<uint32_t> (CONN_F_HANDSHAKE | CONN_F_CONNECTING))
        conn.flags |= CONN_F_CAN_SEND | CONN_F_CAN_RECV
        _after_read(conn, tls)
    elif error != SSL_ERROR_WANT_READ and error != SSL_ERROR_WANT_WRITE:
        _fail(conn, tls)
    # The tickets behind a finished handshake leave with the answer, where the request came along with its last flight.
    if tls.out.len and not (result == 1 and tls.flags & TLS_F_SERVER and conn.flags & CONN_F_CAN_RECV):
        _flush(conn, tls)
    if conn.flags & CONN_F_HANDSHAKE:
        # Not before it is complete; and the socket's own word is asked for by every flight.
        conn.flags &= ~(<uint32_t> CONN_F_CAN_SEND)


cdef void _on_event(conn_t* conn) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    if conn.flags & CONN_F_HANDSHAKE:
        tls_handshake(conn)
    elif tls.out.len and conn.flags & CONN_F_CAN_SEND:
        _flush(conn, tls)


# -- bytes

cdef int _recv(conn_t* conn, char* dst, uint32_t room) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    cdef uint32_t total = 0
    cdef int n, error
    if conn.flags & CONN_F_HANDSHAKE:
        tls_handshake(conn)
        if conn.flags & CONN_F_HANDSHAKE:
            conn.flags &= ~(<uint32_t> CONN_F_CAN_RECV)
            return -1 if conn.flags & CONN_F_ERROR else 0
    ERR_clear_error()
    while total < room and conn.flags & CONN_F_CAN_RECV:
        n = SSL_read(tls.ssl, dst + total, <int> (room - total))
        if n > 0:
            total += <uint32_t> n
            _after_read(conn, tls)
            continue
        error = SSL_get_error(tls.ssl, n)
        if error == SSL_ERROR_ZERO_RETURN:
            conn.flags |= CONN_F_EOF
        elif error != SSL_ERROR_WANT_READ and error != SSL_ERROR_WANT_WRITE:
            _fail(conn, tls)
        conn.flags &= ~(<uint32_t> CONN_F_CAN_RECV)
    if tls.out.len and total == 0:
        # Tickets that were kept for an answer, or what the protocol itself has to say.
        _flush(conn, tls)
    if total:
        return <int> total
    return -1 if conn.flags & (CONN_F_EOF | CONN_F_ERROR) else 0


cdef uint32_t _gather(const iovec* iov, uint32_t n_iov, uint64_t skip, uint32_t most) noexcept nogil:
    """Copies up to `most` bytes of the slices from byte `skip` on into `gathered`."""
    cdef uint32_t i, n, filled = 0
    for i in range(n_iov):
        if skip >= iov[i].iov_len:
            skip -= iov[i].iov_len
            continue
        n = most - filled if iov[i].iov_len - skip > most - filled else <uint32_t> (iov[i].iov_len - skip)
        memcpy(gathered + filled, <const char*> iov[i].iov_base + skip, n)
        filled += n
        skip = 0
        if filled == most:
            break
    return filled


cdef const char* _next_piece(const iovec* iov, uint32_t n_iov, uint64_t skip, uint32_t most, uint32_t* length) noexcept nogil:
    """Bytes of one record from byte `skip` on: where they lie, if a slice has them all; gathered otherwise."""
    cdef uint64_t at = skip
    cdef uint32_t i
    for i in range(n_iov):
        if at < iov[i].iov_len:
            if i == n_iov - 1 or iov[i].iov_len - at >= most:
                length[0] = most if iov[i].iov_len - at > most else <uint32_t> (iov[i].iov_len - at)
                return <const char*> iov[i].iov_base + at
            break
        at -= iov[i].iov_len
    length[0] = _gather(iov, n_iov, skip, most)
    return gathered


cdef inline uint32_t _record_size(tls_t* tls) noexcept nogil:
    # No record is larger (RFC 8446 5.1), nor are `gathered` and the room that buf_has_room() promises.
    cdef uint32_t most = tls.hard_record if tls.hard_record and tls.hard_record < RECORD else RECORD
    return tls.max_record if tls.max_record and tls.young_left and tls.max_record < most else most


cdef uint32_t _encrypt(conn_t* conn, tls_t* tls, const iovec* iov, uint32_t n_iov, uint64_t skip) noexcept nogil:
    """Turns what follows byte `skip` into records, as much as one send should carry; its bytes. 0: it failed."""
    cdef uint32_t length = 0, done = 0
    cdef const char* piece
    while done < WIRE_PLAIN and buf_has_room(tls):
        piece = _next_piece(iov, n_iov, skip + done, _record_size(tls), &length)
        if length == 0:
            break
        if SSL_write(tls.ssl, piece, <int> length) != <int> length:
            _fail(conn, tls)
            return 0
        done += length
        if tls.young_left:
            tls.young_left = tls.young_left - length if tls.young_left > length else 0
    return done


cdef inline bint buf_has_room(tls_t* tls) noexcept nogil:
    return tls.out.area == NULL or buf_room(&tls.out) >= RECORD + 512


cdef void _note_time(conn_t* conn, tls_t* tls) noexcept nogil:
    cdef uint32_t now = <uint32_t> conn.loop.now_ms
    if tls.max_record and (tls.sent_ms == 0 or now - tls.sent_ms >= tls.idle_ms):
        tls.young_left = YOUNG_BYTES
    tls.sent_ms = now


cdef int64_t _sendv(conn_t* conn, const iovec* iov, uint32_t n_iov) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    cdef uint64_t total = 0, taken = 0
    cdef uint32_t i, n
    if conn.flags & CONN_F_HANDSHAKE:
        tls_handshake(conn)
        if conn.flags & CONN_F_HANDSHAKE:
            return -1 if conn.flags & CONN_F_ERROR else 0
    for i in range(n_iov):
        total += iov[i].iov_len
    if tls.out.len and (tls.owed or tls.out.len > LEFTOVER):
        _flush(conn, tls)
        if tls.out.len:
            return -1 if conn.flags & CONN_F_ERROR else 0
    if tls.owed:
        taken = tls.owed if tls.owed < total else total
        tls.owed -= <uint32_t> taken
    if tls.max_record:
        _note_time(conn, tls)
    ERR_clear_error()
    while taken < total:
        n = _encrypt(conn, tls, iov, n_iov, taken)
        if n == 0:
            return -1
        _flush(conn, tls)
        if conn.flags & CONN_F_ERROR:
            return -1
        if tls.out.len:
            tls.owed = n
            break
        taken += n
    return <int64_t> taken


# -- the end

cdef void _shut_write(conn_t* conn) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    if conn.flags & (CONN_F_HANDSHAKE | CONN_F_ERROR):
        return
    ERR_clear_error()
    SSL_shutdown(tls.ssl)
    _flush(conn, tls)
    ERR_clear_error()


cdef void _close(conn_t* conn) noexcept nogil:
    cdef tls_t* tls = <tls_t*> conn.secure
    if not conn.flags & (CONN_F_SHUT_WR | CONN_F_ERROR) and not tls.flags & TLS_F_RAW_EOF:
        _shut_write(conn)
    if not conn.flags & (CONN_F_HANDSHAKE | CONN_F_ERROR):
        # Otherwise libssl would throw the session away (SSL_set_shutdown(3)).
        SSL_set_shutdown(tls.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    SSL_free(tls.ssl)
    buf_release(&conn.loop.bufs, &tls.early)
    buf_release(&wires, &tls.out)
    opool_put(&layers, tls)
    conn.secure = NULL
    conn.transport = NULL


tls_transport.name = b"tls"
tls_transport.on_event = _on_event
tls_transport.recv = _recv
tls_transport.sendv = _sendv
tls_transport.shut_write = _shut_write
tls_transport.close = _close
