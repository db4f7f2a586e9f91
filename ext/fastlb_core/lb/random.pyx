# `balance random`: random keys of the ring, the least loaded of the servers drawn (manual section 4.2, "balance").
#
# Knows the draw. Must not know how points lie (ring.pyx) nor locks. Dynamic.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from fastlb_core.base.random cimport random_u64
from fastlb_core.lb.consistent cimport consistent_is_eligible, consistent_walk
from fastlb_core.lb.limit cimport srv_is_full
from fastlb_core.lb.ring cimport ring_capacity, ring_find, ring_moved, ring_rebuild, ring_reweigh, ring_server
from fastlb_core.lb.server cimport LB_OPS_DYNAMIC, PICK_OK, lb_ops_t, lb_t, pick_t, srv_t


cdef inline bint _is_less_loaded(const srv_t* a, const srv_t* b) noexcept nogil:
    return <int64_t> a.sh.served * b.sh.lb_weight < <int64_t> b.sh.served * a.sh.lb_weight


cdef pick_t _pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    # The lock's owner is this process.
    cdef int32_t pid = lb.sh.lock.owner
    cdef uint32_t place = 0, _draw
    cdef srv_t* srv
    cdef srv_t* best = NULL
    for _draw in range(lb.draws if lb.draws else 1):
        place = ring_find(lb, <uint32_t> random_u64(pid))
        srv = ring_server(lb, place)
        if srv == avoid or srv_is_full(lb, srv) or not consistent_is_eligible(lb, srv):
            continue
        if best == NULL or _is_less_loaded(srv, best):
            best = srv
    if best == NULL:
        return consistent_walk(lb, &place, avoid, out)
    out[0] = best
    return PICK_OK


cdef lb_ops_t _random
_random.name = "random"
_random.flags = LB_OPS_DYNAMIC
_random.capacity = ring_capacity
_random.rebuild = ring_rebuild
_random.reweigh = ring_reweigh
_random.pick = _pick
_random.moved = ring_moved


cdef const lb_ops_t* random_ops() noexcept nogil:
    return &_random
