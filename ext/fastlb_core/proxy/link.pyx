# Wishes about connections: implementation.

from libc.string cimport memcpy, memset

from fastlb_core.base.xxhash cimport xxh64
from fastlb_core.net.address cimport addr_length
from fastlb_core.program.expr cimport expr_eval_as
from fastlb_core.program.link cimport (
    LINK_S_ADDRESS, LINK_S_CLIENT_IP, LINK_S_HEADER, LINK_S_OWN, link_t,
)
from fastlb_core.program.sample cimport EVAL_O_FINAL, SMP_T_IPV4, SMP_T_IPV6, SMP_T_STR, eval_t, sample_t
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, sockaddr_in, sockaddr_in6


cdef void _set_address(peer_t* into, int family, const void* address) noexcept nogil:
    """Without a port: the system chooses one."""
    memset(into, 0, sizeof(peer_t))
    into.family = family
    if family == AF_INET:
        memcpy(&(<sockaddr_in*> into).sin_addr, address, 4)
    else:
        memcpy(&(<sockaddr_in6*> into).sin6_addr, address, 16)


cdef void _take_header(stream_t* strm, const link_t* link, peer_t* source) noexcept nogil:
    cdef eval_t ev
    cdef sample_t smp
    eval_stream(&ev, strm, EVAL_O_FINAL)
    ev.scratch.used = 0
    if expr_eval_as(&ev, link.from_header, SMP_T_IPV4, &smp) and smp.type == SMP_T_IPV4:
        _set_address(source, AF_INET, smp.ip)
    elif expr_eval_as(&ev, link.from_header, SMP_T_IPV6, &smp) and smp.type == SMP_T_IPV6:
        _set_address(source, AF_INET6, smp.ip)


cdef void _take_source(stream_t* strm, const link_t* link, peer_t* source) noexcept nogil:
    if link.usesrc == LINK_S_ADDRESS:
        source[0] = link.from_address
    elif link.usesrc == LINK_S_HEADER:
        _take_header(strm, link, source)
    elif addr_length(&strm.front.peer):
        source[0] = strm.front.peer
        if link.usesrc == LINK_S_CLIENT_IP:
            # The port stands at the same place in both families.
            (<sockaddr_in*> source).sin_port = 0


cdef void link_wish(stream_t* strm, link_wish_t* wish) noexcept nogil:
    cdef const link_t* link = <const link_t*> strm.srv.link
    cdef eval_t ev
    cdef sample_t smp
    wish.source.family = 0
    wish.key = 0
    if link == NULL:
        return
    if link.usesrc != LINK_S_OWN:
        memset(&wish.source, 0, sizeof(wish.source))
        _take_source(strm, link, &wish.source)
        wish.key = xxh64(<const char*> &wish.source, sizeof(wish.source), 0)
    if link.pool_name != NULL:
        eval_stream(&ev, strm, EVAL_O_FINAL)
        ev.scratch.used = 0
        if expr_eval_as(&ev, link.pool_name, SMP_T_STR, &smp):
            wish.key ^= xxh64(smp.str.ptr, smp.str.len, 1)
