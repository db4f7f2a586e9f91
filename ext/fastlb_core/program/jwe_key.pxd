# The content key of an encrypted token: taken out of its wrapping, or agreed on (RFC 7518, section 4).
#
# Knows how. Must not know where the receiver's key comes from, nor what the content key is for.

from libc.stdint cimport uint8_t
from fastlb_core.program.jwe cimport jwe_t
from fastlb_core.program.jwk cimport jwk_t
from fastlb_core.program.sample cimport eval_t

# Writes the jwe.enc.key_len bytes of the content key to `out`, which has room for JWE_KEY_MAX. False: the receiver's key is
# of another kind or size, or the wrapping is not of that key.
cdef bint jwe_content_key(eval_t* ev, const jwe_t* jwe, const jwk_t* own, uint8_t* out) noexcept nogil
