# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# What nodes own, and the list of a store; contracts in pat_store.pxd.

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastlb_core.base.slice cimport lower_in_place, slice_of, slice_t
from fastlb_core.program.regex cimport regex_free


cdef bint pat_node_own(pat_node_t* node, slice_t text, bint is_lower) noexcept nogil:
    cdef char* copy = <char*> malloc(text.len + 1)
    if copy == NULL:
        return False
    if text.len:
        memcpy(copy, text.ptr, text.len)
    if is_lower:
        lower_in_place(copy, text.len)
    node.bytes = slice_of(copy, text.len)
    node.owns_bytes = True
    return True


cdef void pat_node_release(pat_node_t* node) noexcept nogil:
    if node.owns_bytes:
        free(<void*> node.bytes.ptr)
    node.owns_bytes = False
    regex_free(node.regex)
    node.regex = NULL


cdef void pat_list_add(pat_store_t* store, pat_node_t* node) noexcept nogil:
    node.next = NULL
    node.prev = store.last
    if store.last == NULL:
        store.first = node
    else:
        store.last.next = node
    store.last = node


cdef void pat_list_remove(pat_store_t* store, pat_node_t* node) noexcept nogil:
    if node.prev == NULL:
        store.first = node.next
    else:
        node.prev.next = node.next
    if node.next == NULL:
        store.last = node.prev
    else:
        node.next.prev = node.prev
