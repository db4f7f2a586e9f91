# The table of an action that asks control; what follows each of its arguments, see config/actions/resolve.py.

from libc.stdint cimport uint32_t

from fastlb_core.program.rules cimport action_entry_t

cdef const action_entry_t* action_resolve_entries(uint32_t* n) noexcept nogil
