# Patterns that are addresses and networks: the finest one that holds the sample's address.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.pat_store cimport pat_store_ops_t

# PAT_M_IP. borrowed (static)
cdef const pat_store_ops_t* pat_network_ops() noexcept nogil
# Reads `1.2.3.4`, `1.2.3.4/24`, `1.2.3.4/255.255.255.0` or `2001:db8::/32`. Returns the address's length, 4 or 16, or 0 when it
# is none; fills `address` as written and `mask` with as many bytes.
cdef uint32_t pat_read_network(slice_t text, uint8_t* address, uint8_t* mask) noexcept nogil
