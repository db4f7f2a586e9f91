# Actions on the connection and the stream (manual, section 4.2). Arguments, see config/actions/connection.py.

from libc.stdint cimport uint32_t

cdef action_entry_t[1] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_connection_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries
