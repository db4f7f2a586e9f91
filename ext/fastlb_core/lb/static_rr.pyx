# `balance static-rr`: walks the map of turns (manual section 4.2, "balance").
#
# Knows the walk. Must not know how places are dealt out (map.pyx) nor locks. Static: weights count as configured.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.limit cimport srv_is_full
from fastlb_core.lb.map cimport map_at, map_capacity, map_rebuild
from fastlb_core.lb.server cimport PICK_OK, PICK_QUEUE_BACKEND, lb_ops_t, lb_t, pick_t, srv_t


cdef pick_t _pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    """The next place whose server has a free slot; the one to avoid only if the whole map offers no other.

    haproxy: the position may stand behind the end, and wraps when it is used: it survives a map that shrinks and grows."""
    cdef uint32_t place = lb.sh.rr_position if lb.sh.rr_position < lb.sh.lb_count else 0
    cdef uint32_t start = place, avoided = 0
    cdef srv_t* srv
    out[0] = NULL
    while True:
        srv = lb.servers[map_at(lb, place)]
        if not srv_is_full(lb, srv):
            out[0] = srv
            if srv != avoid:
                lb.sh.rr_position = place + 1
                return PICK_OK
            avoided = place
        place = place + 1 if place + 1 < lb.sh.lb_count else 0
        if place == start:
            break
    if out[0] == NULL:
        return PICK_QUEUE_BACKEND
    lb.sh.rr_position = avoided + 1
    return PICK_OK


cdef lb_ops_t _ops
_ops.name = "static-rr"
_ops.flags = 0
_ops.capacity = map_capacity
_ops.rebuild = map_rebuild
_ops.reweigh = NULL
_ops.pick = _pick
_ops.moved = NULL


cdef const lb_ops_t* static_rr_ops() noexcept nogil:
    return &_ops
