# `hash-type map-based`: the key's place in the map of turns decides (manual section 4.2, "balance", "hash-type").
#
# Knows map-based hashing. Must not know how places are dealt out (map.pyx) nor locks. The server that a key leads to is
# chosen even when it is full or to be avoided: the stream then waits for it. haproxy: the same.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.lb.limit cimport srv_is_full, srv_is_passed_over
from fastlb_core.lb.map cimport map_at, map_capacity, map_rebuild
from fastlb_core.lb.server cimport LB_NO_KEY, LB_OPS_KEYED, PICK_OK, PICK_QUEUE_SERVER, lb_ops_t, lb_t, pick_t, srv_t
from fastlb_core.lb.static_rr cimport static_rr_ops

cdef extern from "netinet/in.h" nogil:
    enum:
        AF_INET
        AF_INET6
    struct in_addr:
        uint32_t s_addr
    struct in6_addr:
        unsigned char s6_addr[16]
    struct sockaddr_in:
        unsigned short sin_family
        in_addr sin_addr
    struct sockaddr_in6:
        in6_addr sin6_addr
    uint32_t ntohl(uint32_t netlong)


cdef uint32_t hash_address(const void* sockaddr) noexcept nogil:
    cdef const sockaddr_in* in4 = <const sockaddr_in*> sockaddr
    cdef const sockaddr_in6* in6 = <const sockaddr_in6*> sockaddr
    cdef uint32_t words[4]
    if in4.sin_family == AF_INET:
        return ntohl(in4.sin_addr.s_addr)
    if in4.sin_family != AF_INET6:
        return 0
    memcpy(words, in6.sin6_addr.s6_addr, 16)
    return ntohl(words[0]) ^ ntohl(words[1]) ^ ntohl(words[2]) ^ ntohl(words[3])


cdef pick_t _pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    cdef uint32_t place, start
    if key == LB_NO_KEY:
        return static_rr_ops().pick(lb, key, avoid, out)
    place = start = <uint32_t> key % lb.sh.lb_count
    while srv_is_passed_over(lb, lb.servers[map_at(lb, place)]):
        place = place + 1 if place + 1 < lb.sh.lb_count else 0
        if place == start:
            break
    out[0] = lb.servers[map_at(lb, place)]
    return PICK_QUEUE_SERVER if srv_is_full(lb, out[0]) else PICK_OK


cdef lb_ops_t _map_based
_map_based.name = "map-based"
_map_based.flags = LB_OPS_KEYED
_map_based.capacity = map_capacity
_map_based.rebuild = map_rebuild
_map_based.reweigh = NULL
_map_based.pick = _pick
_map_based.moved = NULL


cdef const lb_ops_t* map_based_ops() noexcept nogil:
    return &_map_based
