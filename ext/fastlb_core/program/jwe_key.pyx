# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Content keys. Contracts: jwe_key.pxd.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset, strlen

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.conv_cipher cimport AES_BLOCK, AES_GCM, AES_WRAP, aes_run, aes_t
from fastlb_core.program.conv_digest cimport digest_find, digest_sum, digest_t
from fastlb_core.program.json_path cimport JSON_OBJECT, json_find
from fastlb_core.program.jwe cimport (
    JWE_AES_WRAP, JWE_AGREED, JWE_DIRECT, JWE_GCM_WRAP, JWE_HEADER, JWE_KEY, JWE_KEY_MAX, JWE_RSA,
)
from fastlb_core.program.jwk cimport json_bytes, jwk_read
from fastlb_core.program.sample cimport scratch_take
from fastlb_core.sys.openssl cimport (
    ERR_clear_error, EVP_MAX_MD_SIZE, EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_new, EVP_PKEY_CTX_set_rsa_mgf1_md,
    EVP_PKEY_CTX_set_rsa_oaep_md, EVP_PKEY_CTX_set_rsa_padding, EVP_PKEY_EC, EVP_PKEY_RSA, EVP_PKEY_decrypt,
    EVP_PKEY_decrypt_init, EVP_PKEY_derive, EVP_PKEY_derive_init, EVP_PKEY_derive_set_peer, EVP_PKEY_free,
    EVP_PKEY_get_base_id, EVP_PKEY_get_size, OPENSSL_cleanse, RAND_bytes, RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_PADDING,
)

cdef enum:
    WRAP_BLOCK = 8               # bytes that a wrapped key is longer
    GCM_NONCE = 12
    SHARED_MAX = 66              # bytes of what two keys of P-521 agree on
    KDF_HASH = 32                # bytes that one round of the derivation yields
    LENGTH = 4                   # bytes of a length or counter in it


cdef bint unwrap_aes(const jwe_t* jwe, uint32_t bits, slice_t secret, uint8_t* out) noexcept nogil:
    cdef uint8_t[JWE_KEY_MAX + WRAP_BLOCK + AES_BLOCK] key
    cdef slice_t wrapped = jwe.parts[<int> JWE_KEY]
    cdef aes_t aes
    cdef uint32_t length = 0
    if secret.len * 8 != bits or wrapped.len != jwe.enc.key_len + WRAP_BLOCK:
        return False
    memset(&aes, 0, sizeof(aes))
    aes.key = secret
    if not aes_run(0, AES_WRAP, bits, &aes, wrapped, key, &length) or length != jwe.enc.key_len:
        return False
    memcpy(out, key, length)
    OPENSSL_cleanse(key, sizeof(key))
    return True


cdef bint unwrap_gcm(eval_t* ev, const jwe_t* jwe, uint32_t bits, slice_t secret, uint8_t* out) noexcept nogil:
    cdef uint8_t[JWE_KEY_MAX + AES_BLOCK] key
    cdef slice_t header = jwe.parts[<int> JWE_HEADER], wrapped = jwe.parts[<int> JWE_KEY]
    cdef aes_t aes
    cdef uint32_t length = 0
    memset(&aes, 0, sizeof(aes))
    if not json_bytes(ev, header, "$.iv", &aes.nonce) or not json_bytes(ev, header, "$.tag", &aes.tag):
        return False
    if aes.nonce.len != GCM_NONCE or aes.tag.len != AES_BLOCK or wrapped.len != jwe.enc.key_len or secret.len * 8 != bits:
        return False
    aes.key = secret
    if not aes_run(0, AES_GCM, bits, &aes, wrapped, key, &length) or length != jwe.enc.key_len:
        return False
    memcpy(out, key, length)
    OPENSSL_cleanse(key, sizeof(key))
    return True


# ---- RSA

cdef bint set_padding(EVP_PKEY_CTX* ctx, const char* digest) noexcept nogil:
    cdef const digest_t* found
    if digest == NULL:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0
    found = digest_find(digest, <uint32_t> strlen(digest))
    return (
        found != NULL
        and EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0
        and EVP_PKEY_CTX_set_rsa_oaep_md(ctx, found.md) > 0
        and EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, found.md) > 0
    )


cdef bint open_rsa(EVP_PKEY* own, const char* digest, slice_t wrapped, uint8_t* plain, size_t* length) noexcept nogil:
    cdef EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new(own, NULL)
    cdef bint done = (
        ctx != NULL
        and EVP_PKEY_decrypt_init(ctx) > 0
        and set_padding(ctx, digest)
        and EVP_PKEY_decrypt(ctx, plain, length, <const uint8_t*> wrapped.ptr, wrapped.len) > 0
    )
    EVP_PKEY_CTX_free(ctx)
    ERR_clear_error()
    return done


cdef bint unwrap_rsa(eval_t* ev, const jwe_t* jwe, EVP_PKEY* own, uint8_t* out) noexcept nogil:
    cdef slice_t wrapped = jwe.parts[<int> JWE_KEY]
    cdef uint32_t key_len = jwe.enc.key_len
    cdef int size
    cdef size_t length
    cdef uint8_t* plain
    if own == NULL or EVP_PKEY_get_base_id(own) != EVP_PKEY_RSA:
        return False
    size = EVP_PKEY_get_size(own)
    plain = <uint8_t*> scratch_take(ev, <uint32_t> size) if size > 0 else NULL
    if plain == NULL or wrapped.len != <uint32_t> size:
        return False
    length = <size_t> size
    # RFC 7516, section 11.5: with RSA1_5 a wrong padding must look like a wrong tag, so a key of nobody's is used.
    if RAND_bytes(out, <int> key_len) != 1:
        return False
    if open_rsa(own, jwe.alg.digest, wrapped, plain, &length) and length == key_len:
        memcpy(out, plain, key_len)
    elif jwe.alg.digest != NULL:
        return False
    OPENSSL_cleanse(plain, <size_t> size)
    return True


