# `balance roundrobin`: turns in proportion to the weights, as evenly spread as possible (manual section 4.2, "balance").
#
# Knows the order of turns. Must not know locks (balance.pyx holds the lb lock) nor counters. Dynamic: a new weight counts
# at once, and a server that comes up is phased in within the round. O(log n) a pick.
#
# A round has as many turns as the weights sum to. A server of weight w has its turns round/w apart; what the division
# leaves over is summed up and makes a turn one later when it reaches w. Servers that had no turn in this round yet fill
# the holes, heaviest first. haproxy: same turns, found by observation, see tests/unit/lb/observed.

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.heap cimport HEAP_NOWHERE, heap_is_sound, heap_node_t, heap_push, heap_remove, heap_t
from fastlb_core.lb.limit cimport srv_is_full
from fastlb_core.lb.server cimport LB_OPS_DYNAMIC, PICK_OK, PICK_QUEUE_BACKEND, SRV_F_BACKUP, lb_ops_t, lb_t, pick_t, srv_t

cdef enum:
    EWEIGHT_MAX = 4096       # 256 * 16
    WEIGHT_SCALE = 16
    RR_END = 0xffffffff
    TIE_BITS = 48            # low bits of a tie: order of queueing; 2^48 picks are years


cdef inline roundrobin_t* _state(lb_t* lb) noexcept nogil:
    return <roundrobin_t*> lb.sh.lb_entries


cdef inline rr_group_t* _group_of(lb_t* lb, const srv_t* srv) noexcept nogil:
    return &_state(lb).groups[1 if srv.flags & SRV_F_BACKUP else 0]


cdef inline uint64_t _next_tie(rr_group_t* group) noexcept nogil:
    group.n_queued += 1
    return group.n_queued


cdef heap_t* _heap_of(rr_group_t* group, uint32_t queue) noexcept nogil:
    if queue == RR_CURRENT:
        return &group.current
    return &group.by_weight[queue - RR_EVEN]


cdef inline uint32_t _other(uint32_t queue) noexcept nogil:
    return RR_EVEN + RR_ODD - queue


cdef void _queue_by_weight(rr_group_t* group, rr_server_t* one, uint32_t index, uint32_t queue) noexcept nogil:
    one.queue = queue
    heap_push(_heap_of(group, queue), index, EWEIGHT_MAX - one.weight, _next_tie(group))


cdef void _queue(rr_group_t* group, rr_server_t* one, uint32_t index) noexcept nogil:
    """To its place in this round, or into the next one if its position is beyond this or the coming round's end."""
    cdef uint64_t rank
    if one.position >= 2 * group.weight or one.position >= group.weight + group.next_weight:
        one.position -= group.weight
        _queue_by_weight(group, one, index, _other(group.fresh))
        return
    one.queue = RR_CURRENT
    # Of two servers due at once, the heavier goes first, then the one with less left over.
    rank = (EWEIGHT_MAX + one.remainder - one.weight) // WEIGHT_SCALE
    heap_push(&group.current, index, one.position, rank << TIE_BITS | _next_tie(group))


cdef void _dequeue(rr_group_t* group, rr_server_t* one, uint32_t index) noexcept nogil:
    if one.queue != RR_NONE:
        heap_remove(_heap_of(group, one.queue), index)
        one.queue = RR_NONE


cdef void _advance(rr_group_t* group, rr_server_t* one) noexcept nogil:
    """Its turn has come: works out the next one."""
    if one.queue == group.fresh:
        one.position = group.now             # the first turn in this round: what it was due in the last one is forgotten
        one.remainder = 0
    one.last = one.position
    one.position += group.next_weight // one.weight
    one.remainder += group.next_weight % one.weight
    if one.remainder >= one.weight:
        one.remainder -= one.weight
        one.position += 1


cdef void _next_round(rr_group_t* group) noexcept nogil:
    group.fresh = _other(group.fresh)
    group.weight = group.next_weight
    group.now = group.weight


cdef uint32_t _head(rr_group_t* group) noexcept nogil:
    """Index of the server whose turn it is in this round, or RR_END when the round is over."""
    cdef heap_t* fresh = _heap_of(group, group.fresh)
    if group.current.count and group.current.nodes[0].key <= group.now:
        return group.current.nodes[0].index
    if fresh.count:
        return fresh.nodes[0].index
    return group.current.nodes[0].index if group.current.count else RR_END


cdef void _put_back(lb_t* lb, rr_group_t* group, uint32_t passed, bint is_next_round) noexcept nogil:
    """Requeues the servers passed over: as if they had had their turn, or by weight when the round changed meanwhile."""
    cdef rr_server_t* one
    cdef uint32_t index
    while passed != RR_END:
        index = passed
        one = &_state(lb).servers[index]
        passed = one.link
        if is_next_round:
            _queue_by_weight(group, one, index, group.fresh)
        else:
            _queue(group, one, index)


