# The fetch and the converters that read and write variables: their tables for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.program.expr cimport conv_entry_t, fetch_entry_t

# The tables, and in *n how many entries they have. borrowed (static)
cdef const fetch_entry_t* fetch_vars_entries(uint32_t* n) noexcept nogil
cdef const conv_entry_t* conv_vars_entries(uint32_t* n) noexcept nogil
