# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Words between delimiters (manual, section 7.1.3): `dir` takes / and ?, `dom` also . and :. Every run of bytes that begins and
# ends where a word may is hashed and looked up, so that the number of patterns does not count.
#
# Knows what HAProxy takes for a word. Must not know entries' values or sets.

from libc.stdint cimport uint8_t, uint32_t
from libc.stdio cimport snprintf

from fastlb_core.base.slice cimport lower_byte, slice_of, slice_t
from fastlb_core.program.pat_store cimport (
    PAT_ERROR_MAX, PAT_F_ICASE, PAT_M_DOM, pat_node_own, pat_node_t, pat_store_ops_t, pat_store_t,
)
from fastlb_core.program.pat_table cimport PAT_HASH_START, pat_hash_byte, pat_table_add, pat_table_find, pat_table_remove
from fastlb_core.program.sample cimport eval_t, sample_t

cdef pat_store_ops_t word_ops


cdef inline bint is_delimiter(char c, bint is_domain) noexcept nogil:
    return c == b'/' or c == b'?' or (is_domain and (c == b'.' or c == b':'))


cdef bint parse(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    """Delimiters at both ends of the pattern are ignored."""
    cdef bint is_domain = store.method == PAT_M_DOM
    cdef slice_t word = node.entry.key
    cdef uint32_t i
    while word.len and is_delimiter(word.ptr[0], is_domain):
        word.ptr += 1
        word.len -= 1
    while word.len and is_delimiter(word.ptr[word.len - 1], is_domain):
        word.len -= 1
    node.bytes = word
    if store.flags & PAT_F_ICASE and not pat_node_own(node, word, True):
        snprintf(error, PAT_ERROR_MAX, "out of memory")
        return False
    node.hash = PAT_HASH_START
    for i in range(node.bytes.len):
        node.hash = pat_hash_byte(node.hash, <uint8_t> node.bytes.ptr[i])
    return True


cdef bint insert(pat_store_t* store, pat_node_t* node) noexcept nogil:
    return pat_table_add(&store.table, node, node.bytes.len)


cdef void remove(pat_store_t* store, pat_node_t* node) noexcept nogil:
    pat_table_remove(&store.table, node, node.bytes.len)


cdef inline pat_node_t* first_of(pat_node_t* a, pat_node_t* b) noexcept nogil:
    if a == NULL or b == NULL:
        return a if b == NULL else b
    return a if a.entry.id < b.entry.id else b


cdef pat_node_t* match_from(const pat_store_t* store, slice_t text, uint32_t longest) noexcept nogil:
    """The first pattern that is a run of words at the start of `text`."""
    cdef bint is_lower = store.flags & PAT_F_ICASE
    cdef bint is_domain = store.method == PAT_M_DOM
    cdef uint32_t length = 0, hash = PAT_HASH_START
    cdef pat_node_t* best = NULL
    cdef uint8_t byte
    while length <= longest:
        if length == text.len or (length and is_delimiter(text.ptr[length], is_domain)):
            best = first_of(best, pat_table_find(&store.table, hash, slice_of(text.ptr, length), 0, is_lower))
        if length == text.len:
            break
        byte = <uint8_t> text.ptr[length]
        hash = pat_hash_byte(hash, lower_byte(byte) if is_lower else byte)
        length += 1
    return best


cdef pat_node_t* match(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    """haproxy: the first in order of all patterns that match. One of delimiters only matches where a word could still begin."""
    cdef bint is_domain = store.method == PAT_M_DOM
    cdef slice_t text = smp.str
    cdef uint32_t at = 0, longest
    cdef bint may_begin = True
    cdef pat_node_t* best = NULL
    if store.table.n_lengths == 0:
        return NULL
    longest = store.table.lengths[store.table.n_lengths - 1].length
    while at < text.len:
        if is_delimiter(text.ptr[at], is_domain):
            may_begin = True
        elif may_begin:
            best = first_of(best, match_from(store, slice_of(text.ptr + at, text.len - at), longest))
            may_begin = False
        at += 1
    if may_begin:
        best = first_of(best, pat_table_find(&store.table, PAT_HASH_START, slice_of("", 0), 0, False))
    return best


cdef const pat_store_ops_t* pat_word_ops() noexcept nogil:
    return &word_ops


word_ops.name = b"list"
word_ops.parse = parse
word_ops.insert = insert
word_ops.remove = remove
word_ops.match = match
