# `balance roundrobin`: its row and its structure in the arena.
#
# Knows the layout of lb_entries for this algorithm. Must not know the face (balance.pxd), which lists the row.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.heap cimport heap_t
from fastlb_core.lb.server cimport lb_ops_t

cdef enum rr_queue_t:
    RR_NONE = 0              # not in use
    RR_CURRENT = 1           # has had a turn in this round and has another one at `position`
    RR_EVEN = 2              # by weight, heaviest first: has had no turn yet in this round, if this is the group's `fresh`
    RR_ODD = 3               # queue, else is through with this round

cdef struct rr_server_t:
    uint32_t position        # of its next turn
    uint32_t last            # of its last turn
    uint32_t remainder       # what integer division of round / weight left over so far
    uint32_t queue           # rr_queue_t
    uint32_t link            # lb_index of the next passed-over server, RR_END; only during one pick
    uint32_t weight          # that the group counts it with

# Time in a round runs from `weight` to 2 * `weight`, one unit a turn. When a round ends, even and odd change
# their meanings.
cdef struct rr_group_t:
    heap_t current           # by position
    heap_t by_weight[2]      # RR_EVEN, RR_ODD
    uint32_t fresh           # RR_EVEN or RR_ODD; the other one collects for the next round
    uint32_t now             # position in this round
    uint32_t weight          # of all servers when this round began
    uint32_t next_weight     # of all servers now
    uint64_t n_queued        # tie of the next server that is queued: equal keys are first come, first served

# lb_entries:  rr_group_t[2] | nodes [6][n] | rr_server_t[n] | place[n]
cdef struct roundrobin_t:
    rr_group_t groups[2]     # active servers, backup servers
    rr_server_t* servers

cdef const lb_ops_t* roundrobin_ops() noexcept nogil
# True when heaps, places and weights agree; for tests.
cdef bint roundrobin_is_sound(const roundrobin_t* state, uint32_t n_servers) noexcept nogil
