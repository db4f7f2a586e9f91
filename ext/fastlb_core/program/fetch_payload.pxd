# Sample fetches: the table of fetch_payload.pyx for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport fetch_entry_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const fetch_entry_t* fetch_payload_entries(uint32_t* n) noexcept nogil
# The value of the RDP cookie of that name (any where it is empty) at the start of a client's bytes. is_short: more of them may
# tell.
cdef bint rdp_cookie_find(slice_t bytes, slice_t name, slice_t* value, bint* is_short) noexcept nogil
