# `balance leastconn`: its row and its structure in the arena.
#
# Knows the layout of lb_entries for this algorithm. Must not know the face (balance.pxd), which lists the row.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.heap cimport heap_t
from fastlb_core.lb.server cimport lb_ops_t

# lb_entries:  leastconn_t | place[n] | nodes of the active servers [n] | nodes of the backups [n]
cdef struct leastconn_t:
    heap_t groups[2]         # active servers, backup servers
    uint64_t n_moves         # tie of the next server that gets a new key: equal keys are first come, first served

cdef const lb_ops_t* leastconn_ops() noexcept nogil
