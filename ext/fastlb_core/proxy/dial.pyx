# Dialling: implementation.

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.atomic cimport cpu_relax, load_u32
from fastlb_core.lb.server cimport SRV_F_CLIENT_DST, SRV_F_HAS_SOURCE, SRV_F_MAP_PORT, SRV_F_TFO, srv_t
from fastlb_core.lb.shared cimport srv_shared_t
from fastlb_core.net.address cimport addr_length, addr_port
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.connect cimport CONNECT_TFO, connect_start
from fastlb_core.net.loop cimport loop_t
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


cdef conn_t* dial(loop_t* loop, srv_t* srv, const void* client_dst, uint32_t options, int* err_no) noexcept nogil:
    cdef sockaddr_storage address
    cdef const sockaddr* source = NULL
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
    if srv.flags & SRV_F_HAS_SOURCE:
        source = <const sockaddr*> srv.source
    if srv.flags & SRV_F_TFO:
        options |= CONNECT_TFO
    conn = connect_start(loop, <const sockaddr*> &address, length, source, srv.source_len, options, err_no)
    if conn != NULL:
        conn.origin = srv
    return conn
