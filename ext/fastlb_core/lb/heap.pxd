# A 4-ary min-heap of servers that lives in the arena: roundrobin and leastconn order theirs with it.
#
# Knows keys, ties and places. Must not know what a key means, nor locks (the backend's lb lock is held by the caller).
# Nodes of 16 bytes: the four children of a node are one cache line. `place` is the way back from a server to its node.
#
#     nodes   [0]           smallest (key, tie)
#             [1..4]        its children; those of i are 4i+1 .. 4i+4
#     place[index]          where server `index` stands, HEAP_NOWHERE when not in this heap

from libc.stdint cimport uint32_t, uint64_t

cdef enum:
    HEAP_NOWHERE = 0xffffffff

cdef struct heap_node_t:
    uint32_t key
    uint32_t index           # lb_index of the server
    uint64_t tie             # decides among equal keys: smaller first

cdef struct heap_t:
    heap_node_t* nodes       # shared, arena; room for every server that may enter
    uint32_t* place          # shared, arena: [n_servers]; several heaps may share it, a server stands in one at a time
    uint32_t count

# Puts server `index` in; it must be in no heap that shares `place`. O(log n).
cdef void heap_push(heap_t* heap, uint32_t index, uint32_t key, uint64_t tie) noexcept nogil
# Takes server `index` out; it must be in this heap. O(log n).
cdef void heap_remove(heap_t* heap, uint32_t index) noexcept nogil
# Gives server `index` of this heap another key and tie. O(log n).
cdef void heap_update(heap_t* heap, uint32_t index, uint32_t key, uint64_t tie) noexcept nogil
# True when every node is in order and every place right; for tests.
cdef bint heap_is_sound(const heap_t* heap) noexcept nogil

cdef inline bint heap_less(const heap_node_t* a, const heap_node_t* b) noexcept nogil:
    return a.key < b.key or (a.key == b.key and a.tie < b.tie)
