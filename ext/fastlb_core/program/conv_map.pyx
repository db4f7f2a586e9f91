# The map family of converters (manual, section 7.3.1).

from libc.stdint cimport uint32_t

cdef conv_entry_t[1] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_map_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries
