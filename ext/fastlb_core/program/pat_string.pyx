# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Exact strings, binary blocks and methods in a hash table (manual, sections 7.1.3 and 7.1.5).
#
# Knows how such a pattern is written. Must not know entries' values or sets.

from libc.stdint cimport uint8_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memchr

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport METHOD_OTHER, method_of
from fastlb_core.program.pat_store cimport (
    PAT_ERROR_MAX, PAT_F_ICASE, PAT_M_BIN, PAT_M_METH, pat_node_own, pat_node_t, pat_store_ops_t, pat_store_t,
)
from fastlb_core.program.pat_table cimport (
    pat_hash_whole, pat_table_add, pat_table_find, pat_table_has_length, pat_table_remove,
)
from fastlb_core.program.sample cimport eval_t, sample_t

cdef pat_store_ops_t str_ops
cdef pat_store_ops_t bin_ops
cdef pat_store_ops_t method_ops


cdef bint no_memory(char* error) noexcept nogil:
    snprintf(error, PAT_ERROR_MAX, "out of memory")
    return False


cdef bint parse_str(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    cdef bint is_lower = store.flags & PAT_F_ICASE
    node.bytes = node.entry.key
    if is_lower and not pat_node_own(node, node.entry.key, True):
        return no_memory(error)
    node.hash = pat_hash_whole(node.bytes.ptr, node.bytes.len, False)
    return True


cdef bint parse_method(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    """haproxy: a well-known method has a number and is compared by it, -i or not; others are compared as text."""
    node.extra = <uint32_t> method_of(node.entry.key.ptr, node.entry.key.len)
    if node.extra == METHOD_OTHER:
        return parse_str(store, node, error)
    node.bytes = slice_of("", 0)
    node.hash = pat_hash_whole("", 0, False)
    return True


cdef int hex_digit(char c) noexcept nogil:
    if 48 <= c <= 57:
        return c - 48
    if 97 <= (c | 0x20) <= 102:
        return (c | 0x20) - 87
    return -1


cdef bint parse_bin(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    cdef slice_t key = node.entry.key
    cdef uint32_t i
    cdef char* bytes
    if key.len & 1:
        snprintf(error, PAT_ERROR_MAX, "an even number of hex digit is expected")
        return False
    for i in range(key.len):
        if hex_digit(key.ptr[i]) < 0:
            snprintf(error, PAT_ERROR_MAX, "an hex digit is expected (found '%c')", key.ptr[i])
            return False
    if not pat_node_own(node, slice_of(key.ptr, key.len // 2), False):
        return no_memory(error)
    bytes = <char*> node.bytes.ptr
    for i in range(node.bytes.len):
        bytes[i] = <char> (hex_digit(key.ptr[2 * i]) << 4 | hex_digit(key.ptr[2 * i + 1]))
    node.hash = pat_hash_whole(bytes, node.bytes.len, False)
    return True


cdef bint insert(pat_store_t* store, pat_node_t* node) noexcept nogil:
    return pat_table_add(&store.table, node, node.bytes.len)


cdef void remove(pat_store_t* store, pat_node_t* node) noexcept nogil:
    pat_table_remove(&store.table, node, node.bytes.len)


cdef pat_node_t* find(const pat_store_t* store, slice_t text, uint32_t extra) noexcept nogil:
    cdef bint is_lower = store.flags & PAT_F_ICASE
    # Most misses end here, before a byte was read.
    if not pat_table_has_length(&store.table, text.len):
        return NULL
    return pat_table_find(&store.table, pat_hash_whole(text.ptr, text.len, is_lower), text, extra, is_lower)


cdef pat_node_t* match_str(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    cdef slice_t text = smp.str
    cdef const char* nul
    # haproxy: an exact match ends at the first NUL, unless the case is ignored (7.1.3 warns of it).
    if text.len and not store.flags & PAT_F_ICASE:
        nul = <const char*> memchr(text.ptr, 0, text.len)
        if nul != NULL:
            text.len = <uint32_t> (nul - text.ptr)
    return find(store, text, 0)


cdef pat_node_t* match_bin(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    return find(store, smp.str, 0)


cdef pat_node_t* match_method(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    if smp.num != METHOD_OTHER:
        return find(store, slice_of("", 0), <uint32_t> smp.num)
    return find(store, smp.str, METHOD_OTHER)


cdef const pat_store_ops_t* pat_string_ops(uint8_t method) noexcept nogil:
    if method == PAT_M_BIN:
        return &bin_ops
    return &method_ops if method == PAT_M_METH else &str_ops


str_ops.name = b"tree"
str_ops.parse = parse_str
str_ops.insert = insert
str_ops.remove = remove
str_ops.match = match_str

bin_ops.name = b"list"
bin_ops.parse = parse_bin
bin_ops.insert = insert
bin_ops.remove = remove
bin_ops.match = match_bin

method_ops.name = b"list"
method_ops.parse = parse_method
method_ops.insert = insert
method_ops.remove = remove
method_ops.match = match_method
