# Connections' implementation: the only place where the data path receives and sends.
#
# Knows errno and edge-triggered readiness; must not know what the bytes mean.

from libc.errno cimport EAGAIN, ECONNRESET, EINTR, EPIPE, errno
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset

from fastlb_core.base.buf cimport (
    buf_data, buf_realign, buf_release, buf_room, buf_tail, buf_take, opool_get, opool_put, pool_t,
)
from fastlb_core.base.list cimport list_add_tail, list_del, list_entry, list_init, list_pop, list_t
from fastlb_core.base.wheel cimport timer_t, wheel_cancel, wheel_set
from fastlb_core.net.conn cimport (
    CONN_F_BIG_RX, CONN_F_CAN_RECV, CONN_F_CAN_SEND, CONN_F_CLOSED, CONN_F_CONNECTING, CONN_F_EOF, CONN_F_ERROR,
    CONN_F_HANDSHAKE, CONN_F_NODELAY, CONN_F_POLLED, CONN_F_RAW_RECV, CONN_F_RDHUP, CONN_F_SENT, CONN_F_SHUT_WR, CONN_F_UNIX,
    conn_t,
)
from fastlb_core.net.loop cimport TIMER_CONN, loop_add, loop_forget, loop_t
from fastlb_core.sys.epoll cimport EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from fastlb_core.sys.socket cimport (
    IPPROTO_TCP, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC, SHUT_WR, SO_ERROR, SOL_SOCKET, TCP_NODELAY, getsockname,
    getsockopt, iovec, msghdr, recv, send, sendmsg, setsockopt, shutdown, sockaddr, socklen_t, ssize_t,
)
from fastlb_core.sys.splice cimport close

cdef enum:
    DRAIN_STEP = 65536           # bytes thrown away by one system call


cdef conn_t* conn_new(loop_t* loop, int fd, uint32_t flags) noexcept nogil:
    cdef conn_t* conn = <conn_t*> opool_get(&loop.conns)
    if conn == NULL:
        close(fd)
        return NULL
    memset(conn, 0, sizeof(conn_t))
    conn.fd = fd
    conn.flags = flags
    conn.loop = loop
    conn.timer.kind = TIMER_CONN
    conn.since_ms = loop.now_ms
    conn.since_real_us = loop.real_us
    list_init(&conn.link)
    list_init(&conn.all)
    return conn


cdef int _socket_error(int fd) noexcept nogil:
    cdef int error = 0
    cdef socklen_t length = sizeof(error)
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)
    return error


cdef void _on_event(void* owner, uint32_t events) noexcept nogil:
    cdef conn_t* conn = <conn_t*> owner
    cdef uint32_t flags = conn.flags
    if events & EPOLLIN:
        flags |= CONN_F_CAN_RECV | CONN_F_RAW_RECV
    if events & EPOLLRDHUP:
        flags |= CONN_F_RDHUP | CONN_F_CAN_RECV | CONN_F_RAW_RECV
    if events & EPOLLOUT:
        flags |= CONN_F_CAN_SEND
        # A refused connect() shows EPOLLERR as well: it stays "connecting" and becomes an error below.
        if not events & EPOLLERR and not flags & CONN_F_HANDSHAKE:
            flags &= ~(<uint32_t> CONN_F_CONNECTING)
    if events & EPOLLERR:
        if (flags & (CONN_F_CONNECTING | CONN_F_HANDSHAKE)) == CONN_F_CONNECTING and _socket_error(conn.fd) == ECONNRESET:
            flags &= ~(<uint32_t> CONN_F_CONNECTING)
        flags |= CONN_F_ERROR | CONN_F_CAN_RECV | CONN_F_RAW_RECV
    elif events & EPOLLHUP:
        # Both directions are shut; bytes may still wait to be received.
        flags |= CONN_F_RDHUP | CONN_F_CAN_RECV | CONN_F_RAW_RECV
    conn.flags = flags
    if conn.transport != NULL:
        conn.transport.on_event(conn)
    conn.ops.on_io(conn)


cdef bint conn_poll(conn_t* conn) noexcept nogil:
    if conn.flags & CONN_F_POLLED:
        return True
    conn.flags |= CONN_F_POLLED
    return loop_add(conn.loop, conn.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, conn, _on_event)


cdef inline pool_t* _rx_pool(conn_t* conn) noexcept nogil:
    return &conn.loop.big_bufs if conn.flags & CONN_F_BIG_RX else &conn.loop.bufs


cdef void conn_trim(conn_t* conn) noexcept nogil:
    if conn.rx.area != NULL and conn.rx.len == 0:
        buf_release(_rx_pool(conn), &conn.rx)
        conn.flags &= ~(<uint32_t> CONN_F_BIG_RX)


