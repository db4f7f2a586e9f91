# `balance first`: the lowest id with a free slot (manual section 4.2, "balance"). Weights count only as zero or not.
#
# Knows ranks and a bit per server that is not full. Must not know locks (balance.pyx holds the lb lock) nor counters.
# A pick looks at 32 servers a word: 1000 full servers are 32 words.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.limit cimport srv_is_full
from fastlb_core.lb.server cimport PICK_OK, PICK_QUEUE_BACKEND, SRV_F_BACKUP, lb_ops_t, lb_t, pick_t, srv_t

cdef extern from *:
    int ctz "__builtin_ctz" (unsigned int word) noexcept nogil


cdef inline first_t* _state(lb_t* lb) noexcept nogil:
    return <first_t*> lb.sh.lb_entries


cdef inline uint32_t _words(uint32_t n_servers) noexcept nogil:
    return (n_servers + 31) // 32


cdef uint32_t _capacity(uint32_t n_servers, uint32_t weights) noexcept nogil:
    return <uint32_t> sizeof(first_t) // 4 + 2 * n_servers + _words(n_servers) + 1


cdef bint _goes_before(const srv_t* a, const srv_t* b) noexcept nogil:
    cdef bint a_waits = a.flags & SRV_F_BACKUP, b_waits = b.flags & SRV_F_BACKUP
    if a_waits != b_waits:
        return b_waits
    return a.id < b.id or (a.id == b.id and a.lb_index < b.lb_index)


cdef void _rank_all(lb_t* lb) noexcept nogil:
    """Insertion sort: ids nearly always grow in the order of the configuration, and this runs once."""
    cdef first_t* state = _state(lb)
    cdef uint32_t index, rank
    state.n_active = 0
    for index in range(lb.sh.n_servers):
        rank = index
        while rank and _goes_before(lb.servers[index], lb.servers[state.by_rank[rank - 1]]):
            state.by_rank[rank] = state.by_rank[rank - 1]
            rank -= 1
        state.by_rank[rank] = index
        if not lb.servers[index].flags & SRV_F_BACKUP:
            state.n_active += 1
    for rank in range(lb.sh.n_servers):
        state.rank_of[state.by_rank[rank]] = rank


cdef void _moved(lb_t* lb, srv_t* srv) noexcept nogil:
    """A bit may say open for a server that is full (its limit follows the load), never full for an open one."""
    cdef uint32_t rank = _state(lb).rank_of[srv.lb_index]
    cdef uint32_t bit = <uint32_t> 1 << (rank & 31)
    cdef uint32_t* word = &_state(lb).open[rank >> 5]
    if srv.sh.lb_weight and (srv.minconn or srv.sh.throttle or srv.sh.queued or not srv_is_full(lb, srv)):
        word[0] |= bit
    else:
        word[0] &= ~bit


cdef void _rebuild(lb_t* lb) noexcept nogil:
    cdef first_t* state = _state(lb)
    cdef uint32_t index
    state.rank_of = <uint32_t*> (state + 1)
    state.by_rank = state.rank_of + lb.sh.n_servers
    state.open = state.by_rank + lb.sh.n_servers
    for index in range(_words(lb.sh.n_servers)):
        state.open[index] = 0
    _rank_all(lb)
    for index in range(lb.sh.n_servers):
        _moved(lb, lb.servers[index])


cdef void _reweigh(lb_t* lb, srv_t* srv, uint32_t old) noexcept nogil:
    _moved(lb, srv)


cdef pick_t _pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    cdef first_t* state = _state(lb)
    cdef uint32_t rank = state.n_active if lb.sh.using_backup else 0
    cdef uint32_t end = lb.sh.n_servers if lb.sh.using_backup else state.n_active
    cdef uint32_t word
    cdef srv_t* srv
    out[0] = NULL
    while rank < end:
        word = state.open[rank >> 5] >> (rank & 31)
        if word == 0:
            rank = (rank | 31) + 1
            continue
        rank += ctz(word)
        if rank >= end:
            break
        srv = lb.servers[state.by_rank[rank]]
        if not srv_is_full(lb, srv):
            out[0] = srv
            if srv != avoid:
                return PICK_OK
        rank += 1
    return PICK_OK if out[0] != NULL else PICK_QUEUE_BACKEND


cdef lb_ops_t _ops
_ops.name = "first"
_ops.flags = 0
_ops.capacity = _capacity
_ops.rebuild = _rebuild
_ops.reweigh = _reweigh
_ops.pick = _pick
_ops.moved = _moved


cdef const lb_ops_t* first_ops() noexcept nogil:
    return &_ops
