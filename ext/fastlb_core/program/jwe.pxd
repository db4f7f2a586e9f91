# Encrypted JSON Web Tokens in compact form (RFC 7516, section 3.1): their parts and algorithms.
#
#     BASE64URL(header) "." BASE64URL(encrypted key) "." BASE64URL(nonce) "." BASE64URL(encrypted text) "." BASE64URL(tag)
#
# Knows names and sizes. Must not know keys, nor decrypt anything.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.sample cimport eval_t

cdef enum:
    JWE_KEY_MAX = 64             # bytes of the longest content key, that of A256CBC-HS512
    JWE_N_ALGS = 14
    JWE_N_ENCS = 6

cdef enum jwe_part_t:            # index of jwe_t.parts
    JWE_HEADER = 0
    JWE_KEY = 1
    JWE_NONCE = 2
    JWE_TEXT = 3
    JWE_TAG = 4
    JWE_PARTS = 5

cdef enum jwe_family_t:          # how the content key comes to the receiver (RFC 7518, section 4)
    JWE_DIRECT = 0               # the secret is the content key
    JWE_AES_WRAP = 1
    JWE_GCM_WRAP = 2
    JWE_RSA = 3
    JWE_AGREED = 4               # ECDH-ES: what both sides derive is the content key
    JWE_AGREED_WRAP = 5          # or wraps it

cdef struct jwe_alg_t:           # of `alg`; its index is that of config/tokens.py's ALGORITHMS
    const char* name
    jwe_family_t family
    uint32_t bits                # of the key that wraps; 0: none does
    const char* digest           # of OAEP; NULL for RSA1_5

cdef struct jwe_enc_t:           # of `enc`; its index is that of config/tokens.py's ENCRYPTIONS
    const char* name
    uint32_t key_len             # bytes of the content key
    const char* digest           # of the HMAC beside CBC; NULL: GCM

cdef struct jwe_t:
    slice_t coded_header         # as it came
    slice_t[5] parts             # decoded: borrowed (scratch area)
    const jwe_alg_t* alg         # borrowed (static)
    const jwe_enc_t* enc         # borrowed (static)

# Takes a token apart. algs, encs: bits 1 << index of what is allowed. False: it is none, its header asks for what is not
# known or not allowed (an extension that must be understood and compression among that), or there is no room.
cdef bint jwe_parse(eval_t* ev, slice_t text, uint32_t algs, uint32_t encs, jwe_t* jwe) noexcept nogil
