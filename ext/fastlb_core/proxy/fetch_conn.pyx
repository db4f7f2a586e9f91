# Sample fetches of the client's and the server's connections (manual, section 7.3.3).
#
# Knows sockets, their addresses and what the kernel says about them. Must not know messages or stick tables.
# haproxy: `src` is what the PROXY header says, or a rule; `fc_src` is the socket's other end whatever they say.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_t
from fastlb_core.lb.shared cimport counters_t
from fastlb_core.net.conn cimport CONN_F_PROXY_SEEN, CONN_F_REUSED, conn_local, conn_t, peer_t
from fastlb_core.net.conn_err cimport conn_err_t, conn_err_text
from fastlb_core.net.proxy_protocol cimport pp_tlv_find
from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.program cimport LI_F_NAMED, listener_t
from fastlb_core.program.sample cimport (
    SMP_T_IPV4, SMP_T_IPV6, eval_t, sample_t, smp_set_bool, smp_set_int, smp_set_str,
)
from fastlb_core.sys.socket cimport (
    AF_INET, AF_INET6, IPPROTO_TCP, SOCK_CLOEXEC, SOCK_DGRAM, TCP_INFO, bind, getpeername, getsockname, getsockopt, ntohs,
    sockaddr, sockaddr_in, sockaddr_in6, socket, socklen_t, tcp_info,
)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)

cdef fetch_entry_t[64] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_conn_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# ---- addresses and ports

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


cdef bint _port(const peer_t* peer, sample_t* smp) noexcept nogil:
    if peer.family != AF_INET and peer.family != AF_INET6:
        return False
    return smp_set_int(smp, ntohs((<const sockaddr_in*> peer).sin_port))


cdef inline const peer_t* _local(conn_t* conn) noexcept nogil:
    return <const peer_t*> conn_local(conn)


