# `hash-type map-based`: a stream's key becomes a server; and the key of a client's address.
#
# Knows map-based hashing (the default of `hash-type`) and the folding of an address. Must not know where other keys (uri,
# header, ...) come from: they arrive as `key` (program/hash_key.pxd).

from libc.stdint cimport uint32_t

from fastlb_core.lb.server cimport lb_ops_t

cdef const lb_ops_t* map_based_ops() noexcept nogil
# Folds an address: the four bytes of IPv4, or the four words of IPv6 over each other; 0 for a unix socket.
cdef uint32_t hash_address(const void* sockaddr) noexcept nogil
