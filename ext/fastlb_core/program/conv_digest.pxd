# Message digests and HMAC: the converters' table, and the two functions that signatures need as well.
#
# Knows digests by OpenSSL's names. Must not know tokens or keys' formats.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport conv_entry_t
from fastlb_core.sys.openssl cimport EVP_MD

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_digest_entries(uint32_t* n) noexcept nogil
# A digest by its name in any case, or NULL. borrowed (static): found once in each process.
cdef const EVP_MD* digest_find(const char* name, uint32_t length) noexcept nogil
# HMAC (RFC 2104) into out[64]; returns its length, or 0 when the digest cannot be used for it.
cdef uint32_t hmac_sum(const EVP_MD* md, slice_t key, slice_t text, uint8_t* out) noexcept nogil
