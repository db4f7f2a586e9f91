# cython: language_level=3
# What the tests see of FastCGI under a connection, without a socket. Must not be imported by the product.
#
# The records arrive as pieces, one for each event; what stands below is a transport that hands them out.

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastlb_core.base.buf cimport pool_destroy, pool_init
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.fcgi cimport (
    FCGI_F_HEAD_ASKED, FCGI_F_HTTP10, fcgi_attach, fcgi_begin, fcgi_flush, fcgi_is_free, fcgi_n_used, fcgi_params_done,
)
from fastlb_core.net.conn cimport CONN_F_CAN_RECV, CONN_F_CAN_SEND, CONN_F_EOF, CONN_F_ERROR, conn_t, transport_t
from fastlb_core.net.loop cimport loop_t
from fastlb_core.sys.socket cimport iovec

cdef transport_t feeder
cdef bytes piece = b""           # what the next receives give
cdef uint32_t piece_at = 0
cdef bint is_last = False        # and the end behind it
cdef list told = []


cdef void _on_event(conn_t* conn) noexcept nogil:
    pass


cdef int _recv(conn_t* conn, char* dst, uint32_t room) noexcept nogil:
    cdef uint32_t n
    global piece_at
    with gil:
        n = min(room, <uint32_t> len(piece) - piece_at)
        memcpy(dst, <const char*> piece + piece_at, n)
        piece_at += n
        if piece_at == <uint32_t> len(piece):
            conn.flags &= ~(<uint32_t> CONN_F_CAN_RECV)
            if is_last:
                conn.flags |= CONN_F_EOF
        return <int> n


cdef int64_t _sendv(conn_t* conn, const iovec* iov, uint32_t n_iov) noexcept nogil:
    return <int64_t> iov[0].iov_len


cdef void _nothing(conn_t* conn) noexcept nogil:
    pass


feeder.name = b"feeder"
feeder.on_event = _on_event
feeder.recv = _recv
feeder.sendv = _sendv
feeder.shut_write = _nothing
feeder.close = _nothing


cdef void _on_stderr(conn_t* conn, slice_t message) noexcept nogil:
    with gil:
        told.append(message.ptr[:message.len])


def answer(list pieces, *, bint closes=False, bint head_asked=False, bint http10=False, uint32_t room=15360, uint32_t size=16384):
    """(bytes for the parser above, "", "eof" or "error", STDERR messages, whether another request may follow).

    pieces: what is received, by event. closes: the end comes with the last. room: bytes of each receive of the user's. size: of
    the buffers. Raises RuntimeError where it does not come to an end, or something is left behind.
    """
    cdef loop_t* loop = <loop_t*> malloc(sizeof(loop_t))
    cdef conn_t* conn = <conn_t*> malloc(sizeof(conn_t))
    cdef char* dst = <char*> malloc(room)
    cdef uint32_t flags = (FCGI_F_HEAD_ASKED if head_asked else 0) | (FCGI_F_HTTP10 if http10 else 0)
    cdef uint32_t params_room, used
    cdef bint is_free
    if loop == NULL or conn == NULL or dst == NULL:
        raise MemoryError
    memset(loop, 0, sizeof(loop_t))
    memset(conn, 0, sizeof(conn_t))
    pool_init(&loop.bufs, size, 4)
    told.clear()
    used = fcgi_n_used()
    conn.loop = loop
    loop.real_us = 1_000_000_000_000_000
    conn.fd = -1
    conn.flags = CONN_F_CAN_SEND
    conn.transport = &feeder
    if not fcgi_attach(conn, NULL, _on_stderr) or fcgi_begin(conn, True, False, size, &params_room) == NULL:
        raise MemoryError
    fcgi_params_done(conn, 0, 0, flags)
    fcgi_flush(conn)
    try:
        made, end = _run(conn, pieces, closes, dst, room)
        is_free = fcgi_is_free(conn)
    finally:
        conn.transport.close(conn)
        used = fcgi_n_used() - used + loop.bufs.n_used
        pool_destroy(&loop.bufs)
        free(loop)
        free(conn)
        free(dst)
    if used:
        raise RuntimeError("buffers are left behind")
    return made, end, list(told), is_free


cdef _run(conn_t* conn, list pieces, bint closes, char* dst, uint32_t room):
    global piece, piece_at, is_last
    cdef int n
    made, calls = b"", 0
    for at, data in enumerate(pieces):
        piece, piece_at, is_last = data, 0, closes and at == len(pieces) - 1
        conn.flags |= CONN_F_CAN_RECV
        conn.transport.on_event(conn)
        while conn.flags & CONN_F_CAN_RECV and not conn.flags & (CONN_F_EOF | CONN_F_ERROR):
            n = conn.transport.recv(conn, dst, room)
            calls += 1
            if calls > 100000:
                raise RuntimeError("it does not end")
            if n > <int> room:
                raise RuntimeError("more than there is room for")
            if n > 0:
                made += dst[:n]
        if conn.flags & (CONN_F_EOF | CONN_F_ERROR):
            break
    return made, "error" if conn.flags & CONN_F_ERROR else "eof" if conn.flags & CONN_F_EOF else ""
