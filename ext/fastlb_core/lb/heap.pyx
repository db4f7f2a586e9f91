# A 4-ary min-heap of servers in the arena; see the header.
#
# Knows sifting. Must not know what a key means.

from libc.stdint cimport uint32_t, uint64_t


cdef inline void _set(heap_t* heap, uint32_t at, const heap_node_t* node) noexcept nogil:
    heap.nodes[at] = node[0]
    heap.place[node.index] = at


cdef void _sift_up(heap_t* heap, uint32_t at, heap_node_t node) noexcept nogil:
    """Moves the hole at `at` towards the root until `node` fits into it."""
    cdef uint32_t parent
    while at:
        parent = (at - 1) >> 2
        if not heap_less(&node, &heap.nodes[parent]):
            break
        _set(heap, at, &heap.nodes[parent])
        at = parent
    _set(heap, at, &node)


cdef void _sift_down(heap_t* heap, uint32_t at, heap_node_t node) noexcept nogil:
    """Moves the hole at `at` towards the leaves until `node` fits into it."""
    cdef uint32_t child, end, best
    while True:
        child = 4 * at + 1
        if child >= heap.count:
            break
        end = child + 4 if child + 4 < heap.count else heap.count
        best = child
        child += 1
        while child < end:
            if heap_less(&heap.nodes[child], &heap.nodes[best]):
                best = child
            child += 1
        if not heap_less(&heap.nodes[best], &node):
            break
        _set(heap, at, &heap.nodes[best])
        at = best
    _set(heap, at, &node)


cdef inline void _settle(heap_t* heap, uint32_t at, heap_node_t node) noexcept nogil:
    if at and heap_less(&node, &heap.nodes[(at - 1) >> 2]):
        _sift_up(heap, at, node)
    else:
        _sift_down(heap, at, node)


cdef void heap_push(heap_t* heap, uint32_t index, uint32_t key, uint64_t tie) noexcept nogil:
    cdef heap_node_t node
    node.key = key
    node.index = index
    node.tie = tie
    heap.count += 1
    _sift_up(heap, heap.count - 1, node)


cdef void heap_remove(heap_t* heap, uint32_t index) noexcept nogil:
    cdef uint32_t at = heap.place[index]
    cdef heap_node_t last
    heap.count -= 1
    last = heap.nodes[heap.count]
    if at != heap.count:
        _settle(heap, at, last)
    heap.place[index] = HEAP_NOWHERE


cdef void heap_update(heap_t* heap, uint32_t index, uint32_t key, uint64_t tie) noexcept nogil:
    cdef heap_node_t node
    node.key = key
    node.index = index
    node.tie = tie
    _settle(heap, heap.place[index], node)


cdef bint heap_is_sound(const heap_t* heap) noexcept nogil:
    cdef uint32_t at
    for at in range(heap.count):
        if heap.place[heap.nodes[at].index] != at:
            return False
        if at and heap_less(&heap.nodes[at], &heap.nodes[(at - 1) >> 2]):
            return False
    return True
