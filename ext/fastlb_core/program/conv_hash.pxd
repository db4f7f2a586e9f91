# Non-cryptographic hashes as converters (crc32, djb2, wt6, xxh3, ...): their table for bridge/registry.
# The functions themselves are in base/hash and base/xxhash.

from libc.stdint cimport uint32_t
from fastlb_core.program.expr cimport conv_entry_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_hash_entries(uint32_t* n) noexcept nogil
