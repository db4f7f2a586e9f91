# Patterns that are tried one by one in their order: number ranges, lengths, substrings, regular expressions.

from libc.stdint cimport int64_t, uint8_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.pat_store cimport pat_store_ops_t

# PAT_M_INT, PAT_M_DOT, PAT_M_LEN, PAT_M_SUB or PAT_M_REG. borrowed (static)
cdef const pat_store_ops_t* pat_list_ops(uint8_t method) noexcept nogil
# Reads `5`, `1:9`, `1:` or `:9` (`-` may stand for `:`) into low and high, open ends as the least and greatest int64. is_dotted:
# the numbers are versions. 0, or 1: not a number, or 2: not a range.
cdef int pat_read_range(slice_t text, bint is_dotted, int64_t* low, int64_t* high) noexcept nogil
