# connect(), non-blocking.
#
# The bytes of a first message are tried right after connect(): on a fast network the handshake is over by then,
# and where it is not, send() says EAGAIN and the connection is polled.

from libc.errno cimport EADDRINUSE, EADDRNOTAVAIL, EINPROGRESS, EINTR, ENOMEM, errno
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, strlen

from fastlb_core.net.conn cimport CONN_F_BACK, CONN_F_CAN_SEND, CONN_F_CONNECTING, CONN_F_UNIX, conn_new, conn_t
from fastlb_core.net.connect cimport CONNECT_KEEPALIVE, CONNECT_TFO, CONNECT_TRANSPARENT, CONNECT_UNTIL_BOUND
from fastlb_core.net.loop cimport loop_t
from fastlb_core.sys.socket cimport (
    AF_INET6, AF_UNIX, IP_BIND_ADDRESS_NO_PORT, IP_TOS, IP_TRANSPARENT, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPV6_TCLASS,
    IPV6_TRANSPARENT, SO_BINDTODEVICE, SO_KEEPALIVE, SO_MARK, SO_REUSEADDR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET,
    TCP_FASTOPEN_CONNECT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_USER_TIMEOUT, bind, connect, setsockopt, sockaddr,
    socket, socklen_t,
)
from fastlb_core.net.silent cimport reset_on_close
from fastlb_core.sys.splice cimport close


cdef bint _bind_source(int fd, const sockaddr* source, socklen_t source_len, uint32_t options) noexcept nogil:
    cdef int one = 1
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one))
    # The port is chosen at connect(): one source port may serve many destinations.
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one))
    if options & CONNECT_TRANSPARENT:
        if source.sa_family == AF_INET6:
            setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &one, sizeof(one))
        else:
            setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one))
    return bind(fd, source, source_len) == 0


cdef inline void _set_number(int fd, int name, uint32_t value) noexcept nogil:
    if value:
        setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value))


cdef bint _set_more(int fd, const connect_opts_t* opts) noexcept nogil:
    _set_number(fd, TCP_USER_TIMEOUT, opts.user_timeout_ms)
    _set_number(fd, TCP_KEEPIDLE, opts.keep_idle_s)
    _set_number(fd, TCP_KEEPINTVL, opts.keep_interval_s)
    _set_number(fd, TCP_KEEPCNT, opts.keep_count)
    if opts.interface == NULL:
        return True
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, opts.interface, <socklen_t> strlen(opts.interface) + 1) == 0


cdef int _why(uint32_t options) noexcept nogil:
    return EADDRNOTAVAIL if errno == EADDRINUSE and options & CONNECT_UNTIL_BOUND else errno


cdef void _set_options(int fd, uint32_t options) noexcept nogil:
    cdef int one = 1
    if options & CONNECT_KEEPALIVE:
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one))
    if options & CONNECT_TFO:
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one))
    if options & CONNECT_NOLINGER:
        reset_on_close(fd)


cdef void sock_set_marks(int fd, uint16_t family, const sock_marks_t* marks) noexcept nogil:
    cdef int tos = marks.tos
    if marks.has_mark:
        setsockopt(fd, SOL_SOCKET, SO_MARK, &marks.mark, sizeof(marks.mark))
    if not marks.has_tos:
        return
    if family == AF_INET6:
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos))
    else:
        setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos))


cdef conn_t* connect_start(loop_t* loop, const sockaddr* address, socklen_t address_len, const sockaddr* source,
                           socklen_t source_len, uint32_t options, const connect_opts_t* opts, const sock_marks_t* marks,
                           int* err_no) noexcept nogil:
    cdef uint32_t flags = CONN_F_BACK | CONN_F_CAN_SEND
    cdef conn_t* conn
    cdef int fd = socket(address.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if fd < 0:
        err_no[0] = errno
        return NULL
    if options:
        _set_options(fd, options)
    if marks != NULL:
        # Before connect(): the first packet carries them too.
        sock_set_marks(fd, address.sa_family, marks)
    if opts != NULL and address.sa_family != AF_UNIX and not _set_more(fd, opts) or \
            source != NULL and not _bind_source(fd, source, source_len, options):
        err_no[0] = _why(options)
        close(fd)
        return NULL
    if connect(fd, address, address_len) != 0:
        if errno != EINPROGRESS and errno != EINTR:
            err_no[0] = errno
            close(fd)
            return NULL
        flags |= CONN_F_CONNECTING
    if address.sa_family == AF_UNIX:
        flags |= CONN_F_UNIX
    conn = conn_new(loop, fd, flags)
    if conn == NULL:
        err_no[0] = ENOMEM
        return NULL
    memcpy(&conn.peer, address, sizeof(conn.peer) if address_len > sizeof(conn.peer) else address_len)
    return conn
