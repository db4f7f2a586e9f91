# Patterns of ACLs and maps.
#
# Knows the match methods of section 7.1 of the manual. Must not know where patterns came from.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.sample cimport eval_t, sample_t

cdef enum pat_method_t:
    PAT_INT = 0
    PAT_IP = 1
    PAT_BIN = 2
    PAT_LEN = 3
    PAT_STR = 4
    PAT_BEG = 5
    PAT_SUB = 6
    PAT_DIR = 7
    PAT_DOM = 8
    PAT_END = 9
    PAT_REG = 10
    PAT_METH = 11

cdef struct pat_entry_t:
    slice_t key

cdef struct pat_index_t:
    uint8_t method               # pat_method_t
    uint8_t ignore_case
    pat_entry_t* entries         # owned (program memory)
    uint32_t n_entries

# The first entry that matches, or NULL.
cdef const pat_entry_t* pat_match(const pat_index_t* index, eval_t* ev, const sample_t* smp) noexcept nogil
