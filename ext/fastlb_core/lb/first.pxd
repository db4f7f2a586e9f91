# `balance first`: its row and its structure in the arena.
#
# Must not know the face (balance.pxd), which lists the row.

from libc.stdint cimport uint32_t

from fastlb_core.lb.server cimport lb_ops_t

# lb_entries:  first_t | rank_of[n] | by_rank[n] | open[(n + 31) / 32]
# A server's rank is its place by id; backups rank behind the active servers.
cdef struct first_t:
    uint32_t* rank_of        # by lb_index
    uint32_t* by_rank        # lb_index by rank
    uint32_t* open           # a bit per rank: in use, and not seen full
    uint32_t n_active        # ranks below are active servers

cdef const lb_ops_t* first_ops() noexcept nogil
