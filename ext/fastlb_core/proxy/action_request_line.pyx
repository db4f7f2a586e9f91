# Actions on the request line and the status (manual, section 4.2). Arguments, see config/actions/request_line.py.

from libc.stdint cimport uint32_t

cdef action_entry_t[1] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_request_line_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries
