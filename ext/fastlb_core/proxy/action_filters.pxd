# Actions on filters. Knows: the table of the actions. Must not know what a filter does.

from libc.stdint cimport uint32_t
from fastlb_core.program.rules cimport action_entry_t

cdef const action_entry_t* action_filters_entries(uint32_t* n) noexcept nogil
