# `hash-type consistent`: the server of the ring's point that is nearest to the key (manual section 4.2, "hash-type").
#
# Knows the choice and the bound on loads. Must not know how points lie (ring.pyx) nor locks. Dynamic: weights and slowstart
# count at once. haproxy: a full server is waited for, and streams without a key take the ring's points in turns.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.lb.limit cimport srv_is_full, srv_is_passed_over
from fastlb_core.lb.ring cimport (
    ring_capacity, ring_find, ring_moved, ring_next, ring_of, ring_rebuild, ring_reweigh, ring_server)
from fastlb_core.lb.server cimport (
    LB_NO_KEY, LB_OPS_DYNAMIC, LB_OPS_KEYED, PICK_OK, PICK_QUEUE_BACKEND, PICK_QUEUE_SERVER, lb_ops_t, lb_t, pick_t, srv_t)


cdef bint consistent_is_eligible(const lb_t* lb, const srv_t* srv) noexcept nogil:
    cdef int64_t allowed
    if srv_is_passed_over(lb, srv):
        return False
    if lb.balance_factor == 0:
        return True
    # Its share of all streams, this one counted, times the factor, rounded up: somebody is always below it.
    allowed = (<int64_t> ring_of(lb).served + 1) * srv.sh.lb_weight * lb.balance_factor
    return <int64_t> srv.sh.served * lb.sh.total_weight * 100 < allowed


cdef pick_t consistent_walk(lb_t* lb, uint32_t* place, const srv_t* avoid, srv_t** out) noexcept nogil:
    cdef uint32_t at = place[0], start = at
    cdef srv_t* srv
    out[0] = NULL
    while True:
        srv = ring_server(lb, at)
        if not srv_is_full(lb, srv) and consistent_is_eligible(lb, srv):
            out[0] = srv
            place[0] = at
            if srv != avoid:
                return PICK_OK
        at = ring_next(lb, at)
        if at == start:
            return PICK_OK if out[0] != NULL else PICK_QUEUE_BACKEND


cdef pick_t _in_turn(lb_t* lb, const srv_t* avoid, srv_t** out) noexcept nogil:
    cdef uint32_t* turn = &ring_of(lb).turn[lb.sh.using_backup]
    cdef uint32_t place = turn[0] if turn[0] < ring_of(lb).count[lb.sh.using_backup] else 0
    cdef pick_t result = consistent_walk(lb, &place, avoid, out)
    if result == PICK_OK:
        turn[0] = place + 1
    return result


cdef pick_t _pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    cdef uint32_t place, start
    if key == LB_NO_KEY:
        return _in_turn(lb, avoid, out)
    place = start = ring_find(lb, <uint32_t> key)
    # haproxy: the next one on the ring stands in for the server that has just failed.
    while ring_server(lb, place) == avoid or not consistent_is_eligible(lb, ring_server(lb, place)):
        place = ring_next(lb, place)
        if place == start:
            break
    out[0] = ring_server(lb, place)
    return PICK_QUEUE_SERVER if srv_is_full(lb, out[0]) else PICK_OK


cdef lb_ops_t _consistent
_consistent.name = "consistent"
_consistent.flags = LB_OPS_DYNAMIC | LB_OPS_KEYED
_consistent.capacity = ring_capacity
_consistent.rebuild = ring_rebuild
_consistent.reweigh = ring_reweigh
_consistent.pick = _pick
_consistent.moved = ring_moved


cdef const lb_ops_t* consistent_ops() noexcept nogil:
    return &_consistent
