# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Prefixes and suffixes (manual, section 7.1.3): the hash grows byte by byte from the side that is compared, and is looked up
# at every length that some pattern has.
#
# Knows which of several matches HAProxy takes. Must not know entries' values or sets.

from libc.stdint cimport uint8_t, uint32_t
from libc.stdio cimport snprintf

from fastlb_core.base.slice cimport lower_byte, slice_of, slice_t
from fastlb_core.program.pat_store cimport (
    PAT_ERROR_MAX, PAT_F_ICASE, PAT_M_BEG, pat_node_own, pat_node_t, pat_store_ops_t, pat_store_t,
)
from fastlb_core.program.pat_table cimport PAT_HASH_START, pat_hash_byte, pat_table_add, pat_table_find, pat_table_remove
from fastlb_core.program.sample cimport eval_t, sample_t

cdef pat_store_ops_t prefix_ops
cdef pat_store_ops_t suffix_ops


cdef bint parse(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    cdef bint from_start = store.method == PAT_M_BEG
    cdef uint32_t i
    node.bytes = node.entry.key
    if store.flags & PAT_F_ICASE and not pat_node_own(node, node.entry.key, True):
        snprintf(error, PAT_ERROR_MAX, "out of memory")
        return False
    node.hash = PAT_HASH_START
    for i in range(node.bytes.len):
        node.hash = pat_hash_byte(node.hash, <uint8_t> node.bytes.ptr[i if from_start else node.bytes.len - 1 - i])
    return True


cdef bint insert(pat_store_t* store, pat_node_t* node) noexcept nogil:
    return pat_table_add(&store.table, node, node.bytes.len)


cdef void remove(pat_store_t* store, pat_node_t* node) noexcept nogil:
    pat_table_remove(&store.table, node, node.bytes.len)


cdef inline uint32_t next_hash(uint32_t hash, char byte, bint is_lower) noexcept nogil:
    return pat_hash_byte(hash, lower_byte(<uint8_t> byte) if is_lower else <uint8_t> byte)


cdef pat_node_t* match_prefix(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    """haproxy: the longest prefix; with -i, where it keeps a list, the first one."""
    cdef bint is_lower = store.flags & PAT_F_ICASE
    cdef uint32_t i, length, hash = PAT_HASH_START, at = 0
    cdef pat_node_t* node
    cdef pat_node_t* best = NULL
    for i in range(store.table.n_lengths):
        length = store.table.lengths[i].length
        if length > smp.str.len:
            break
        while at < length:
            hash = next_hash(hash, smp.str.ptr[at], is_lower)
            at += 1
        node = pat_table_find(&store.table, hash, slice_of(smp.str.ptr, length), 0, is_lower)
        if node != NULL and (best == NULL or not is_lower or node.entry.id < best.entry.id):
            best = node
    return best


cdef pat_node_t* match_suffix(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    """haproxy: the first suffix."""
    cdef bint is_lower = store.flags & PAT_F_ICASE
    cdef uint32_t i, length, hash = PAT_HASH_START, at = 0
    cdef slice_t text = smp.str
    cdef pat_node_t* node
    cdef pat_node_t* best = NULL
    for i in range(store.table.n_lengths):
        length = store.table.lengths[i].length
        if length > text.len:
            break
        while at < length:
            at += 1
            hash = next_hash(hash, text.ptr[text.len - at], is_lower)
        node = pat_table_find(&store.table, hash, slice_of(text.ptr + (text.len - length), length), 0, is_lower)
        if node != NULL and (best == NULL or node.entry.id < best.entry.id):
            best = node
    return best


cdef const pat_store_ops_t* pat_affix_ops(uint8_t method) noexcept nogil:
    return &prefix_ops if method == PAT_M_BEG else &suffix_ops


prefix_ops.name = b"tree"
prefix_ops.parse = parse
prefix_ops.insert = insert
prefix_ops.remove = remove
prefix_ops.match = match_prefix

suffix_ops.name = b"list"
suffix_ops.parse = parse
suffix_ops.insert = insert
suffix_ops.remove = remove
suffix_ops.match = match_suffix