cdef int _received(conn_t* conn, ssize_t n, size_t room) noexcept nogil:
    """Notes what recv() said in the flags; conn_recv's return value."""
    if n > 0:
        if <size_t> n < room:
            conn.flags &= ~(<uint32_t> CONN_F_CAN_RECV)
            # The FIN had come before this call, and the queue is empty: the next recv() could only say 0.
            if conn.flags & CONN_F_RDHUP:
                conn.flags |= CONN_F_EOF
        return <int> n
    conn.flags &= ~(<uint32_t> CONN_F_CAN_RECV)
    if n == 0:
        conn.flags |= CONN_F_EOF
        return -1
    if errno == EAGAIN:
        return 0
    conn.flags |= CONN_F_ERROR
    return -1


cdef int _recv_through(conn_t* conn, uint32_t room) noexcept nogil:
    cdef int n = conn.transport.recv(conn, buf_tail(&conn.rx), room)
    if n > 0:
        conn.rx.len += <uint32_t> n
    else:
        conn_trim(conn)
    return n


cdef int conn_recv_raw(conn_t* conn, char* dst, uint32_t room) noexcept nogil:
    cdef ssize_t n
    while True:
        n = recv(conn.fd, dst, room, MSG_DONTWAIT)
        if n >= 0 or errno != EINTR:
            return _received(conn, n, room)


cdef int conn_recv(conn_t* conn, uint32_t reserve) noexcept nogil:
    cdef uint32_t room
    cdef int n
    if conn.flags & CONN_F_EOF:
        return -1
    if not conn.flags & CONN_F_CAN_RECV:
        return -1 if conn.flags & CONN_F_ERROR else 0
    if conn.rx.area == NULL and not buf_take(_rx_pool(conn), &conn.rx):
        conn.flags |= CONN_F_ERROR
        return -1
    room = buf_room(&conn.rx)
    if room <= reserve:
        buf_realign(&conn.rx)
        room = buf_room(&conn.rx)
        if room <= reserve:
            return 0
    room -= reserve
    if conn.transport != NULL:
        return _recv_through(conn, room)
    n = conn_recv_raw(conn, buf_tail(&conn.rx), room)
    if n > 0:
        conn.rx.len += <uint32_t> n
    elif conn.rx.len == 0:
        conn_trim(conn)
    return n


cdef int conn_drain(conn_t* conn) noexcept nogil:
    cdef ssize_t n
    if conn.flags & CONN_F_EOF:
        return -1
    if not conn.flags & CONN_F_CAN_RECV:
        return 0
    while True:
        # MSG_TRUNC on TCP drops the bytes in the kernel: nothing is copied.
        n = recv(conn.fd, NULL, DRAIN_STEP, MSG_DONTWAIT | MSG_TRUNC)
        if n >= 0 or errno != EINTR:
            return _received(conn, n, DRAIN_STEP)


cdef int64_t _sent(conn_t* conn, ssize_t n, uint64_t wanted) noexcept nogil:
    """Notes what send() said in the flags; conn_send's return value."""
    if n >= 0:
        conn.flags |= CONN_F_SENT
        conn.flags &= ~(<uint32_t> CONN_F_CONNECTING)
        if <uint64_t> n < wanted:
            conn.flags &= ~(<uint32_t> CONN_F_CAN_SEND)
        return n
    if errno == EAGAIN:
        conn.flags &= ~(<uint32_t> CONN_F_CAN_SEND)
        return 0
    if errno == ECONNRESET or errno == EPIPE:
        # Only an established connection can be reset: connect() had succeeded.
        conn.flags &= ~(<uint32_t> CONN_F_CONNECTING)
    conn.flags |= CONN_F_ERROR
    return -1


cdef inline void _before_send(conn_t* conn) noexcept nogil:
    """TCP_NODELAY from the second write on: the first one leaves at once in any case, and a short connection saves the call."""
    cdef int one = 1
    if (conn.flags & (CONN_F_SENT | CONN_F_NODELAY | CONN_F_UNIX)) == CONN_F_SENT:
        setsockopt(conn.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one))
        conn.flags |= CONN_F_NODELAY


cdef int64_t conn_sendv(conn_t* conn, iovec* iov, uint32_t n_iov) noexcept nogil:
    cdef msghdr msg
    cdef uint64_t wanted = 0
    cdef ssize_t n
    cdef uint32_t i
    if conn.transport != NULL:
        return conn.transport.sendv(conn, iov, n_iov)
    if n_iov == 1:
        return conn_send_raw(conn, <const char*> iov[0].iov_base, <uint32_t> iov[0].iov_len)
    _before_send(conn)
    for i in range(n_iov):
        wanted += iov[i].iov_len
    memset(&msg, 0, sizeof(msg))
    msg.msg_iov = iov
    msg.msg_iovlen = n_iov
    while True:
        n = sendmsg(conn.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT)
        if n >= 0 or errno != EINTR:
            return _sent(conn, n, wanted)


