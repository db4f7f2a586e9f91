# A map of turns for static-rr and the map-based hashes; see the header.
#
# Knows how places are dealt out. Must not know which algorithm reads it.
#
# The rule (haproxy: the same, by observation): weights are divided by the greatest common divisor of all configured ones.
# At each place every server's score grows by its weight; the server that is most whole rounds (sum of weights) ahead gets
# the place, the first one among equals, and pays one round. Only whole rounds matter, so a server is looked at when its
# score completes one, which happens as often as its weight says: the servers due at a place wait in a list that starts in
# that very place, which is not dealt out yet.
#
# lb_entries:  heap nodes[n] | place in heap[n] | link[n] | completed[n] | places of the map

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.heap cimport HEAP_NOWHERE, heap_node_t, heap_push, heap_t, heap_update
from fastlb_core.lb.server cimport SRV_F_BACKUP, lb_t, srv_t

cdef enum:
    NO_ROUND = 0x80000000    # heap key of a server that is no round ahead; smaller keys are more rounds
    LIST_END = 0xffffffff

cdef struct dealing_t:
    heap_t heap              # most rounds ahead first, then configuration order
    uint32_t* link           # next server due at the same place
    uint32_t* completed      # rounds that its score has completed so far
    uint32_t* places
    uint32_t total           # places, a round
    uint32_t divisor


cdef uint32_t map_capacity(uint32_t n_servers, uint32_t weights) noexcept nogil:
    return MAP_DEALING * n_servers + (weights if weights > n_servers else n_servers)


cdef uint32_t _gcd(uint32_t a, uint32_t b) noexcept nogil:
    cdef uint32_t rest
    while b:
        rest = a % b
        a = b
        b = rest
    return a


cdef uint32_t _divisor(const lb_t* lb) noexcept nogil:
    """Of all configured weights, in use or not, so that a server's share does not change when another one goes."""
    cdef uint32_t index, divisor = 0
    for index in range(lb.sh.n_servers):
        divisor = _gcd(lb.servers[index].sh.iweight, divisor)
    return divisor if divisor else 1


cdef inline uint32_t _share(const lb_t* lb, uint32_t index, uint32_t divisor) noexcept nogil:
    """Places of a server: 0 unless it is in use and of the group in use."""
    cdef const srv_t* srv = lb.servers[index]
    if not srv.sh.lb_weight or (1 if srv.flags & SRV_F_BACKUP else 0) != lb.sh.using_backup:
        return 0
    # Static: a weight set at run time counts only as zero or not.
    return (<uint32_t> srv.sh.iweight + divisor - 1) // divisor if srv.sh.iweight > 0 else 1


cdef void _lay_out(lb_t* lb, dealing_t* dealing) noexcept nogil:
    cdef uint32_t index, room = lb.sh.lb_capacity - MAP_DEALING * lb.sh.n_servers
    dealing.heap.nodes = <heap_node_t*> lb.sh.lb_entries
    dealing.heap.place = <uint32_t*> (dealing.heap.nodes + lb.sh.n_servers)
    dealing.heap.count = 0
    dealing.link = dealing.heap.place + lb.sh.n_servers
    dealing.completed = dealing.link + lb.sh.n_servers
    dealing.places = dealing.completed + lb.sh.n_servers
    dealing.divisor = _divisor(lb)
    dealing.total = 0
    for index in range(lb.sh.n_servers):
        dealing.heap.place[index] = HEAP_NOWHERE
        dealing.total += _share(lb, index, dealing.divisor)
    if dealing.total > room:
        dealing.total = room
    for index in range(dealing.total):
        dealing.places[index] = LIST_END


cdef void _wait_for_round(dealing_t* dealing, uint32_t index, uint32_t share) noexcept nogil:
    """Puts the server into the list of the place where its score completes its next round, if that is in the map."""
    cdef uint64_t due = (<uint64_t> dealing.completed[index] + 1) * dealing.total
    due = (due + share - 1) // share - 1
    if due < dealing.total:
        dealing.link[index] = dealing.places[due]
        dealing.places[due] = index


cdef void _complete_rounds(lb_t* lb, dealing_t* dealing, uint32_t index) noexcept nogil:
    """All servers of a list are one more round ahead."""
    cdef uint32_t following
    while index != LIST_END:
        following = dealing.link[index]
        dealing.completed[index] += 1
        heap_update(&dealing.heap, index, dealing.heap.nodes[dealing.heap.place[index]].key - 1, index)
        _wait_for_round(dealing, index, _share(lb, index, dealing.divisor))
        index = following


cdef void map_rebuild(lb_t* lb) noexcept nogil:
    cdef dealing_t dealing
    cdef uint32_t index, share, place
    _lay_out(lb, &dealing)
    for index in range(lb.sh.n_servers):
        share = _share(lb, index, dealing.divisor)
        if share:
            dealing.completed[index] = 0
            heap_push(&dealing.heap, index, NO_ROUND, index)
            _wait_for_round(&dealing, index, share)
    for place in range(dealing.total):
        _complete_rounds(lb, &dealing, dealing.places[place])
        index = dealing.heap.nodes[0].index
        dealing.places[place] = index
        heap_update(&dealing.heap, index, dealing.heap.nodes[0].key + 1, index)
    lb.sh.lb_count = dealing.total
