# The ring of consistent hashing; see the header.
#
# Knows where points lie. Must not know which algorithm reads it. avalanche() maps no two numbers to one, so no two points
# lie at the same place as long as servers' numbers stay below 2^20.

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport qsort

from fastlb_core.base.hash cimport hash_avalanche


cdef uint32_t ring_capacity(uint32_t n_servers, uint32_t weights) noexcept nogil:
    if n_servers == 0:
        return 0
    return (sizeof(ring_t) + (n_servers + 1) * (sizeof(int32_t) + RING_POINTS * sizeof(ring_point_t))) // sizeof(uint32_t)


cdef int _compare(const void* a, const void* b) noexcept nogil:
    cdef uint32_t left = (<const ring_point_t*> a).at, right = (<const ring_point_t*> b).at
    return (left > right) - (left < right)


cdef inline uint32_t _group(const srv_t* srv) noexcept nogil:
    return 1 if srv.flags & SRV_F_BACKUP else 0


cdef uint32_t _add_points(const srv_t* srv, ring_point_t* points) noexcept nogil:
    """The server's points, in no order; returns how many."""
    cdef uint32_t i, n = srv.sh.lb_weight if srv.sh.lb_weight < RING_POINTS else RING_POINTS
    for i in range(n):
        points[i].at = hash_avalanche(srv.ring_id * RING_POINTS + i)
        points[i].index = srv.lb_index
    return n


cdef void ring_rebuild(lb_t* lb) noexcept nogil:
    cdef ring_t* ring = ring_of(lb)
    cdef uint32_t index, group
    ring.n_active = ring.count[0] = ring.count[1] = 0
    ring.served = 0
    for index in range(lb.sh.n_servers):
        ring.n_active += 1 - _group(lb.servers[index])
        ring_seen(lb)[index] = lb.servers[index].sh.served
        ring.served += ring_seen(lb)[index]
    for index in range(lb.sh.n_servers):
        group = _group(lb.servers[index])
        ring.count[group] += _add_points(lb.servers[index], ring_points(lb, group) + ring.count[group])
    for group in range(2):
        qsort(ring_points(lb, group), ring.count[group], sizeof(ring_point_t), _compare)


cdef uint32_t _remove_points(ring_point_t* points, uint32_t count, uint32_t index) noexcept nogil:
    cdef uint32_t i, kept = 0
    for i in range(count):
        if points[i].index != index:
            points[kept] = points[i]
            kept += 1
    return kept


cdef void _merge(ring_point_t* points, uint32_t count, const ring_point_t* added, uint32_t n) noexcept nogil:
    """From the end, so that nothing is moved twice."""
    cdef uint32_t to = count + n
    while n:
        to -= 1
        if count and points[count - 1].at > added[n - 1].at:
            count -= 1
            points[to] = points[count]
        else:
            n -= 1
            points[to] = added[n]


cdef void ring_reweigh(lb_t* lb, srv_t* srv, uint32_t old) noexcept nogil:
    cdef ring_t* ring = ring_of(lb)
    cdef uint32_t group = _group(srv), n
    cdef ring_point_t* points = ring_points(lb, group)
    cdef ring_point_t* added = ring_points(lb, 0) + <int64_t> lb.sh.n_servers * RING_POINTS
    if old:
        ring.count[group] = _remove_points(points, ring.count[group], srv.lb_index)
    n = _add_points(srv, added)
    qsort(added, n, sizeof(ring_point_t), _compare)
    _merge(points, ring.count[group], added, n)
    ring.count[group] += n


cdef void ring_moved(lb_t* lb, srv_t* srv) noexcept nogil:
    cdef int32_t* seen = &ring_seen(lb)[srv.lb_index]
    ring_of(lb).served += srv.sh.served - seen[0]
    seen[0] = srv.sh.served


cdef uint32_t ring_find(const lb_t* lb, uint32_t key) noexcept nogil:
    cdef const ring_point_t* points = ring_points(lb, lb.sh.using_backup)
    cdef uint32_t count = ring_of(lb).count[lb.sh.using_backup]
    cdef uint32_t low = 0, high = count, middle, before, behind
    while low < high:
        middle = low + (high - low) // 2
        if points[middle].at < key:
            low = middle + 1
        else:
            high = middle
    behind = low if low < count else 0
    before = low - 1 if low else count - 1
    # Distances wrap around the ring's end.
    return behind if <uint32_t> (points[behind].at - key) < <uint32_t> (key - points[before].at) else before


cdef bint ring_is_sound(const lb_t* lb) noexcept nogil:
    cdef uint32_t group, i, total = 0, weights = 0
    cdef int32_t served = 0
    for group in range(2):
        for i in range(1, ring_of(lb).count[group]):
            if ring_points(lb, group)[i - 1].at >= ring_points(lb, group)[i].at:
                return False
        total += ring_of(lb).count[group]
    for i in range(lb.sh.n_servers):
        weights += lb.servers[i].sh.lb_weight
        served += lb.servers[i].sh.served
    return total == weights and served == ring_of(lb).served
