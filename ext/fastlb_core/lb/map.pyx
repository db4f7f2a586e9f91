# A map of turns for static-rr and the map-based hashes; see the header.
#
# Knows how places are dealt out. Must not know which algorithm reads it.
#
# lb_entries:  score[n] (int32, only while dealing) | place[0 .. lb_count)
#
# haproxy: weights are divided by the greatest common divisor of all configured ones; at each place every server's score
# grows by its weight, the first of those that are most whole rounds ahead gets it and pays one round.

from libc.stdint cimport int32_t, uint32_t

from fastlb_core.lb.server cimport SRV_F_BACKUP, lb_t, srv_t

cdef enum:
    WEIGHT_SCALE = 16


cdef uint32_t map_capacity(uint32_t n_servers, uint32_t weights) noexcept nogil:
    return n_servers + (weights if weights > n_servers else n_servers)


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
    for index in range(lb.n_servers):
        divisor = _gcd(lb.servers[index].sh.iweight, divisor)
    return divisor if divisor else 1


cdef inline uint32_t _share(const lb_t* lb, uint32_t index, uint32_t divisor) noexcept nogil:
    """Places of a server: 0 unless it is in use and of the group in use."""
    cdef const srv_t* srv = lb.servers[index]
    if not srv.sh.lb_weight or (1 if srv.flags & SRV_F_BACKUP else 0) != lb.sh.using_backup:
        return 0
    # Static: a weight set at run time counts only as zero or not.
    return (<uint32_t> srv.sh.iweight + divisor - 1) // divisor if srv.sh.iweight > 0 else 1


cdef void map_rebuild(lb_t* lb) noexcept nogil:
    cdef int32_t* score = <int32_t*> lb.sh.lb_entries
    cdef uint32_t divisor = _divisor(lb)
    cdef uint32_t index, place, total = 0
    for index in range(lb.n_servers):
        score[index] = 0
        total += _share(lb, index, divisor)
    if total > lb.sh.lb_capacity - lb.n_servers:
        total = lb.sh.lb_capacity - lb.n_servers
    for place in range(total):
        lb.sh.lb_entries[lb.n_servers + place] = _deal(lb, score, divisor, <int32_t> total)
    lb.sh.lb_count = total


cdef uint32_t _deal(lb_t* lb, int32_t* score, uint32_t divisor, int32_t total) noexcept nogil:
    cdef uint32_t index, share, best = 0
    cdef int32_t rounds, most = 0
    for index in range(lb.n_servers):
        share = _share(lb, index, divisor)
        if share:
            score[index] += <int32_t> share
            rounds = (score[index] + total) // total
            if rounds > most:
                most = rounds
                best = index
    score[best] -= total
    return best
