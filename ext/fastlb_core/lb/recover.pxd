# What a dead process leaves in the arena, made good by the master: locks, slots, gauges, waiter bits, counters.
#
# Knows everything of shared.pxd that a worker holds a part of. Must not know processes (who died is told) nor Python.

from libc.stdint cimport int32_t, int64_t, uint64_t

from fastlb_core.lb.server cimport lb_t, srv_t
from fastlb_core.lb.shared cimport counters_t, px_shared_t

# One proxy after its worker's death: fe_conns, be_conns, queued and the waiter bit; both counters are folded. Returns how many
# frontend connections died with it.
cdef int64_t recover_proxy(
    px_shared_t* sh, counters_t* fe_counters, counters_t* be_counters, int32_t worker, int32_t n_workers) noexcept nogil

# One server likewise: its queue and waiter bit; then its counters are folded. After lb_recover of its backend.
cdef void recover_server(srv_t* srv, int32_t worker, int32_t n_workers) noexcept nogil
