# Sample fetches: the table of fetch_fcgi.pyx for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.program.expr cimport fetch_entry_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const fetch_entry_t* fetch_fcgi_entries(uint32_t* n) noexcept nogil