cdef pick_t _pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    cdef rr_group_t* group = &_state(lb).groups[lb.sh.using_backup]
    cdef rr_server_t* one
    cdef srv_t* srv
    cdef srv_t* avoided = NULL
    cdef uint32_t index, passed = RR_END
    cdef bint is_next_round = False
    out[0] = NULL
    while True:
        index = _head(group)
        if index == RR_END:
            if is_next_round:
                break
            is_next_round = True
            _next_round(group)
            continue
        srv = lb.servers[index]
        one = &_state(lb).servers[index]
        _advance(group, one)
        _dequeue(group, one, index)
        group.now += 1
        if not srv_is_full(lb, srv):
            if srv != avoid:
                out[0] = srv
                _queue(group, one, index)
                break
            avoided = srv
        one.link = passed
        passed = index
    _put_back(lb, group, passed, is_next_round)
    if out[0] == NULL:
        out[0] = avoided
    return PICK_OK if out[0] != NULL else PICK_QUEUE_BACKEND


cdef uint32_t _capacity(uint32_t n_servers, uint32_t weights) noexcept nogil:
    cdef size_t each = 6 * sizeof(heap_node_t) + sizeof(rr_server_t) + sizeof(uint32_t)
    return <uint32_t> (sizeof(roundrobin_t) + n_servers * each) // 4 + 4


cdef void _lay_out(lb_t* lb) noexcept nogil:
    """Sets the pointers into lb_entries and empties everything."""
    cdef roundrobin_t* state = _state(lb)
    cdef size_t n = lb.sh.n_servers
    cdef heap_node_t* nodes = <heap_node_t*> (state + 1)
    cdef uint32_t* place
    cdef rr_group_t* group
    cdef uint32_t g, index
    state.servers = <rr_server_t*> (nodes + 6 * n)
    place = <uint32_t*> (state.servers + n)
    for g in range(2):
        group = &state.groups[g]
        group.current.nodes = nodes + 3 * g * n
        group.by_weight[0].nodes = nodes + (3 * g + 1) * n
        group.by_weight[1].nodes = nodes + (3 * g + 2) * n
        group.current.place = group.by_weight[0].place = group.by_weight[1].place = place
        group.current.count = group.by_weight[0].count = group.by_weight[1].count = 0
        group.fresh = RR_EVEN
        group.now = group.weight = group.next_weight = 0
        group.n_queued = 0
    for index in range(lb.sh.n_servers):
        place[index] = HEAP_NOWHERE
        state.servers[index].queue = RR_NONE
        state.servers[index].weight = 0


cdef void _rebuild(lb_t* lb) noexcept nogil:
    """A first round: every server is fresh."""
    cdef rr_server_t* one
    cdef rr_group_t* group
    cdef uint32_t index
    _lay_out(lb)
    for index in range(lb.sh.n_servers):
        one = &_state(lb).servers[index]
        one.position = one.last = one.remainder = 0
        one.weight = lb.servers[index].sh.lb_weight
        if one.weight:
            group = _group_of(lb, lb.servers[index])
            group.next_weight += one.weight
            _queue_by_weight(group, one, index, group.fresh)
    for index in range(2):
        group = &_state(lb).groups[index]
        group.weight = group.now = group.next_weight


cdef void _join(rr_group_t* group, rr_server_t* one, uint32_t index) noexcept nogil:
    """Phases a server in that came up: somewhere in what is left of this round, by its weight."""
    group.next_weight += one.weight
    if group.weight == 0:
        group.weight = group.now = group.next_weight
    one.position = group.now + (group.next_weight + group.weight - group.now) // one.weight
    _queue(group, one, index)


cdef void _reweigh(lb_t* lb, srv_t* srv, uint32_t old) noexcept nogil:
    cdef rr_group_t* group = _group_of(lb, srv)
    cdef rr_server_t* one = &_state(lb).servers[srv.lb_index]
    cdef uint32_t queue = one.queue, before = one.position, step
    _dequeue(group, one, srv.lb_index)
    group.next_weight -= one.weight
    one.weight = srv.sh.lb_weight
    if one.weight == 0:
        return
    if old == 0:
        _join(group, one, srv.lb_index)
        return
    group.next_weight += one.weight
    if queue == group.fresh:
        _queue_by_weight(group, one, srv.lb_index, queue)
        return
    if queue != RR_CURRENT:
        before += group.weight               # of the next round: back to this round's time
    # The next turn comes a new step after the last one, never later than was planned; so a server that was through
    # with this round may get back into it.
    step = group.next_weight // one.weight
    one.remainder = 0
    one.position = one.last + step if one.last + step < before else before
    if one.position < group.now + 2:
        one.position = group.now + step
    _queue(group, one, srv.lb_index)


cdef bint roundrobin_is_sound(const roundrobin_t* state, uint32_t n_servers) noexcept nogil:
    cdef const rr_group_t* group
    cdef uint32_t g, index, queued = 0, in_use = 0
    for g in range(2):
        group = &state.groups[g]
        queued += group.current.count + group.by_weight[0].count + group.by_weight[1].count
        if not (heap_is_sound(&group.current) and heap_is_sound(&group.by_weight[0]) and heap_is_sound(&group.by_weight[1])):
            return False
    for index in range(n_servers):
        in_use += state.servers[index].weight != 0
    return queued == in_use


cdef lb_ops_t _ops
_ops.name = "roundrobin"
_ops.flags = LB_OPS_DYNAMIC
_ops.capacity = _capacity
_ops.rebuild = _rebuild
_ops.reweigh = _reweigh
_ops.pick = _pick
_ops.moved = NULL


cdef const lb_ops_t* roundrobin_ops() noexcept nogil:
    return &_ops
