# JSON Web Keys (RFC 7517; parameters: RFC 7518, section 6), for tokens that are decrypted.
#
# Knows the types `oct`, `RSA` and `EC` (P-256, P-384, P-521). Must not know tokens, nor where a key's text comes from.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.sys.openssl cimport EVP_PKEY

# One of both is set.
cdef struct jwk_t:
    slice_t secret               # borrowed (scratch area)
    EVP_PKEY* pkey               # owned by whoever read it

# Reads a key with its private part, or else a public one, which only `EC` may be. False: it is none of these, or a
# parameter is missing or does not fit.
cdef bint jwk_read(eval_t* ev, slice_t json, bint is_private, jwk_t* jwk) noexcept nogil
# The bytes of a base64url-coded string at `path` of a JSON text; empty where there is none. False: the coding is wrong, or
# there is no room.
cdef bint json_bytes(eval_t* ev, slice_t json, const char* path, slice_t* bytes) noexcept nogil
# A string at `path`, escapes still in it; empty where there is none.
cdef slice_t json_text(slice_t json, const char* path) noexcept nogil
