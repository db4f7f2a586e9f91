# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# The log of changes; contracts in changes.pxd.

from libc.stdlib cimport free, realloc
from libc.string cimport memcpy


cdef bint make_room(changes_t* changes, uint64_t more) noexcept nogil:
    cdef uint64_t size = changes.size if changes.size else 4096
    cdef char* bytes
    if changes.len + more <= changes.size:
        return True
    if changes.len + more > CHANGES_MAX:
        return False
    while size < changes.len + more:
        size *= 2
    bytes = <char*> realloc(changes.bytes, size)
    if bytes == NULL:
        return False
    changes.bytes = bytes
    changes.size = <uint32_t> size
    return True


cdef void put(changes_t* changes, const void* bytes, uint32_t length) noexcept nogil:
    if length:
        memcpy(changes.bytes + changes.len, bytes, length)
        changes.len += length


cdef void changes_add(changes_t* changes, uint32_t kind, uint32_t object, slice_t key, slice_t value) noexcept nogil:
    cdef change_t head
    if changes == NULL:
        return
    if not make_room(changes, sizeof(change_t) + <uint64_t> key.len + value.len):
        return
    head.kind = kind
    head.object = object
    head.key_len = key.len
    head.value_len = value.len
    put(changes, &head, sizeof(change_t))
    put(changes, key.ptr, key.len)
    put(changes, value.ptr, value.len)


cdef void changes_reset(changes_t* changes) noexcept nogil:
    changes.len = 0


cdef void changes_destroy(changes_t* changes) noexcept nogil:
    free(changes.bytes)
    changes.bytes = NULL
    changes.len = 0
    changes.size = 0
