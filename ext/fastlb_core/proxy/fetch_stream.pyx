# Sample fetches of connections (manual, section 7.3.3).

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.net.conn cimport peer_t
from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.sample cimport SMP_T_IPV4, SMP_T_IPV6, eval_t, sample_t, smp_set_int
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, ntohs, sockaddr_in, sockaddr_in6

cdef fetch_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_stream_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint _address(const peer_t* peer, sample_t* smp) noexcept nogil:
    if peer.family == AF_INET:
        memcpy(smp.ip, &(<const sockaddr_in*> peer).sin_addr, 4)
        smp.type = SMP_T_IPV4
        return True
    if peer.family == AF_INET6:
        memcpy(smp.ip, &(<const sockaddr_in6*> peer).sin6_addr, 16)
        smp.type = SMP_T_IPV6
        return True
    return False


cdef bint src(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _address(&ev.front.peer, smp)


cdef bint src_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const sockaddr_in* peer = <const sockaddr_in*> &ev.front.peer
    if peer.sin_family != AF_INET and peer.sin_family != AF_INET6:
        return False
    return smp_set_int(smp, ntohs(peer.sin_port))


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"src", src)
add(b"src_port", src_port)
