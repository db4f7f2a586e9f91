# Bytes for the unit tests that end where a page ends that may be touched: for the other kits as well.

from libc.stdint cimport uint32_t

cdef class Guarded:
    cdef char* map          # owned: the mapping
    cdef size_t map_len
    cdef char* start        # inline: where the bytes begin
    cdef uint32_t len
