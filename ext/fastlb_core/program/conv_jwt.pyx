# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# JSON Web Tokens in compact form (manual, section 7.3.1; RFC 7515, RFC 7518 section 3): `jwt_header_query`,
# `jwt_payload_query`, `jwt_verify`, `jwt_verify_cert`. Must not know where keys come from (keystore).

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy

from fastlb_core.base.base64 cimport base64url_decode
from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t
from fastlb_core.program.conv_digest cimport digest_find, digest_t, hmac_sum
from fastlb_core.program.conv_json_query cimport json_answer
from fastlb_core.program.expr cimport ARG_STR, arg_t, conv_fn
from fastlb_core.program.keystore cimport keystore_find
from fastlb_core.program.sample cimport SMP_T_STR, eval_t, sample_t, scratch_take, smp_set_int, smp_set_own
from fastlb_core.program.vars cimport arg_text
from fastlb_core.sys.openssl cimport (
    CRYPTO_memcmp, ERR_clear_error, EVP_DigestVerify, EVP_DigestVerifyInit, EVP_MAX_MD_SIZE, EVP_MD_CTX,
    EVP_MD_CTX_new, EVP_MD_CTX_reset, EVP_PKEY, EVP_PKEY_EC, EVP_PKEY_RSA, EVP_PKEY_get_base_id,
)

cdef enum:                       # what jwt_verify says
    JWT_VALID = 1
    JWT_INVALID = 0
    JWT_UNKNOWN_ALGORITHM = -1
    JWT_UNMANAGED_ALGORITHM = -2
    JWT_BAD_TOKEN = -3
    JWT_NO_MEMORY = -4
    JWT_UNKNOWN_KEY = -5

cdef enum alg_t:
    ALG_UNKNOWN = 0
    ALG_NONE = 1
    ALG_HS = 2                   # HMAC with SHA-2
    ALG_RS = 3                   # RSASSA-PKCS1-v1_5
    ALG_ES = 4                   # ECDSA
    ALG_PS = 5                   # RSASSA-PSS

cdef enum:
    HALF_MAX = 66                # bytes of one number of an ES512 signature
    RSA_LENGTH = 256
    DER_MAX = 160                # 2 * (HALF_MAX + 1) and the headers of three elements

cdef struct token_t:
    slice_t[3] parts             # header, payload, signature
    slice_t signed_text          # header and payload with the dot between them
    uint32_t n_parts             # 4: more than three

cdef conv_entry_t[4] entries
cdef uint32_t n_entries = 0
cdef EVP_MD_CTX* ctx = EVP_MD_CTX_new()


cdef const conv_entry_t* conv_jwt_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef void split(slice_t text, token_t* token) noexcept nogil:
    cdef slice_t rest = text
    cdef const char* dot
    cdef uint32_t length
    token.n_parts = 0
    token.parts[1] = token.parts[2] = slice_of(NULL, 0)
    token.signed_text = text
    while token.n_parts < 3:
        dot = <const char*> memchr(rest.ptr, 46, rest.len) if rest.len else NULL
        length = <uint32_t> (dot - rest.ptr) if dot != NULL else rest.len
        token.parts[token.n_parts] = slice_of(rest.ptr, length)
        token.n_parts += 1
        if token.n_parts == 2:
            token.signed_text = slice_of(text.ptr, <uint32_t> (rest.ptr + length - text.ptr))
        if dot == NULL:
            return
        rest = slice_of(dot + 1, rest.len - length - 1)
    token.n_parts = 4