cdef bint src(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _address(&ev.front.peer, smp)


cdef bint src_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _port(&ev.front.peer, smp)


cdef bint dst(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _address(_local(ev.front), smp)


cdef bint dst_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _port(_local(ev.front), smp)


cdef bint _kernel_peer(const conn_t* conn, peer_t* peer) noexcept nogil:
    cdef socklen_t length = sizeof(peer_t)
    return getpeername(conn.fd, <sockaddr*> peer, &length) == 0


cdef bint _kernel_local(const conn_t* conn, peer_t* local) noexcept nogil:
    cdef socklen_t length = sizeof(peer_t)
    return getsockname(conn.fd, <sockaddr*> local, &length) == 0


cdef bint fc_src(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef peer_t peer
    return _kernel_peer(ev.front, &peer) and _address(&peer, smp)


cdef bint fc_src_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef peer_t peer
    return _kernel_peer(ev.front, &peer) and _port(&peer, smp)


cdef bint fc_src_is_local(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef peer_t peer
    return _kernel_peer(ev.front, &peer) and _is_local(&peer, smp)


cdef bint fc_dst(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef peer_t local
    return _kernel_local(ev.front, &local) and _address(&local, smp)


cdef bint fc_dst_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef peer_t local
    return _kernel_local(ev.front, &local) and _port(&local, smp)


cdef bint fc_dst_is_local(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef peer_t local
    return _kernel_local(ev.front, &local) and _is_local(&local, smp)


cdef bint bc_src(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and _address(_local(ev.back), smp)


cdef bint bc_src_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and _port(_local(ev.back), smp)


cdef bint bc_dst(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and _address(&ev.back.peer, smp)


cdef bint bc_dst_port(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and _port(&ev.back.peer, smp)


cdef bint _is_local(const peer_t* peer, sample_t* smp) noexcept nogil:
    """Whether a socket may be bound to it: only to this machine's own addresses."""
    cdef peer_t own
    cdef socklen_t length = sizeof(sockaddr_in) if peer.family == AF_INET else sizeof(sockaddr_in6)
    cdef int fd, failed
    if peer.family != AF_INET and peer.family != AF_INET6:
        return False
    own = peer[0]
    (<sockaddr_in*> &own).sin_port = 0
    fd = socket(own.family, SOCK_DGRAM | SOCK_CLOEXEC, 0)
    if fd < 0:
        return False
    failed = bind(fd, <const sockaddr*> &own, length)
    close(fd)
    return smp_set_bool(smp, failed == 0)


cdef bint src_is_local(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _is_local(&ev.front.peer, smp)


cdef bint dst_is_local(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _is_local(_local(ev.front), smp)


# ---- what the kernel measured

cdef enum tcp_field_t:
    TCP_RTT = 0
    TCP_RTTVAR = 1
    TCP_UNACKED = 2
    TCP_SACKED = 3
    TCP_LOST = 4
    TCP_RETRANS = 5
    TCP_FACKETS = 6
    TCP_REORDERING = 7


cdef bint _measured(const conn_t* conn, tcp_field_t field, bint in_ms, sample_t* smp) noexcept nogil:
    """No value where it is not TCP. Times are in microseconds."""
    cdef tcp_info info
    cdef socklen_t length = sizeof(info)
    cdef uint32_t values[8]
    if conn == NULL:
        return False
    memset(&info, 0, sizeof(info))
    if getsockopt(conn.fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0:
        return False
    values[<int> TCP_RTT], values[<int> TCP_RTTVAR] = info.tcpi_rtt, info.tcpi_rttvar
    values[<int> TCP_UNACKED], values[<int> TCP_SACKED] = info.tcpi_unacked, info.tcpi_sacked
    values[<int> TCP_LOST], values[<int> TCP_RETRANS] = info.tcpi_lost, info.tcpi_retrans
    values[<int> TCP_FACKETS], values[<int> TCP_REORDERING] = info.tcpi_fackets, info.tcpi_reordering
    return smp_set_int(smp, values[<int> field] // 1000 if in_ms else values[<int> field])


# args of the times: 1 for microseconds.
cdef bint fc_rtt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_RTT, args[0].num == 0, smp)


cdef bint fc_rttvar(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_RTTVAR, args[0].num == 0, smp)


cdef bint bc_rtt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.back, TCP_RTT, args[0].num == 0, smp)


cdef bint bc_rttvar(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.back, TCP_RTTVAR, args[0].num == 0, smp)


cdef bint fc_unacked(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_UNACKED, False, smp)


cdef bint fc_sacked(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_SACKED, False, smp)


cdef bint fc_lost(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_LOST, False, smp)


cdef bint fc_retrans(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_RETRANS, False, smp)


cdef bint fc_fackets(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_FACKETS, False, smp)


cdef bint fc_reordering(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _measured(ev.front, TCP_REORDERING, False, smp)


# ---- what became of it

cdef bint fc_rcvd_proxy(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, ev.front.flags & CONN_F_PROXY_SEEN != 0)


cdef bint fc_pp_tlv(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """The last extension of that type in the client's PROXY header. args: its number."""
    cdef slice_t value = pp_tlv_find(ev.front.pp_tlvs, ev.front.pp_tlvs_len, <uint8_t> args[0].num)
    return value.ptr != NULL and smp_set_str(smp, value.ptr, value.len)


cdef bint fc_err(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """What is not 0 is seen by `error-log-format` only: a connection whose greeting failed never reaches a rule."""
    return smp_set_int(smp, ev.front.err)


cdef bint fc_err_str(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t text = conn_err_text(<conn_err_t> ev.front.err)
    return smp_set_str(smp, text.ptr, text.len)


cdef bint bc_err(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and smp_set_int(smp, 0)


cdef bint bc_err_str(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and smp_set_str(smp, b"Success", 7)


cdef bint fc_http_major(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: what has no HTTP on its wire counts as 1 as well."""
    return smp_set_int(smp, 1)


cdef bint bc_http_major(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and smp_set_int(smp, 1)


cdef bint bc_reused(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and smp_set_bool(smp, ev.back.flags & CONN_F_REUSED != 0)


cdef bint bc_one(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """HTTP/1 carries one stream at a time."""
    return ev.back != NULL and smp_set_int(smp, 1)


cdef bint bc_zero(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.back != NULL and smp_set_int(smp, 0)


# ---- where it was accepted

cdef inline const listener_t* _listener(const eval_t* ev) noexcept nogil:
    return <const listener_t*> ev.front.origin


cdef bint so_id(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, _listener(ev).id)


cdef bint so_name(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const listener_t* li = _listener(ev)
    return li.flags & LI_F_NAMED != 0 and smp_set_str(smp, li.name.ptr, li.name.len)


cdef bint dst_conn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """There is no gauge over all workers, only each one's own."""
    cdef const counters_t* slots = _listener(ev).counters
    cdef int64_t n = 0
    cdef int worker
    for worker in range(ev.program.n_workers):
        n += slots[worker].used_conns
    return smp_set_int(smp, n)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"src", src)
add(b"src_port", src_port)
add(b"src_is_local", src_is_local)
add(b"dst", dst)
add(b"dst_port", dst_port)
add(b"dst_is_local", dst_is_local)
add(b"dst_conn", dst_conn)
add(b"fc_src", fc_src)
add(b"fc_src_port", fc_src_port)
add(b"fc_src_is_local", fc_src_is_local)
add(b"fc_dst", fc_dst)
add(b"fc_dst_port", fc_dst_port)
add(b"fc_dst_is_local", fc_dst_is_local)
add(b"bc_src", bc_src)
add(b"bc_src_port", bc_src_port)
add(b"bc_dst", bc_dst)
add(b"bc_dst_port", bc_dst_port)
add(b"fc_rtt", fc_rtt)
add(b"fc_rttvar", fc_rttvar)
add(b"bc_rtt", bc_rtt)
add(b"bc_rttvar", bc_rttvar)
add(b"fc_unacked", fc_unacked)
add(b"fc_sacked", fc_sacked)
add(b"fc_lost", fc_lost)
add(b"fc_retrans", fc_retrans)
add(b"fc_fackets", fc_fackets)
add(b"fc_reordering", fc_reordering)
add(b"fc_rcvd_proxy", fc_rcvd_proxy)
add(b"fc_pp_tlv", fc_pp_tlv)
add(b"fc_err", fc_err)
add(b"fc_err_str", fc_err_str)
add(b"bc_err", bc_err)
add(b"bc_err_str", bc_err_str)
add(b"fc_http_major", fc_http_major)
add(b"bc_http_major", bc_http_major)
add(b"bc_reused", bc_reused)
add(b"bc_one", bc_one)
add(b"bc_zero", bc_zero)
add(b"so_id", so_id)
add(b"so_name", so_name)
