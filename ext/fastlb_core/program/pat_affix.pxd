# Patterns that are the beginning or the end of a sample: one look-up for each length that occurs among them.

from libc.stdint cimport uint8_t
from fastlb_core.program.pat_store cimport pat_store_ops_t

# PAT_M_BEG or PAT_M_END. borrowed (static)
cdef const pat_store_ops_t* pat_affix_ops(uint8_t method) noexcept nogil
