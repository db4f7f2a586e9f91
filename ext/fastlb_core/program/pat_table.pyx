# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# The table of pattern nodes; contracts in pat_table.pxd.

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memmove

from fastlb_core.base.slice cimport same_bytes, slice_eq_nocase, slice_t
from fastlb_core.program.pat_store cimport pat_length_t

cdef enum:
    FIRST_BUCKETS = 16


cdef uint32_t bucket_of(const pat_table_t* table, uint32_t hash) noexcept nogil:
    # FNV's low bits alone are poor for short keys.
    return (hash ^ hash >> 15) & (table.n_buckets - 1)


# ---- lengths

cdef uint32_t length_place(const pat_table_t* table, uint32_t length) noexcept nogil:
    """Index of the first length that is not smaller."""
    cdef uint32_t low = 0, high = table.n_lengths, middle
    while low < high:
        middle = (low + high) // 2
        if table.lengths[middle].length < length:
            low = middle + 1
        else:
            high = middle
    return low


cdef bint add_length(pat_table_t* table, uint32_t length) noexcept nogil:
    cdef uint32_t at = length_place(table, length)
    cdef pat_length_t* grown
    if at < table.n_lengths and table.lengths[at].length == length:
        table.lengths[at].count += 1
        return True
    if table.n_lengths == table.max_lengths:
        grown = <pat_length_t*> realloc(table.lengths, (2 * table.max_lengths + 8) * sizeof(pat_length_t))
        if grown == NULL:
            return False
        table.lengths = grown
        table.max_lengths = 2 * table.max_lengths + 8
    memmove(&table.lengths[at + 1], &table.lengths[at], (table.n_lengths - at) * sizeof(pat_length_t))
    table.lengths[at].length = length
    table.lengths[at].count = 1
    table.n_lengths += 1
    return True


cdef void remove_length(pat_table_t* table, uint32_t length) noexcept nogil:
    cdef uint32_t at = length_place(table, length)
    table.lengths[at].count -= 1
    if table.lengths[at].count == 0:
        table.n_lengths -= 1
        memmove(&table.lengths[at], &table.lengths[at + 1], (table.n_lengths - at) * sizeof(pat_length_t))


cdef bint pat_table_has_length(const pat_table_t* table, uint32_t length) noexcept nogil:
    cdef uint32_t at = length_place(table, length)
    return at < table.n_lengths and table.lengths[at].length == length


# ---- buckets

cdef bint grow(pat_table_t* table) noexcept nogil:
    cdef uint32_t n_old = table.n_buckets, i, bucket
    cdef pat_node_t** old = table.buckets
    cdef pat_node_t* node
    cdef pat_node_t* following
    cdef uint32_t n_new = 2 * n_old if n_old else FIRST_BUCKETS
    cdef pat_node_t** buckets = <pat_node_t**> calloc(n_new, sizeof(pat_node_t*))
    if buckets == NULL:
        return False
    table.buckets = buckets
    table.n_buckets = n_new
    for i in range(n_old):
        node = old[i]
        while node != NULL:
            following = node.next
            bucket = bucket_of(table, node.hash)
            node.next = buckets[bucket]
            buckets[bucket] = node
            node = following
    free(old)
    return True


cdef pat_node_t* find_equal(const pat_table_t* table, const pat_node_t* node) noexcept nogil:
    return pat_table_find(table, node.hash, node.bytes, node.extra, False)


cdef bint pat_table_add(pat_table_t* table, pat_node_t* node, uint32_t length) noexcept nogil:
    cdef pat_node_t* equal
    cdef uint32_t bucket
    if table.n_keys >= table.n_buckets and not grow(table):
        return False
    if not add_length(table, length):
        return False
    node.same = NULL
    equal = find_equal(table, node)
    if equal != NULL:
        equal.last_same.same = node
        equal.last_same = node
        return True
    bucket = bucket_of(table, node.hash)
    node.last_same = node
    node.next = table.buckets[bucket]
    table.buckets[bucket] = node
    table.n_keys += 1
    return True


cdef void pat_table_remove(pat_table_t* table, pat_node_t* node, uint32_t length) noexcept nogil:
    cdef pat_node_t* head = find_equal(table, node)
    cdef pat_node_t* before
    cdef pat_node_t** place
    remove_length(table, length)
    if head != node:
        before = head
        while before.same != node:
            before = before.same
        before.same = node.same
        if head.last_same == node:
            head.last_same = before
        return
    place = &table.buckets[bucket_of(table, node.hash)]
    while place[0] != node:
        place = &place[0].next
    if node.same == NULL:
        place[0] = node.next
        table.n_keys -= 1
        return
    node.same.next = node.next
    node.same.last_same = node.last_same
    place[0] = node.same


cdef pat_node_t* pat_table_find(
    const pat_table_t* table, uint32_t hash, slice_t bytes, uint32_t extra, bint is_lower
) noexcept nogil:
    cdef pat_node_t* node
    if table.n_keys == 0:
        return NULL
    node = table.buckets[bucket_of(table, hash)]
    while node != NULL:
        if node.hash == hash and node.extra == extra and node.bytes.len == bytes.len:
            if is_lower:
                if slice_eq_nocase(bytes, node.bytes.ptr, bytes.len):
                    return node
            elif same_bytes(bytes.ptr, node.bytes.ptr, bytes.len):
                return node
        node = node.next
    return NULL


cdef void pat_table_destroy(pat_table_t* table) noexcept nogil:
    free(table.buckets)
    free(table.lengths)
    table.buckets = NULL
    table.lengths = NULL
    table.n_buckets = 0
    table.n_keys = 0
    table.n_lengths = 0
    table.max_lengths = 0
