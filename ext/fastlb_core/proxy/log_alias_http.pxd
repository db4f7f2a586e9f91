# Log aliases of requests, answers, captures and names (%r, %hr, %b, %ID): their table for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.program.logformat cimport alias_entry_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const alias_entry_t* log_alias_http_entries(uint32_t* n) noexcept nogil
