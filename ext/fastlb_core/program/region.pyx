# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Bump allocation in chunks. Knows nothing of what is stored; see region.pxd for the contracts.

from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from fastlb_core.base.slice cimport slice_of, slice_t

cdef enum:
    CHUNK_SIZE = 65536


cdef void* region_alloc(region_t* region, uint64_t size) noexcept nogil:
    cdef region_chunk_t* chunk = region.chunks
    cdef uint64_t wanted = (size + 15) & ~(<uint64_t> 15)
    cdef uint64_t header = (sizeof(region_chunk_t) + 15) & ~(<uint64_t> 15)
    cdef uint64_t capacity
    cdef void* piece
    if chunk == NULL or chunk.size - chunk.used < wanted:
        capacity = wanted if wanted > CHUNK_SIZE else CHUNK_SIZE
        chunk = <region_chunk_t*> calloc(1, header + capacity)
        if chunk == NULL:
            return NULL
        chunk.size = capacity
        chunk.next = region.chunks
        region.chunks = chunk
    piece = <char*> chunk + header + chunk.used
    chunk.used += wanted
    return piece


cdef slice_t region_copy(region_t* region, const char* ptr, uint64_t length) noexcept nogil:
    cdef char* copy = <char*> region_alloc(region, length + 1)
    if copy == NULL:
        return slice_of(NULL, 0)
    if length:
        memcpy(copy, ptr, length)
    return slice_of(copy, <unsigned int> length)


cdef void region_destroy(region_t* region) noexcept nogil:
    cdef region_chunk_t* chunk = region.chunks
    cdef region_chunk_t* following
    region.chunks = NULL
    while chunk != NULL:
        following = chunk.next
        free(chunk)
        chunk = following
