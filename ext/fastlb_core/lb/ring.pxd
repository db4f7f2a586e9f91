# The ring of `hash-type consistent` and `balance random`: every server as many points as its effective weight.
#
# Knows where points lie and how the ring follows weights. Must not know which algorithm reads it nor locks (the caller holds
# the lb lock). haproxy: the same points, by observation (tests/differential/test_hashing.py): point j of the server with
# the number `ring_id` lies at avalanche(4096 * id + j), and a key belongs to the point that is nearest on either side.
#
# lb_entries:  ring_t | seen[n] | points of active servers | points of backups | room for one server's new points

from libc.stdint cimport int32_t, int64_t, uint32_t

from fastlb_core.lb.server cimport SRV_F_BACKUP, lb_t, srv_t

cdef enum:
    RING_POINTS = 4096           # of a server at most: weight 256 in 16 steps

cdef struct ring_point_t:
    uint32_t at
    uint32_t index               # lb_index of its server

cdef struct ring_t:
    uint32_t count[2]            # points of active servers and of backups, each sorted
    uint32_t turn[2]             # next point for those who take servers in turns; may be behind the end
    uint32_t n_active            # configured active servers: the backups' points begin behind their room
    int32_t served               # streams of all servers, as far as `seen` says
    uint32_t reserved[2]

# Words of lb_entries for n servers. Most of it is never touched: a server with weight 1 has 16 points.
cdef uint32_t ring_capacity(uint32_t n_servers, uint32_t weights) noexcept nogil
# Both rings anew, O(points * log points).
cdef void ring_rebuild(lb_t* lb) noexcept nogil
# One server's points follow its sh.lb_weight: O(points).
cdef void ring_reweigh(lb_t* lb, srv_t* srv, uint32_t old) noexcept nogil
# `served` of a server has changed.
cdef void ring_moved(lb_t* lb, srv_t* srv) noexcept nogil
# Place in ring_points of the point that the key belongs to: O(log points). There must be points.
cdef uint32_t ring_find(const lb_t* lb, uint32_t key) noexcept nogil
# The sums and the order are right: for tests.
cdef bint ring_is_sound(const lb_t* lb) noexcept nogil

cdef inline ring_t* ring_of(const lb_t* lb) noexcept nogil:
    return <ring_t*> lb.sh.lb_entries

cdef inline int32_t* ring_seen(const lb_t* lb) noexcept nogil:
    return <int32_t*> (ring_of(lb) + 1)

# Points of a group: 0 active servers, 1 backups.
cdef inline ring_point_t* ring_points(const lb_t* lb, uint32_t group) noexcept nogil:
    cdef ring_point_t* points = <ring_point_t*> (ring_seen(lb) + (lb.sh.n_servers + 1 & ~(<uint32_t> 1)))
    return points + group * <int64_t> ring_of(lb).n_active * RING_POINTS

cdef inline srv_t* ring_server(const lb_t* lb, uint32_t place) noexcept nogil:
    return lb.servers[ring_points(lb, lb.sh.using_backup)[place].index]

# The place behind `place` in the group in use.
cdef inline uint32_t ring_next(const lb_t* lb, uint32_t place) noexcept nogil:
    return place + 1 if place + 1 < ring_of(lb).count[lb.sh.using_backup] else 0
