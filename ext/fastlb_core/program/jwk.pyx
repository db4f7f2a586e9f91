# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# JSON Web Keys. Contracts: jwk.pxd. OpenSSL checks that a point is on its curve.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset, strlen

from fastlb_core.base.base64 cimport base64url_decode
from fastlb_core.base.slice cimport slice_eq, slice_of
from fastlb_core.program.json_path cimport JSON_STRING, json_find
from fastlb_core.program.sample cimport scratch_take
from fastlb_core.sys.openssl cimport (
    BIGNUM, BN_bin2bn, BN_bn2nativepad, BN_clear_free, ERR_clear_error, EVP_PKEY_CTX, EVP_PKEY_CTX_free,
    EVP_PKEY_CTX_new_from_name, EVP_PKEY_KEYPAIR, EVP_PKEY_PUBLIC_KEY, EVP_PKEY_fromdata, EVP_PKEY_fromdata_init, OSSL_PARAM,
    OSSL_PARAM_construct_BN, OSSL_PARAM_construct_end, OSSL_PARAM_construct_octet_string, OSSL_PARAM_construct_utf8_string,
)

cdef enum:
    NUMBER_MAX = 1024            # bytes: RSA keys of 8192 bits
    MODULUS_MIN = 128            # bytes
    PARAMS_MAX = 12
    RSA_REQUIRED = 3
    RSA_NUMBERS = 8
    COORDINATE_MAX = 66          # bytes, of P-521
    UNCOMPRESSED = 4             # what a point with both coordinates begins with

cdef struct curve_t:
    const char* name
    const char* group            # OpenSSL's
    uint32_t size                # bytes of a coordinate

cdef curve_t* curves = [
    curve_t("P-256", "prime256v1", 32),
    curve_t("P-384", "secp384r1", 48),
    curve_t("P-521", "secp521r1", COORDINATE_MAX),
]
cdef const char** rsa_paths = ["$.n", "$.e", "$.d", "$.p", "$.q", "$.dp", "$.dq", "$.qi"]
cdef const char** rsa_names = [
    "n", "e", "d", "rsa-factor1", "rsa-factor2", "rsa-exponent1", "rsa-exponent2", "rsa-coefficient1",
]


cdef slice_t json_text(slice_t json, const char* path) noexcept nogil:
    cdef slice_t value
    if json_find(json, slice_of(path, <uint32_t> strlen(path)), &value) != JSON_STRING:
        return slice_of(NULL, 0)
    return value


cdef bint json_bytes(eval_t* ev, slice_t json, const char* path, slice_t* bytes) noexcept nogil:
    cdef slice_t text = json_text(json, path)
    cdef char* out
    cdef int64_t n
    bytes[0] = slice_of(NULL, 0)
    if text.len == 0:
        return True
    out = scratch_take(ev, text.len // 4 * 3 + 3)
    n = base64url_decode(text.ptr, text.len, out) if out != NULL else -1
    if n < 0:
        return False
    bytes[0] = slice_of(out, <uint32_t> n)
    return True


# Turns a number of most significant byte first into the machine's order, where it stands.
cdef bint to_native(slice_t number) noexcept nogil:
    cdef BIGNUM* bn = BN_bin2bn(<const uint8_t*> number.ptr, <int> number.len, NULL)
    cdef bint done = bn != NULL and BN_bn2nativepad(bn, <uint8_t*> number.ptr, <int> number.len) == <int> number.len
    BN_clear_free(bn)
    return done


cdef EVP_PKEY* make(const char* kind, int selection, OSSL_PARAM* params) noexcept nogil:
    cdef EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL)
    cdef EVP_PKEY* key = NULL
    if ctx == NULL or EVP_PKEY_fromdata_init(ctx) != 1 or EVP_PKEY_fromdata(ctx, &key, selection, params) != 1:
        key = NULL
    EVP_PKEY_CTX_free(ctx)
    ERR_clear_error()
    return key


# n, e, d, and for the Chinese remainder theorem five more, all or none. An even modulus is none.
cdef bint read_rsa(eval_t* ev, slice_t json, jwk_t* jwk) noexcept nogil:
    cdef OSSL_PARAM[PARAMS_MAX] params
    cdef slice_t[RSA_NUMBERS] numbers
    cdef uint32_t i, n = 0
    while n < RSA_NUMBERS:
        if not json_bytes(ev, json, rsa_paths[n], &numbers[n]) or numbers[n].len > NUMBER_MAX:
            return False
        if numbers[n].len == 0:
            break
        n += 1
    if n < RSA_REQUIRED:
        return False
    n = RSA_NUMBERS if n == RSA_NUMBERS else RSA_REQUIRED
    if numbers[0].len < MODULUS_MIN or not numbers[0].ptr[numbers[0].len - 1] & 1:
        return False
    for i in range(n):
        if not to_native(numbers[i]):
            return False
        params[i] = OSSL_PARAM_construct_BN(rsa_names[i], <uint8_t*> numbers[i].ptr, numbers[i].len)
    params[n] = OSSL_PARAM_construct_end()
    jwk.pkey = make("RSA", EVP_PKEY_KEYPAIR, params)
    return jwk.pkey != NULL


cdef const curve_t* find_curve(slice_t name) noexcept nogil:
    cdef uint32_t i
    for i in range(3):
        if slice_eq(name, curves[i].name, <uint32_t> strlen(curves[i].name)):
            return &curves[i]
    return NULL


cdef bint read_ec(eval_t* ev, slice_t json, bint is_private, jwk_t* jwk) noexcept nogil:
    cdef OSSL_PARAM[PARAMS_MAX] params
    cdef uint8_t[1 + 2 * COORDINATE_MAX] point
    cdef slice_t x, y, d
    cdef const curve_t* curve = find_curve(json_text(json, "$.crv"))
    cdef uint32_t n = 2
    if curve == NULL or not json_bytes(ev, json, "$.x", &x) or not json_bytes(ev, json, "$.y", &y):
        return False
    if x.len != curve.size or y.len != curve.size:           # RFC 7518, section 6.2.1.2: full size, with leading zeros
        return False
    point[0] = UNCOMPRESSED
    memcpy(point + 1, x.ptr, x.len)
    memcpy(point + 1 + x.len, y.ptr, y.len)
    params[0] = OSSL_PARAM_construct_utf8_string("group", <char*> curve.group, 0)
    params[1] = OSSL_PARAM_construct_octet_string("pub", point, 1 + 2 * curve.size)
    if is_private:
        if not json_bytes(ev, json, "$.d", &d) or d.len != curve.size or not to_native(d):
            return False
        params[2] = OSSL_PARAM_construct_BN("priv", <uint8_t*> d.ptr, d.len)
        n = 3
    params[n] = OSSL_PARAM_construct_end()
    jwk.pkey = make("EC", EVP_PKEY_KEYPAIR if is_private else EVP_PKEY_PUBLIC_KEY, params)
    return jwk.pkey != NULL


cdef bint jwk_read(eval_t* ev, slice_t json, bint is_private, jwk_t* jwk) noexcept nogil:
    cdef slice_t kind = json_text(json, "$.kty")
    memset(jwk, 0, sizeof(jwk_t))
    if slice_eq(kind, "oct", 3):
        return is_private and json_bytes(ev, json, "$.k", &jwk.secret) and jwk.secret.len > 0
    if slice_eq(kind, "RSA", 3):
        return is_private and read_rsa(ev, json, jwk)
    return slice_eq(kind, "EC", 2) and read_ec(ev, json, is_private, jwk)
