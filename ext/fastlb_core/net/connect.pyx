# connect() to a server, non-blocking.
#
# The bytes of a first message are tried right after connect(): on a fast network the handshake is over by then,
# and where it is not, send() says EAGAIN and the connection is polled.

from libc.errno cimport EINPROGRESS, EINTR, errno
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.atomic cimport load_u32
from fastlb_core.lb.server cimport SRV_F_HAS_SOURCE, SRV_F_MAP_PORT, SRV_F_TFO, srv_t
from fastlb_core.lb.shared cimport srv_shared_t
from fastlb_core.net.conn cimport (
    CONN_F_BACK, CONN_F_CAN_SEND, CONN_F_CONNECTING, CONN_F_UNIX, conn_new, conn_t,
)
from fastlb_core.net.connect cimport CONNECT_KEEPALIVE
from fastlb_core.net.loop cimport loop_t
from fastlb_core.sys.socket cimport (
    AF_INET, AF_INET6, AF_UNIX, IP_BIND_ADDRESS_NO_PORT, IPPROTO_IP, IPPROTO_TCP, SO_KEEPALIVE, SO_REUSEADDR, SOCK_CLOEXEC,
    SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, TCP_FASTOPEN_CONNECT, bind, connect, htons, ntohs, setsockopt, sockaddr, sockaddr_in,
    sockaddr_in6, sockaddr_storage, socket,
)
from fastlb_core.sys.splice cimport close


cdef void _read_address(const srv_shared_t* sh, sockaddr_storage* out) noexcept nogil:
    """Copies the address under its sequence lock: control may be changing it."""
    cdef uint32_t before
    while True:
        before = load_u32(&sh.addr_seq)
        memcpy(out, sh.addr, 128)
        if not before & 1 and load_u32(&sh.addr_seq) == before:
            return


cdef void _map_port(sockaddr_storage* address, int port) noexcept nogil:
    if address.ss_family == AF_INET:
        (<sockaddr_in*> address).sin_port = htons(<uint16_t> port)
    elif address.ss_family == AF_INET6:
        (<sockaddr_in6*> address).sin6_port = htons(<uint16_t> port)


cdef void _set_options(int fd, const srv_t* srv, uint32_t options) noexcept nogil:
    cdef int one = 1
    if options & CONNECT_KEEPALIVE:
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one))
    if srv.flags & SRV_F_TFO:
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one))
    if srv.flags & SRV_F_HAS_SOURCE:
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one))
        # The port is chosen at connect(): one source port may serve many destinations.
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one))


cdef conn_t* connect_start(loop_t* loop, srv_t* srv, uint32_t client_port, uint32_t options, int* err_no) noexcept nogil:
    cdef sockaddr_storage address
    cdef uint32_t flags = CONN_F_BACK | CONN_F_CAN_SEND
    cdef conn_t* conn
    cdef int fd
    _read_address(srv.sh, &address)
    if srv.flags & SRV_F_MAP_PORT:
        _map_port(&address, <int> client_port + srv.port_offset)
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if fd < 0:
        err_no[0] = errno
        return NULL
    if options or srv.flags & (SRV_F_TFO | SRV_F_HAS_SOURCE):
        _set_options(fd, srv, options)
    if srv.flags & SRV_F_HAS_SOURCE and bind(fd, <sockaddr*> srv.source, srv.source_len) != 0:
        err_no[0] = errno
        close(fd)
        return NULL
    if connect(fd, <sockaddr*> &address, srv.addr_len) != 0:
        if errno != EINPROGRESS and errno != EINTR:
            err_no[0] = errno
            close(fd)
            return NULL
        flags |= CONN_F_CONNECTING
    if address.ss_family == AF_UNIX:
        flags |= CONN_F_UNIX
    conn = conn_new(loop, fd, flags)
    if conn == NULL:
        err_no[0] = 12   # ENOMEM
        return NULL
    conn.origin = srv
    memcpy(&conn.peer, &address, 28)
    return conn
