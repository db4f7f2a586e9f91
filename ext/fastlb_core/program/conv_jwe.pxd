# Encrypted JSON Web Tokens: their table for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.program.expr cimport conv_entry_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_jwe_entries(uint32_t* n) noexcept nogil
