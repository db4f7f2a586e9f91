# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Encrypted tokens' parts and algorithms. Contracts: jwe.pxd.

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memchr, strlen

from fastlb_core.base.base64 cimport base64url_decode
from fastlb_core.base.slice cimport slice_eq, slice_of
from fastlb_core.program.json_path cimport JSON_NOTHING, json_find
from fastlb_core.program.jwk cimport json_text
from fastlb_core.program.sample cimport scratch_take

cdef jwe_alg_t* algs = [
    jwe_alg_t("dir", JWE_DIRECT, 0, NULL),
    jwe_alg_t("A128KW", JWE_AES_WRAP, 128, NULL),
    jwe_alg_t("A192KW", JWE_AES_WRAP, 192, NULL),
    jwe_alg_t("A256KW", JWE_AES_WRAP, 256, NULL),
    jwe_alg_t("A128GCMKW", JWE_GCM_WRAP, 128, NULL),
    jwe_alg_t("A192GCMKW", JWE_GCM_WRAP, 192, NULL),
    jwe_alg_t("A256GCMKW", JWE_GCM_WRAP, 256, NULL),
    jwe_alg_t("RSA1_5", JWE_RSA, 0, NULL),
    jwe_alg_t("RSA-OAEP", JWE_RSA, 0, "sha1"),
    jwe_alg_t("RSA-OAEP-256", JWE_RSA, 0, "sha256"),
    jwe_alg_t("ECDH-ES", JWE_AGREED, 0, NULL),
    jwe_alg_t("ECDH-ES+A128KW", JWE_AGREED_WRAP, 128, NULL),
    jwe_alg_t("ECDH-ES+A192KW", JWE_AGREED_WRAP, 192, NULL),
    jwe_alg_t("ECDH-ES+A256KW", JWE_AGREED_WRAP, 256, NULL),
]
cdef jwe_enc_t* encs = [
    jwe_enc_t("A128CBC-HS256", 32, "sha256"),
    jwe_enc_t("A192CBC-HS384", 48, "sha384"),
    jwe_enc_t("A256CBC-HS512", 64, "sha512"),
    jwe_enc_t("A128GCM", 16, NULL),
    jwe_enc_t("A192GCM", 24, NULL),
    jwe_enc_t("A256GCM", 32, NULL),
]


cdef bint decoded(eval_t* ev, slice_t text, slice_t* into) noexcept nogil:
    cdef char* out = scratch_take(ev, text.len // 4 * 3 + 3)
    cdef int64_t n = base64url_decode(text.ptr, text.len, out) if out != NULL else -1
    into[0] = slice_of(out, <uint32_t> n if n > 0 else 0)
    return n >= 0


cdef bint split(eval_t* ev, slice_t text, jwe_t* jwe) noexcept nogil:
    """Five parts, no more and no less; each but the header may be empty."""
    cdef const char* dot
    cdef uint32_t i, length
    for i in range(<uint32_t> JWE_PARTS):
        dot = <const char*> memchr(text.ptr, b'.', text.len) if text.len else NULL
        if (dot == NULL) != (i == <uint32_t> JWE_PARTS - 1):
            return False
        length = <uint32_t> (dot - text.ptr) if dot != NULL else text.len
        if i == <uint32_t> JWE_HEADER:
            jwe.coded_header = slice_of(text.ptr, length)
        if not decoded(ev, slice_of(text.ptr, length), &jwe.parts[i]):
            return False
        if dot != NULL:
            text = slice_of(dot + 1, text.len - length - 1)
    return True


cdef bint has(slice_t json, const char* path) noexcept nogil:
    cdef slice_t value
    return json_find(json, slice_of(path, <uint32_t> strlen(path)), &value) != JSON_NOTHING


cdef bint find_algorithms(slice_t header, jwe_t* jwe, uint32_t allowed_algs, uint32_t allowed_encs) noexcept nogil:
    cdef slice_t name = json_text(header, "$.alg")
    cdef uint32_t i
    jwe.alg = NULL
    jwe.enc = NULL
    for i in range(<uint32_t> JWE_N_ALGS):
        if allowed_algs >> i & 1 and slice_eq(name, algs[i].name, <uint32_t> strlen(algs[i].name)):
            jwe.alg = &algs[i]
    name = json_text(header, "$.enc")
    for i in range(<uint32_t> JWE_N_ENCS):
        if allowed_encs >> i & 1 and slice_eq(name, encs[i].name, <uint32_t> strlen(encs[i].name)):
            jwe.enc = &encs[i]
    return jwe.alg != NULL and jwe.enc != NULL


cdef bint jwe_parse(eval_t* ev, slice_t text, uint32_t algs, uint32_t encs, jwe_t* jwe) noexcept nogil:
    cdef slice_t header
    if not split(ev, text, jwe):
        return False
    header = jwe.parts[<int> JWE_HEADER]
    # RFC 7516, section 4.1.13: what is marked as critical and not understood makes the token invalid.
    return find_algorithms(header, jwe, algs, encs) and not has(header, "$.crit") and not has(header, "$.zip")
