# Converters that take a sample for a name: of a backend, a server, a frontend, or a number of a capture's slot.
#
# Knows how names are looked up at run time. Must not know what is asked about the thing that bears the name (fetch_proxy).

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport conv_entry_t
from fastlb_core.program.program cimport program_t, px_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_names_entries(uint32_t* n) noexcept nogil
# The first proxy of that name with one of these caps (px_caps_t), or NULL.
cdef px_t* proxy_named(const program_t* program, slice_t name, uint8_t caps) noexcept nogil
