# `do-log`: its table for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.program.rules cimport action_entry_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const action_entry_t* action_log_entries(uint32_t* n) noexcept nogil
