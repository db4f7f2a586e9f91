# `hash-type consistent`: its row, and what `balance random` shares with it.
#
# Must not know where keys come from.

from libc.stdint cimport uint32_t

from fastlb_core.lb.server cimport lb_ops_t, lb_t, pick_t, srv_t

cdef const lb_ops_t* consistent_ops() noexcept nogil
# From `place` of the ring on, the first server with a free slot that is within `hash-balance-factor`; the one to avoid only
# if there is no other. *place becomes its place.
cdef pick_t consistent_walk(lb_t* lb, uint32_t* place, const srv_t* avoid, srv_t** out) noexcept nogil
# False when `hash-balance-factor` forbids one more stream for it (manual, section 4.2).
cdef bint consistent_is_eligible(const lb_t* lb, const srv_t* srv) noexcept nogil
