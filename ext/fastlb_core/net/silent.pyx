# Silent closing: implementation.

from fastlb_core.sys.socket cimport SO_LINGER, SOL_SOCKET, linger, setsockopt

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_REPAIR

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_IP
    int IPPROTO_IPV6
    int IPPROTO_TCP
    int IP_TTL
    int IPV6_UNICAST_HOPS

cdef void silent_close_prepare(int fd, int ttl) noexcept nogil:
    cdef int one = 1
    cdef int hops = ttl if ttl else 1
    if ttl == 0 and setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &one, sizeof(one)) == 0:
        return
    setsockopt(fd, IPPROTO_IP, IP_TTL, &hops, sizeof(hops))
    setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops))
    reset_on_close(fd)


cdef void reset_on_close(int fd) noexcept nogil:
    cdef linger reset
    reset.l_onoff = 1
    reset.l_linger = 0
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset))