# The part's bytes in the scratch area. False: it is not base64, or there is no room.
cdef bint decoded(eval_t* ev, slice_t part, slice_t* into) noexcept nogil:
    cdef char* out = scratch_take(ev, part.len // 4 * 3 + 3)
    cdef int64_t n
    if out == NULL:
        return False
    n = base64url_decode(part.ptr, part.len, out)
    if n < 0:
        return False
    into[0] = slice_of(out, <uint32_t> n)
    return True


# haproxy: 2.6 has no value without a path; this gives the whole part as its manual says.
cdef bint query(eval_t* ev, const arg_t* args, sample_t* smp, uint32_t part) noexcept nogil:
    cdef token_t token
    cdef slice_t text
    split(smp.str, &token)
    if token.n_parts <= part or not decoded(ev, token.parts[part], &text):
        return False
    if args[0].type == ARG_STR and args[0].str.len:
        return json_answer(ev, text, args, smp)
    return smp_set_own(smp, SMP_T_STR, <char*> text.ptr, text.len, text.len)


cdef bint jwt_header_query(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return query(ev, args, smp, 0)


cdef bint jwt_payload_query(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return query(ev, args, smp, 1)


# ---- signatures

# The algorithm's family; *digest: its digest, or NULL; *half: for ES the bytes of one of the two numbers (RFC 7518, section 3.4).
cdef alg_t algorithm(slice_t name, const digest_t** digest, uint32_t* half) noexcept nogil:
    if slice_eq(name, "none", 4):
        return ALG_NONE
    if name.len != 5:
        return ALG_UNKNOWN
    if memcmp(name.ptr + 2, "256", 3) == 0:
        digest[0], half[0] = digest_find("sha256", 6), 32
    elif memcmp(name.ptr + 2, "384", 3) == 0:
        digest[0], half[0] = digest_find("sha384", 6), 48
    elif memcmp(name.ptr + 2, "512", 3) == 0:
        digest[0], half[0] = digest_find("sha512", 6), HALF_MAX
    else:
        return ALG_UNKNOWN
    if name.ptr[1] != 83:
        return ALG_UNKNOWN
    if name.ptr[0] == 72:
        return ALG_HS
    if name.ptr[0] == 82:
        return ALG_RS
    if name.ptr[0] == 69:
        return ALG_ES
    return ALG_PS if name.ptr[0] == 80 else ALG_UNKNOWN


# One number as a DER INTEGER: no leading zeros, but one before a set top bit. Returns its length.
cdef uint32_t der_integer(const uint8_t* number, uint32_t length, uint8_t* out) noexcept nogil:
    cdef uint32_t sign
    while length > 1 and number[0] == 0:
        number += 1
        length -= 1
    sign = number[0] >> 7
    out[0] = 2
    out[1] = <uint8_t> (length + sign)
    out[2] = 0
    memcpy(out + 2 + sign, number, length)
    return 2 + sign + length


# A signature of two numbers, as tokens have it, as the SEQUENCE that OpenSSL wants. Returns its length.
cdef uint32_t der_signature(const uint8_t* sig, uint32_t half, uint8_t* out) noexcept nogil:
    cdef uint8_t[DER_MAX] body
    cdef uint32_t n = der_integer(sig, half, body), at = 2
    n += der_integer(sig + half, half, body + n)
    out[0] = 0x30
    if n < 128:
        out[1] = <uint8_t> n
    else:
        out[1], out[2], at = 0x81, <uint8_t> n, 3
    memcpy(out + at, body, n)
    return at + n


cdef int verify_with_key(EVP_PKEY* key, const digest_t* digest, slice_t text, const uint8_t* sig, uint32_t length) noexcept nogil:
    cdef bint is_valid
    if ctx == NULL or digest == NULL or EVP_MD_CTX_reset(ctx) != 1:
        return JWT_NO_MEMORY
    is_valid = (
        EVP_DigestVerifyInit(ctx, NULL, digest.md, NULL, key) == 1
        and EVP_DigestVerify(ctx, sig, length, <const uint8_t*> text.ptr, text.len) == 1
    )
    EVP_MD_CTX_reset(ctx)
    ERR_clear_error()
    return JWT_VALID if is_valid else JWT_INVALID


cdef int verify_public(
    token_t* token, alg_t alg, const digest_t* digest, uint32_t half, slice_t sig, slice_t name
) noexcept nogil:
    cdef uint8_t[DER_MAX] der
    cdef EVP_PKEY* key = keystore_find(name)
    if key == NULL:
        return JWT_UNKNOWN_KEY
    if alg == ALG_RS:
        # The family is compared first, so that a key is never used with another family's algorithm (RFC 8725, section 3.1).
        if EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA:
            return JWT_INVALID
        return verify_with_key(key, digest, token.signed_text, <const uint8_t*> sig.ptr, sig.len)
    if sig.len != 2 * half:      # haproxy: one that is as long as of an RSA key is only invalid
        return JWT_BAD_TOKEN if sig.len < RSA_LENGTH else JWT_INVALID
    if EVP_PKEY_get_base_id(key) != EVP_PKEY_EC:
        return JWT_INVALID
    return verify_with_key(key, digest, token.signed_text, der, der_signature(<const uint8_t*> sig.ptr, half, der))


cdef int verify_secret(token_t* token, const digest_t* digest, slice_t sig, slice_t secret) noexcept nogil:
    cdef uint8_t[EVP_MAX_MD_SIZE] expected
    cdef uint32_t n = hmac_sum(digest, secret, token.signed_text, expected)
    return JWT_VALID if n > 0 and n == sig.len and CRYPTO_memcmp(expected, sig.ptr, n) == 0 else JWT_INVALID


cdef int verify(eval_t* ev, slice_t text, slice_t name, slice_t key, bint key_is_public) noexcept nogil:
    cdef token_t token
    cdef slice_t sig
    cdef const digest_t* digest = NULL
    cdef uint32_t half = 0
    cdef alg_t alg = algorithm(name, &digest, &half)
    if alg == ALG_UNKNOWN:
        return JWT_UNKNOWN_ALGORITHM
    if alg == ALG_PS:
        return JWT_UNMANAGED_ALGORITHM
    split(text, &token)
    if token.n_parts not in (2, 3):
        return JWT_BAD_TOKEN
    if alg == ALG_NONE:          # haproxy: valid without a signature; the configuration asked for "none"
        return JWT_VALID if token.parts[2].len == 0 else JWT_INVALID
    sig = token.parts[2]
    if sig.len == 0:
        return JWT_BAD_TOKEN
    if sig.ptr[sig.len - 1] == 61:                           # padding. haproxy: the same
        return JWT_INVALID if alg == ALG_HS or keystore_find(key) != NULL else JWT_UNKNOWN_KEY
    if not decoded(ev, sig, &sig):
        return JWT_BAD_TOKEN
    if alg == ALG_HS:
        return JWT_INVALID if key_is_public else verify_secret(&token, digest, sig, key)
    return verify_public(&token, alg, digest, half, sig, key)


cdef bint jwt_verify(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t name, key
    if not arg_text(ev, &args[0], &name) or not arg_text(ev, &args[1], &key):
        return False
    return smp_set_int(smp, verify(ev, smp.str, name, key, False))


# As jwt_verify; the key is never a secret.
cdef bint jwt_verify_cert(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t name, key
    if not arg_text(ev, &args[0], &name) or not arg_text(ev, &args[1], &key):
        return False
    return smp_set_int(smp, verify(ev, smp.str, name, key, True))


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"jwt_header_query", jwt_header_query)
add(b"jwt_payload_query", jwt_payload_query)
add(b"jwt_verify", jwt_verify)
add(b"jwt_verify_cert", jwt_verify_cert)
