# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Networks (manual, section 7.1.6): a hash table for each family, looked up with every prefix length that occurs, longest first.
# IPv4 masks with holes stand in a list.
#
# Knows how HAProxy relates the two families. Must not know entries' values or sets.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcpy, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.address cimport addr_read_v4, addr_read_v6
from fastlb_core.program.pat_store cimport (
    PAT_ERROR_MAX, pat_list_add, pat_list_remove, pat_node_t, pat_store_ops_t, pat_store_t, pat_table_t,
)
from fastlb_core.program.pat_table cimport pat_hash_whole, pat_table_add, pat_table_find, pat_table_remove
from fastlb_core.program.sample cimport SMP_T_IPV4, eval_t, sample_t

cdef enum:
    HOLES = 255                  # node.extra: the mask is no prefix, the node stands in the list

cdef pat_store_ops_t network_ops


# ---- reading

cdef void prefix_mask(uint8_t* mask, uint32_t length, uint32_t bits) noexcept nogil:
    cdef uint32_t i
    for i in range(length):
        if bits >= 8:
            mask[i] = 255
            bits -= 8
        else:
            mask[i] = <uint8_t> (0xff00 >> bits & 255)
            bits = 0


cdef uint32_t mask_bits(const uint8_t* mask, uint32_t length) noexcept nogil:
    """The prefix length that a mask stands for, or HOLES."""
    cdef uint32_t i, bits = 0
    for i in range(8 * length):
        if mask[i // 8] >> (7 - i % 8) & 1:
            if bits != i:
                return HOLES
            bits += 1
    return bits


cdef int read_bits(slice_t text, uint32_t most) noexcept nogil:
    """Decimal digits that make at most `most`, or -1."""
    cdef uint32_t i, number = 0
    if text.len == 0:
        return -1
    for i in range(text.len):
        if not 48 <= text.ptr[i] <= 57:
            return -1
        number = number * 10 + <uint32_t> (text.ptr[i] - 48)
        if number > most:
            return -1
    return <int> number


cdef uint32_t pat_read_network(slice_t text, uint8_t* address, uint8_t* mask) noexcept nogil:
    cdef const char* slash = NULL
    cdef slice_t host = text, rest = slice_of("", 0)
    cdef uint32_t length = 4
    cdef int bits
    if text.len:
        slash = <const char*> memchr(text.ptr, b'/', text.len)
    if slash != NULL:
        host.len = <uint32_t> (slash - text.ptr)
        rest = slice_of(slash + 1, text.len - host.len - 1)
    if not addr_read_v4(address, host.ptr, host.len):
        if not addr_read_v6(address, host.ptr, host.len):
            return 0
        length = 16
    bits = <int> (8 * length)
    if slash != NULL:
        if length == 4 and addr_read_v4(mask, rest.ptr, rest.len):
            return 4
        bits = read_bits(rest, 8 * length)
        if bits < 0:
            return 0
    prefix_mask(mask, length, <uint32_t> bits)
    return length


cdef int64_t v4_number(const uint8_t* ip) noexcept nogil:
    return <int64_t> ip[0] << 24 | <int64_t> ip[1] << 16 | <int64_t> ip[2] << 8 | <int64_t> ip[3]


cdef bint parse(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    cdef slice_t key = node.entry.key
    cdef uint8_t mask[16]
    cdef uint32_t i, length = pat_read_network(key, node.raw, mask)
    if length == 0:
        snprintf(error, PAT_ERROR_MAX, "'%.*s' is not a valid IPv4 or IPv6 address", <int> key.len, key.ptr)
        return False
    for i in range(length):
        node.raw[i] &= mask[i]
    node.extra = mask_bits(mask, length)
    node.bytes = slice_of(<const char*> node.raw, length)
    node.hash = pat_hash_whole(node.bytes.ptr, length, False)
    node.low = v4_number(node.raw)
    node.high = v4_number(mask)
    return True


# ---- the tables

cdef pat_table_t* table_of(pat_store_t* store, const pat_node_t* node) noexcept nogil:
    return &store.table if node.bytes.len == 4 else &store.table6


cdef bint insert(pat_store_t* store, pat_node_t* node) noexcept nogil:
    if node.extra == HOLES:
        pat_list_add(store, node)
        return True
    return pat_table_add(table_of(store, node), node, node.extra)


cdef void remove(pat_store_t* store, pat_node_t* node) noexcept nogil:
    if node.extra == HOLES:
        pat_list_remove(store, node)
    else:
        pat_table_remove(table_of(store, node), node, node.extra)


cdef pat_node_t* finest(const pat_table_t* table, const uint8_t* address, uint32_t length) noexcept nogil:
    cdef uint8_t key[16]
    cdef uint32_t i = table.n_lengths, bits, at, kept = length
    cdef pat_node_t* node
    memcpy(key, address, length)
    while i:
        i -= 1
        bits = table.lengths[i].length
        # What longer prefixes have cleared stays cleared.
        at = bits // 8
        while kept > at + 1:
            kept -= 1
            key[kept] = 0
        if at < length:
            key[at] &= <uint8_t> (0xff00 >> (bits & 7) & 255)
        node = pat_table_find(
            table, pat_hash_whole(<const char*> key, length, False), slice_of(<const char*> key, length), bits, False
        )
        if node != NULL:
            return node
    return NULL


cdef pat_node_t* find_with_holes(const pat_store_t* store, const uint8_t* address) noexcept nogil:
    cdef int64_t number = v4_number(address)
    cdef pat_node_t* node = store.first
    while node != NULL and number & node.high != node.low:
        node = node.next
    return node


cdef bint embedded_v4(const uint8_t* ip, uint8_t* address) noexcept nogil:
    """haproxy: ::ffff:a.b.c.d, ::a.b.c.d and 2002:a.b.c.d:: are tried as a.b.c.d (7.1.6)."""
    cdef uint32_t i
    if ip[0] == 0x20 and ip[1] == 0x02:
        memcpy(address, ip + 2, 4)
        return True
    for i in range(10):
        if ip[i] != 0:
            return False
    memcpy(address, ip + 12, 4)
    return (ip[10] == 0 and ip[11] == 0) or (ip[10] == 255 and ip[11] == 255)


cdef pat_node_t* match(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    """haproxy: the finest network of the sample's own family, then the other family's, then the masks with holes in order."""
    cdef uint8_t v4[4]
    cdef uint8_t v6[16]
    cdef pat_node_t* node
    if smp.type == SMP_T_IPV4:
        node = finest(&store.table, smp.ip, 4)
        if node == NULL and store.table6.n_lengths:
            memset(v6, 0, 10)
            v6[10] = 255
            v6[11] = 255
            memcpy(&v6[12], smp.ip, 4)
            node = finest(&store.table6, v6, 16)
        return node if node != NULL else find_with_holes(store, smp.ip)
    node = finest(&store.table6, smp.ip, 16)
    if node == NULL and embedded_v4(smp.ip, v4):
        node = finest(&store.table, v4, 4)
        if node == NULL:
            node = find_with_holes(store, v4)
    return node


cdef const pat_store_ops_t* pat_network_ops() noexcept nogil:
    return &network_ops


network_ops.name = b"tree"
network_ops.parse = parse
network_ops.insert = insert
network_ops.remove = remove
network_ops.match = match
