# A hash table of pattern nodes by their bytes, and the set of the lengths that occur in it.
#
# Knows equal bytes (with or without case) and order of insertion among equals. Must not know what the bytes mean. Patterns
# come from the administrator and only look-ups from the network: long chains cannot be provoked. malloc on change, never on
# look-up.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from fastlb_core.base.slice cimport lower_byte, lower_eight, slice_t
from fastlb_core.program.pat_store cimport pat_node_t, pat_table_t

cdef enum:
    PAT_HASH_START = 2166136261

# FNV-1a, one step: byte by byte, so that the hashes of all prefixes of a sample cost one pass.
cdef inline uint32_t pat_hash_byte(uint32_t hash, uint8_t byte) noexcept nogil:
    return (hash ^ byte) * <uint32_t> 16777619

# Eight bytes a step, for what is looked up whole. `is_lower`: of the lower case of the bytes.
cdef inline uint32_t pat_hash_whole(const char* bytes, uint32_t length, bint is_lower) noexcept nogil:
    cdef uint64_t hash = length, eight
    while True:
        eight = 0
        if length:
            memcpy(&eight, bytes, 8 if length >= 8 else length)
        hash = (hash ^ (lower_eight(eight) if is_lower else eight)) * <uint64_t> 0x9E3779B97F4A7C15
        hash ^= hash >> 32
        if length <= 8:
            return <uint32_t> hash
        bytes += 8
        length -= 8

# Adds a node with its hash, bytes and extra set, behind those that are equal. length: what is counted for it.
# False, and nothing done, when memory is short.
cdef bint pat_table_add(pat_table_t* table, pat_node_t* node, uint32_t length) noexcept nogil
cdef void pat_table_remove(pat_table_t* table, pat_node_t* node, uint32_t length) noexcept nogil
# The first node that was added with these bytes and `extra`, or NULL. `is_lower`: the nodes' bytes are lower case, the
# looked-up ones need not be (their hash is that of the lower case).
cdef pat_node_t* pat_table_find(
    const pat_table_t* table, uint32_t hash, slice_t bytes, uint32_t extra, bint is_lower
) noexcept nogil
# Whether a node with that length was added.
cdef bint pat_table_has_length(const pat_table_t* table, uint32_t length) noexcept nogil
# Frees the table's own memory, not the nodes.
cdef void pat_table_destroy(pat_table_t* table) noexcept nogil
