# Patterns that are looked up whole: exact strings, binary blocks, methods. One look-up in a hash table.

from libc.stdint cimport uint8_t
from fastlb_core.program.pat_store cimport pat_store_ops_t

# PAT_M_STR, PAT_M_BIN or PAT_M_METH. borrowed (static)
cdef const pat_store_ops_t* pat_string_ops(uint8_t method) noexcept nogil
