# XXH32, XXH64 and XXH3 (64 bits) with a seed, after the public specification of xxHash (doc/xxhash_spec.md, 0.8).
#
# Knows the three functions for bytes that are there as a whole. Must not know what is hashed; keeps no state between calls.

from libc.stdint cimport uint32_t, uint64_t

cdef uint32_t xxh32(const char* bytes, uint32_t length, uint32_t seed) noexcept nogil
cdef uint64_t xxh64(const char* bytes, uint32_t length, uint64_t seed) noexcept nogil
cdef uint64_t xxh3_64(const char* bytes, uint32_t length, uint64_t seed) noexcept nogil
