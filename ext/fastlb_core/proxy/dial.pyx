# Dialling: implementation.

from libc.errno cimport EADDRNOTAVAIL
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.atomic cimport cpu_relax, load_u32
from fastlb_core.lb.server cimport SRV_F_CLIENT_DST, SRV_F_HAS_SOURCE, SRV_F_MAP_PORT, SRV_F_TFO, srv_t
from fastlb_core.lb.shared cimport srv_shared_t
from fastlb_core.net.address cimport addr_length, addr_port
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.connect cimport (
    CONNECT_TFO, CONNECT_TRANSPARENT, CONNECT_UNTIL_BOUND, connect_opts_t, connect_start,
)
from fastlb_core.net.loop cimport loop_t
from fastlb_core.program.link cimport link_t
from fastlb_core.proxy.worker cimport srv_local_t
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, htons, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage


cdef enum:
    ADDRESS_ATTEMPTS = 10000     # far more than a write takes


cdef void _read_address(const srv_shared_t* sh, sockaddr_storage* out) noexcept nogil:
    """Copies the address under its sequence lock: control may be changing it. Control may also have died in the middle of
    that: then the address as it stands is tried, and fails like any wrong one."""
    cdef uint32_t before
    cdef int _attempt
    for _attempt in range(ADDRESS_ATTEMPTS):
        before = load_u32(&sh.addr_seq)
        memcpy(out, sh.addr, sizeof(sh.addr))
        if not before & 1 and load_u32(&sh.addr_seq) == before:
            return
        cpu_relax()


cdef void _take_client_address(sockaddr_storage* address, const void* client_dst) noexcept nogil:
    """The host is the client's destination, the port stays the server's."""
    cdef int port = addr_port(address)
    cdef uint32_t length = addr_length(client_dst)
    if length:
        memcpy(address, client_dst, length)
        _map_port(address, port)


cdef void _map_port(sockaddr_storage* address, int port) noexcept nogil:
    if address.ss_family == AF_INET:
        (<sockaddr_in*> address).sin_port = htons(<uint16_t> port)
    elif address.ss_family == AF_INET6:
        (<sockaddr_in6*> address).sin6_port = htons(<uint16_t> port)


cdef conn_t* _from_range(loop_t* loop, srv_t* srv, const sockaddr* address, uint32_t length, uint32_t options,
                         const sock_marks_t* marks, int* err_no) noexcept nogil:
    """From the first free port of the server's range, behind the one that was used last."""
    cdef const link_t* link = <const link_t*> srv.link
    cdef srv_local_t* local = <srv_local_t*> srv.local
    cdef sockaddr_storage source
    cdef conn_t* conn
    cdef uint32_t _try
    memcpy(&source, srv.source, srv.source_len)
    for _try in range(link.n_ports):
        _map_port(&source, link.port_first + <int> (local.port_next % link.n_ports))
        local.port_next += 1
        conn = connect_start(loop, address, length, <const sockaddr*> &source, srv.source_len, options | CONNECT_UNTIL_BOUND,
                             &link.opts, marks, err_no)
        if conn != NULL or err_no[0] != EADDRNOTAVAIL:
            return conn
    return NULL


cdef conn_t* _connect(loop_t* loop, srv_t* srv, const sockaddr* address, uint32_t length, const void* from_address,
                      uint32_t options, const sock_marks_t* marks, int* err_no) noexcept nogil:
    cdef const link_t* link = <const link_t*> srv.link
    cdef const connect_opts_t* opts = &link.opts if link != NULL else NULL
    if from_address != NULL:
        return connect_start(loop, address, length, <const sockaddr*> from_address, addr_length(from_address),
                             options | CONNECT_TRANSPARENT, opts, marks, err_no)
    if not srv.flags & SRV_F_HAS_SOURCE:
        return connect_start(loop, address, length, NULL, 0, options, opts, marks, err_no)
    if link != NULL and link.n_ports:
        return _from_range(loop, srv, address, length, options, marks, err_no)
    return connect_start(loop, address, length, <const sockaddr*> srv.source, srv.source_len, options, opts, marks, err_no)


cdef conn_t* dial(
    loop_t* loop, srv_t* srv, const void* client_dst, const void* from_address, uint32_t options, const sock_marks_t* marks,
    int* err_no
) noexcept nogil:
    cdef sockaddr_storage address
    cdef conn_t* conn
    cdef uint32_t length
    _read_address(srv.sh, &address)
    if srv.flags & SRV_F_CLIENT_DST:
        _take_client_address(&address, client_dst)
    length = addr_length(&address)
    if length == 0:
        length = srv.addr_len
    if srv.flags & SRV_F_MAP_PORT:
        _map_port(&address, <int> addr_port(client_dst) + srv.port_offset)
    if srv.flags & SRV_F_TFO:
        options |= CONNECT_TFO
    conn = _connect(loop, srv, <const sockaddr*> &address, length, from_address, options, marks, err_no)
    if conn != NULL:
        conn.origin = srv
    return conn
