# A map of turns: as many places as the weights sum to, each naming a server. static-rr walks it, hashes index it.
#
# Knows how places are dealt out. Must not know which algorithm reads it nor locks (the caller holds the lb lock).
# It lives in lb_entries; sh.lb_count is the number of places in use.

from libc.stdint cimport uint32_t

from fastlb_core.lb.server cimport lb_t

cdef enum:
    MAP_DEALING = 7          # words per server that dealing needs, in front of the places

# Words of lb_entries for n servers whose configured weights sum to `weights`.
cdef uint32_t map_capacity(uint32_t n_servers, uint32_t weights) noexcept nogil
# Deals the places out anew among the servers in use (sh.lb_weight above 0, of the group in use): O(places * log n).
cdef void map_rebuild(lb_t* lb) noexcept nogil

# lb_index of the server at a place (< sh.lb_count).
cdef inline uint32_t map_at(const lb_t* lb, uint32_t place) noexcept nogil:
    return lb.sh.lb_entries[MAP_DEALING * lb.sh.n_servers + place]
