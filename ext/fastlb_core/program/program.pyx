# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Life and look-ups of the compiled configuration. Knows only program.pxd; who fills the structs is bridge/layout.

from libc.stdlib cimport calloc, free
from fastlb_core.base.arena cimport arena_unmap
from fastlb_core.program.region cimport region_alloc, region_destroy

cdef int* STATUS_BY_INDEX = [
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504,
]


cdef program_t* program_new() noexcept nogil:
    return <program_t*> calloc(1, sizeof(program_t))


cdef void program_free(program_t* program) noexcept nogil:
    cdef owned_t* owned
    if program == NULL:
        return
    owned = program.owned
    while owned != NULL:
        owned.free_fn(owned.ptr)
        owned = owned.next
    if program.arena != NULL:
        arena_unmap(program.arena)
    region_destroy(&program.region)
    free(program)


cdef bint program_own(program_t* program, void* ptr, void (*free_fn)(void* ptr) noexcept nogil) noexcept nogil:
    cdef owned_t* owned = <owned_t*> region_alloc(&program.region, sizeof(owned_t))
    if owned == NULL:
        return False
    owned.ptr = ptr
    owned.free_fn = free_fn
    owned.next = program.owned
    program.owned = owned
    return True


cdef int err_index(int status) noexcept nogil:
    cdef int index
    for index in range(ERR_COUNT):
        if STATUS_BY_INDEX[index] == status:
            return index
    return -1
