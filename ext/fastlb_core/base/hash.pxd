# Hashes of 32 bits over bytes: those of `hash-type`, of the converters with the same names, and CRCs.
#
# Knows the functions. Must not know what is hashed. One copy for load balancing and for converters: HAProxy promises that
# both give the same results (manual, section 7.3.1 "djb2", section 4.2 "hash-type").

from libc.stdint cimport uint32_t

# Every byte is taken as unsigned; any length, also 0.
cdef uint32_t hash_sdbm(const char* bytes, uint32_t length) noexcept nogil
cdef uint32_t hash_djb2(const char* bytes, uint32_t length) noexcept nogil
cdef uint32_t hash_wt6(const char* bytes, uint32_t length) noexcept nogil
# CRC-32 of Ethernet, gzip and PNG (reflected polynomial edb88320).
cdef uint32_t hash_crc32(const char* bytes, uint32_t length) noexcept nogil
# CRC-32C (RFC 9260, appendix A; reflected polynomial 82f63b78).
cdef uint32_t hash_crc32c(const char* bytes, uint32_t length) noexcept nogil
# `avalanche`: spreads a hash over all 32 bits (Bob Jenkins' mix of four bytes, then a multiplication by a large prime).
cdef uint32_t hash_avalanche(uint32_t value) noexcept nogil
