# Message digests and HMAC: the converters' table, and the two functions that signatures need as well.
#
# Knows digests by OpenSSL's names. Must not know tokens or keys' formats.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport conv_entry_t
from fastlb_core.sys.digests cimport final_fn, init_fn, update_fn
from fastlb_core.sys.openssl cimport EVP_MD

cdef enum:
    DIGEST_NAME_MAX = 32

# One that works in memory of ours: the usual ones.
cdef struct plain_digest_t:
    const char* names            # lower case, each followed by a space
    uint32_t size                # bytes of the digest
    uint32_t block               # bytes of a block, for HMAC
    init_fn init
    update_fn update
    final_fn final

cdef struct digest_t:
    char[DIGEST_NAME_MAX] name   # lower case, ends with 0
    EVP_MD* md                   # owned by the process, or NULL: OpenSSL has no such digest, or does not allow it
    const plain_digest_t* plain  # borrowed (static), or NULL: OpenSSL's own interface, which allocates

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_digest_entries(uint32_t* n) noexcept nogil
# A digest by its name in any case, or NULL: there is none. borrowed (static): found once in each process.
cdef const digest_t* digest_find(const char* name, uint32_t length) noexcept nogil
# The digest of two pieces, one after the other, into out[64]; returns its length, or 0: it failed.
cdef uint32_t digest_sum(const digest_t* digest, slice_t first, slice_t second, uint8_t* out) noexcept nogil
# HMAC (RFC 2104) into out[64]; returns its length, or 0 when the digest cannot be used for it.
cdef uint32_t hmac_sum(const digest_t* digest, slice_t key, slice_t text, uint8_t* out) noexcept nogil
