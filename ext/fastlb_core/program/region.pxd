# Memory of the compiled program: many small pieces that live and die together.
#
# Knows chunks and alignment. Must not know what the pieces hold. Used before the fork only; workers read.

from libc.stdint cimport uint64_t
from fastlb_core.base.slice cimport slice_t

cdef struct region_chunk_t:
    region_chunk_t* next     # owned
    uint64_t size            # bytes behind this header
    uint64_t used

# Zeroed memory is an empty region.
cdef struct region_t:
    region_chunk_t* chunks   # owned, the one in use first

# `size` zeroed bytes aligned to 16, or NULL when memory is short. borrowed: valid until region_destroy.
cdef void* region_alloc(region_t* region, uint64_t size) noexcept nogil
# A copy of `length` bytes with a NUL behind them; ptr NULL when memory is short. length 0 gives an empty, non-NULL slice.
cdef slice_t region_copy(region_t* region, const char* ptr, uint64_t length) noexcept nogil
# Frees everything. Idempotent.
cdef void region_destroy(region_t* region) noexcept nogil
