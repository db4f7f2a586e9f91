# Converters of RFC 7239 values: their table for bridge/registry, and what is valid in such a value.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport conv_entry_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_forwarded_entries(uint32_t* n) noexcept nogil
# Whether the text is a name that says nothing (RFC 7239 6.3): an underscore, then letters, digits, '.', '_' and '-'.
cdef bint forwarded_is_obfuscated(slice_t text) noexcept nogil
# Whether it can stand between the quotes of `host=`.
cdef bint forwarded_is_host(slice_t text) noexcept nogil