cdef int64_t conn_send(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil:
    cdef iovec iov
    if conn.transport == NULL:
        return conn_send_raw(conn, bytes, length)
    iov.iov_base = <void*> bytes
    iov.iov_len = length
    return conn.transport.sendv(conn, &iov, 1)


cdef int64_t conn_send_raw(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil:
    cdef ssize_t n
    _before_send(conn)
    while True:
        n = send(conn.fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT)
        if n >= 0 or errno != EINTR:
            return _sent(conn, n, length)


cdef bint conn_flush(conn_t* conn) noexcept nogil:
    cdef int64_t n
    while conn.tx.len > 0 and conn.flags & CONN_F_CAN_SEND:
        n = conn_send(conn, buf_data(&conn.tx), conn.tx.len)
        if n < 0:
            return False
        conn.tx.head += <uint32_t> n
        conn.tx.len -= <uint32_t> n
    if conn.tx.len == 0 and conn.tx.area != NULL:
        buf_release(&conn.loop.bufs, &conn.tx)
    return True


cdef bint conn_keep(conn_t* conn, const iovec* iov, uint32_t n_iov, uint64_t skip, uint64_t until) noexcept nogil:
    cdef uint64_t n, at = 0
    cdef uint32_t i
    if not buf_take(&conn.loop.bufs, &conn.tx):
        return False
    buf_realign(&conn.tx)
    for i in range(n_iov):
        n = iov[i].iov_len if at + iov[i].iov_len <= until else until - at
        if at + n > skip:
            if at + n - skip > buf_room(&conn.tx):
                return False
            # The first slice may be tx itself, from `skip` on.
            memmove(buf_tail(&conn.tx), <const char*> iov[i].iov_base + (skip - at), at + n - skip)
            conn.tx.len += <uint32_t> (at + n - skip)
            skip = at + n
        at += n
    return True


cdef void conn_shut_write(conn_t* conn) noexcept nogil:
    if not conn.flags & (CONN_F_SHUT_WR | CONN_F_CLOSED):
        conn.flags |= CONN_F_SHUT_WR
        if conn.transport != NULL:
            conn.transport.shut_write(conn)
        shutdown(conn.fd, SHUT_WR)


cdef void conn_close(conn_t* conn) noexcept nogil:
    if conn.flags & CONN_F_CLOSED:
        return
    conn.flags |= CONN_F_CLOSED
    if conn.ops != NULL and conn.ops.on_close != NULL:
        conn.ops.on_close(conn)
    wheel_cancel(&conn.loop.wheel, &conn.timer)
    if conn.transport != NULL:
        conn.transport.close(conn)
    loop_forget(conn.loop, conn.fd)
    close(conn.fd)
    buf_release(_rx_pool(conn), &conn.rx)
    buf_release(&conn.loop.bufs, &conn.tx)
    list_del(&conn.link)
    list_del(&conn.all)
    list_add_tail(&conn.loop.dead, &conn.link)


cdef const void* conn_local(conn_t* conn) noexcept nogil:
    cdef socklen_t length = sizeof(conn.local)
    if conn.local.family == 0:
        if getsockname(conn.fd, <sockaddr*> &conn.local, &length) != 0:
            conn.local.family = 0
    return &conn.local


cdef void conn_keep_tlvs(conn_t* conn, const uint8_t* tlvs, uint32_t length) noexcept nogil:
    if tlvs == NULL or length == 0 or conn.pp_tlvs != NULL:
        return
    # Once a connection, and only for senders that add something: no pool is worth it.
    conn.pp_tlvs = <uint8_t*> malloc(length)
    if conn.pp_tlvs != NULL:
        memcpy(conn.pp_tlvs, tlvs, length)
        conn.pp_tlvs_len = length


cdef void conn_bury_dead(loop_t* loop) noexcept nogil:
    cdef list_t* link
    cdef conn_t* conn
    while True:
        link = list_pop(&loop.dead)
        if link == NULL:
            return
        conn = <conn_t*> list_entry(link, <size_t> &(<conn_t*> NULL).link)
        free(conn.pp_tlvs)
        opool_put(&loop.conns, conn)


cdef void conn_set_timer(conn_t* conn, uint32_t ms) noexcept nogil:
    if ms == 0:
        wheel_cancel(&conn.loop.wheel, &conn.timer)
    else:
        wheel_set(&conn.loop.wheel, &conn.timer, <uint32_t> conn.loop.now_ms + ms)


cdef void conn_stop_timer(conn_t* conn) noexcept nogil:
    wheel_cancel(&conn.loop.wheel, &conn.timer)


cdef conn_t* conn_of_timer(timer_t* timer) noexcept nogil:
    return <conn_t*> list_entry(<list_t*> timer, <size_t> &(<conn_t*> NULL).timer)