# ---- ECDH-ES

cdef uint32_t put_number(char* out, uint32_t number) noexcept nogil:
    cdef uint32_t i
    for i in range(<uint32_t> LENGTH):
        out[i] = <char> (number >> (24 - 8 * i))
    return LENGTH


cdef uint32_t put_piece(char* out, slice_t piece) noexcept nogil:
    cdef uint32_t n = put_number(out, piece.len)
    if piece.len:
        memcpy(out + n, piece.ptr, piece.len)
    return n + piece.len


# The Concat KDF (RFC 7518, section 4.6.2) with SHA-256; length: bytes, at most JWE_KEY_MAX.
cdef bint derive_key(eval_t* ev, slice_t header, slice_t shared, const char* name, uint32_t length, uint8_t* out) noexcept nogil:
    cdef uint8_t[EVP_MAX_MD_SIZE] digest
    cdef char[LENGTH + SHARED_MAX] first
    cdef const digest_t* sha256 = digest_find("sha256", 6)
    cdef slice_t apu, apv, algorithm = slice_of(name, <uint32_t> strlen(name))
    cdef uint32_t n, at = 0, done = 0, rounds = 1
    cdef char* info
    if not json_bytes(ev, header, "$.apu", &apu) or not json_bytes(ev, header, "$.apv", &apv):
        return False
    info = scratch_take(ev, 4 * LENGTH + algorithm.len + apu.len + apv.len)
    if info == NULL:
        return False
    at += put_piece(info, algorithm)
    at += put_piece(info + at, apu)
    at += put_piece(info + at, apv)
    at += put_number(info + at, length * 8)
    memcpy(first + LENGTH, shared.ptr, shared.len)
    while done < length:
        put_number(first, rounds)
        if digest_sum(sha256, slice_of(first, LENGTH + shared.len), slice_of(info, at), digest) != KDF_HASH:
            return False
        n = length - done if length - done < KDF_HASH else KDF_HASH
        memcpy(out + done, digest, n)
        done += n
        rounds += 1
    OPENSSL_cleanse(first, sizeof(first))
    OPENSSL_cleanse(digest, sizeof(digest))
    return True


# What both keys agree on, into shared[SHARED_MAX]; returns its length, 0: they are of different curves.
cdef uint32_t agree(EVP_PKEY* own, EVP_PKEY* peer, uint8_t* shared) noexcept nogil:
    cdef EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new(own, NULL)
    cdef size_t length = SHARED_MAX
    if (
        ctx == NULL
        or EVP_PKEY_derive_init(ctx) != 1
        or EVP_PKEY_derive_set_peer(ctx, peer) != 1
        or EVP_PKEY_derive(ctx, shared, &length) != 1
    ):
        length = 0
    EVP_PKEY_CTX_free(ctx)
    ERR_clear_error()
    return <uint32_t> length


cdef bint agreed_key(eval_t* ev, const jwe_t* jwe, EVP_PKEY* own, uint8_t* out) noexcept nogil:
    cdef uint8_t[SHARED_MAX] shared
    cdef uint8_t[JWE_KEY_MAX] wrapping
    cdef slice_t header = jwe.parts[<int> JWE_HEADER], epk, secret
    cdef bint is_direct = jwe.alg.family == JWE_AGREED, done
    cdef jwk_t peer
    if own == NULL or EVP_PKEY_get_base_id(own) != EVP_PKEY_EC or is_direct and jwe.parts[<int> JWE_KEY].len:
        return False
    if json_find(header, slice_of("$.epk", 5), &epk) != JSON_OBJECT or not jwk_read(ev, epk, False, &peer):
        return False
    secret = slice_of(<char*> shared, agree(own, peer.pkey, shared))
    EVP_PKEY_free(peer.pkey)
    if secret.len == 0:
        return False
    if is_direct:
        done = derive_key(ev, header, secret, jwe.enc.name, jwe.enc.key_len, out)
    else:
        done = (
            derive_key(ev, header, secret, jwe.alg.name, jwe.alg.bits // 8, wrapping)
            and unwrap_aes(jwe, jwe.alg.bits, slice_of(<char*> wrapping, jwe.alg.bits // 8), out)
        )
        OPENSSL_cleanse(wrapping, sizeof(wrapping))
    OPENSSL_cleanse(shared, sizeof(shared))
    return done


cdef bint jwe_content_key(eval_t* ev, const jwe_t* jwe, const jwk_t* own, uint8_t* out) noexcept nogil:
    if jwe.alg.family == JWE_DIRECT:
        if own.secret.len != jwe.enc.key_len or jwe.parts[<int> JWE_KEY].len:
            return False
        memcpy(out, own.secret.ptr, own.secret.len)
        return True
    if jwe.alg.family == JWE_AES_WRAP:
        return unwrap_aes(jwe, jwe.alg.bits, own.secret, out)
    if jwe.alg.family == JWE_GCM_WRAP:
        return unwrap_gcm(ev, jwe, jwe.alg.bits, own.secret, out)
    if jwe.alg.family == JWE_RSA:
        return unwrap_rsa(ev, jwe, own.pkey, out)
    return agreed_key(ev, jwe, own.pkey, out)
