# `balance leastconn`: the server with the fewest streams for its weight (manual section 4.2, "balance").
#
# Knows the key that orders the servers and which ties go first. Must not know locks (balance.pyx holds the lb lock) nor
# counters. Dynamic: follows weights at run time. A heap in the arena, O(log n) for each slot taken or given back.
#
# haproxy: an idle server's key is 0 whatever its weight, any other's (streams + 1) / weight; among equal keys the server
# that got its key first goes first. Found by observation, see tests/unit/lb/observed.

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastlb_core.base.atomic cimport load_relaxed_i32
from fastlb_core.lb.heap cimport HEAP_NOWHERE, heap_node_t, heap_push, heap_remove, heap_t, heap_update
from fastlb_core.lb.limit cimport srv_is_full
from fastlb_core.lb.server cimport LB_OPS_DYNAMIC, PICK_OK, PICK_QUEUE_BACKEND, SRV_F_BACKUP, lb_ops_t, lb_t, pick_t, srv_t

cdef enum:
    EWEIGHT_MAX = 4096       # 256 * 16


cdef inline leastconn_t* _state(lb_t* lb) noexcept nogil:
    return <leastconn_t*> lb.sh.lb_entries


cdef inline heap_t* _heap_of(lb_t* lb, const srv_t* srv) noexcept nogil:
    return &_state(lb).groups[1 if srv.flags & SRV_F_BACKUP else 0]


cdef uint32_t _key(const srv_t* srv) noexcept nogil:
    cdef int32_t streams = load_relaxed_i32(&srv.sh.served) + load_relaxed_i32(&srv.sh.queued)
    cdef uint64_t key
    if streams <= 0:
        return 0
    key = (<uint64_t> streams + 1) * EWEIGHT_MAX // srv.sh.lb_weight
    return <uint32_t> key if key < <uint64_t> 0xffffffff else 0xffffffff


cdef uint64_t _next_tie(leastconn_t* state) noexcept nogil:
    state.n_moves += 1
    return state.n_moves


cdef uint32_t _capacity(uint32_t n_servers, uint32_t weights) noexcept nogil:
    return <uint32_t> (sizeof(leastconn_t) + n_servers * (sizeof(uint32_t) + 2 * sizeof(heap_node_t))) // 4 + 4


cdef void _lay_out(lb_t* lb) noexcept nogil:
    """Sets the pointers into lb_entries; the nodes come first, so that they keep their alignment."""
    cdef leastconn_t* state = _state(lb)
    cdef heap_node_t* nodes = <heap_node_t*> (state + 1)
    cdef uint32_t* place = <uint32_t*> (nodes + 2 * <size_t> lb.sh.n_servers)
    cdef uint32_t group
    for group in range(2):
        state.groups[group].nodes = nodes + group * <size_t> lb.sh.n_servers
        state.groups[group].place = place
        state.groups[group].count = 0
    state.n_moves = 0


cdef void _rebuild(lb_t* lb) noexcept nogil:
    cdef uint32_t index
    cdef srv_t* srv
    _lay_out(lb)
    for index in range(lb.sh.n_servers):
        srv = lb.servers[index]
        _state(lb).groups[0].place[index] = HEAP_NOWHERE
        if srv.sh.lb_weight:
            heap_push(_heap_of(lb, srv), index, _key(srv), _next_tie(_state(lb)))


cdef void _reweigh(lb_t* lb, srv_t* srv, uint32_t old) noexcept nogil:
    if old:
        heap_remove(_heap_of(lb, srv), srv.lb_index)
    if srv.sh.lb_weight:
        heap_push(_heap_of(lb, srv), srv.lb_index, _key(srv), _next_tie(_state(lb)))


cdef void _moved(lb_t* lb, srv_t* srv) noexcept nogil:
    cdef heap_t* heap = _heap_of(lb, srv)
    cdef uint64_t key
    if not srv.sh.lb_weight:
        return
    key = _key(srv)
    if heap.nodes[heap.place[srv.lb_index]].key != key:
        heap_update(heap, srv.lb_index, key, _next_tie(_state(lb)))


cdef pick_t _pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    """The smallest key with a free slot. Servers that are passed over wait behind the shrunken heap and are put back."""
    cdef heap_t* heap = &_state(lb).groups[lb.sh.using_backup]
    cdef uint32_t n_all = heap.count
    cdef heap_node_t first
    cdef srv_t* srv
    cdef srv_t* avoided = NULL
    out[0] = NULL
    while heap.count:
        first = heap.nodes[0]
        srv = lb.servers[first.index]
        if not srv_is_full(lb, srv):
            if srv != avoid:
                out[0] = srv
                break
            avoided = srv
        heap_remove(heap, first.index)
        heap.nodes[heap.count] = first
    while heap.count < n_all:
        first = heap.nodes[heap.count]
        heap_push(heap, first.index, first.key, first.tie)
    if out[0] == NULL:
        out[0] = avoided
    return PICK_OK if out[0] != NULL else PICK_QUEUE_BACKEND


cdef lb_ops_t _ops
_ops.name = "leastconn"
_ops.flags = LB_OPS_DYNAMIC
_ops.capacity = _capacity
_ops.rebuild = _rebuild
_ops.reweigh = _reweigh
_ops.pick = _pick
_ops.moved = _moved


cdef const lb_ops_t* leastconn_ops() noexcept nogil:
    return &_ops
