# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Encrypted JSON Web Tokens (manual of 3.3, section 7.3.1; RFC 7516, RFC 7518 section 5): `jwt_decrypt_cert`,
# `jwt_decrypt_jwk`, `jwt_decrypt_secret`. Must not know how content keys are wrapped (jwe_key), nor read files (keystore).
# haproxy: a token that cannot be decrypted gives an empty string.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset, strlen

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.conv_cipher cimport AES_BLOCK, AES_CBC, AES_GCM, aes_run, aes_t
from fastlb_core.program.conv_digest cimport digest_find, hmac_sum
from fastlb_core.program.expr cimport arg_t, conv_fn
from fastlb_core.program.jwe cimport JWE_KEY_MAX, JWE_NONCE, JWE_TAG, JWE_TEXT, jwe_parse, jwe_t
from fastlb_core.program.jwe_key cimport jwe_content_key
from fastlb_core.program.jwk cimport jwk_read, jwk_t
from fastlb_core.program.keystore cimport keystore_find_private
from fastlb_core.program.sample cimport SMP_T_STR, eval_t, sample_t, scratch_take, smp_set_own, smp_set_str
from fastlb_core.program.secret cimport read_secret
from fastlb_core.program.vars cimport arg_text
from fastlb_core.sys.openssl cimport CRYPTO_memcmp, EVP_MAX_MD_SIZE, EVP_PKEY_free, OPENSSL_cleanse

cdef enum:
    GCM_NONCE = 12
    LENGTH = 8                   # bytes of the header's length behind what the HMAC is about

cdef conv_entry_t[3] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_jwe_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint is_authentic(eval_t* ev, const jwe_t* jwe, slice_t key) noexcept nogil:
    """RFC 7518, section 5.2.2.1: HMAC of the header as it came, the nonce, the encrypted text and the header's length in bits."""
    cdef uint8_t[EVP_MAX_MD_SIZE] expected
    cdef slice_t header = jwe.coded_header, nonce = jwe.parts[<int> JWE_NONCE], text = jwe.parts[<int> JWE_TEXT]
    cdef slice_t tag = jwe.parts[<int> JWE_TAG]
    cdef uint32_t i, size = header.len + nonce.len + text.len + LENGTH
    cdef char* all_of_it = scratch_take(ev, size)
    cdef char* at = all_of_it
    if at == NULL:
        return False
    memcpy(at, header.ptr, header.len)
    at += header.len
    memcpy(at, nonce.ptr, nonce.len)
    at += nonce.len
    memcpy(at, text.ptr, text.len)
    at += text.len
    for i in range(<uint32_t> LENGTH):
        at[i] = <char> (<unsigned long long> header.len * 8 >> (56 - 8 * i))
    if hmac_sum(digest_find(jwe.enc.digest, <uint32_t> strlen(jwe.enc.digest)), key, slice_of(all_of_it, size), expected) == 0:
        return False
    return tag.len == key.len and CRYPTO_memcmp(expected, tag.ptr, tag.len) == 0


# Both keys of CBC with HMAC are half of the content key, and so is the tag (RFC 7518, section 5.2.2).
cdef bint open_text(eval_t* ev, const jwe_t* jwe, const uint8_t* key, uint8_t* out, uint32_t* length) noexcept nogil:
    cdef uint32_t half = jwe.enc.key_len // 2
    cdef slice_t text = jwe.parts[<int> JWE_TEXT]
    cdef aes_t aes
    memset(&aes, 0, sizeof(aes))
    aes.nonce = jwe.parts[<int> JWE_NONCE]
    if jwe.enc.digest == NULL:
        aes.key = slice_of(<const char*> key, jwe.enc.key_len)
        aes.tag = jwe.parts[<int> JWE_TAG]
        aes.aad = jwe.coded_header
        if aes.nonce.len != GCM_NONCE or aes.tag.len != AES_BLOCK:
            return False
        return aes_run(0, AES_GCM, jwe.enc.key_len * 8, &aes, text, out, length)
    if aes.nonce.len != AES_BLOCK or not is_authentic(ev, jwe, slice_of(<const char*> key, half)):
        return False
    aes.key = slice_of(<const char*> key + half, half)
    return aes_run(0, AES_CBC, half * 8, &aes, text, out, length)


cdef bint decrypt(eval_t* ev, const jwk_t* own, sample_t* smp) noexcept nogil:
    cdef uint8_t[JWE_KEY_MAX] key
    cdef jwe_t jwe
    cdef uint32_t length = 0, room
    cdef char* out
    cdef bint done
    if not jwe_parse(ev, smp.str, ev.program.jwe_algs, ev.program.jwe_encs, &jwe):
        return smp_set_str(smp, "", 0)
    room = jwe.parts[<int> JWE_TEXT].len + AES_BLOCK
    out = scratch_take(ev, room)
    done = out != NULL and jwe_content_key(ev, &jwe, own, key) and open_text(ev, &jwe, key, <uint8_t*> out, &length)
    OPENSSL_cleanse(key, sizeof(key))
    return smp_set_own(smp, SMP_T_STR, out, length, room) if done else smp_set_str(smp, "", 0)


cdef bint jwt_decrypt_cert(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t name
    cdef jwk_t own
    memset(&own, 0, sizeof(own))
    if not arg_text(ev, &args[0], &name):
        return False
    own.pkey = keystore_find_private(name)
    return decrypt(ev, &own, smp)


# A key that the configuration has written out stands in the key store under its own text.
cdef bint jwt_decrypt_jwk(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t text
    cdef jwk_t own
    cdef bint done
    memset(&own, 0, sizeof(own))
    if not arg_text(ev, &args[0], &text):
        return False
    own.pkey = keystore_find_private(text)
    if own.pkey != NULL:
        return decrypt(ev, &own, smp)
    if not jwk_read(ev, text, True, &own):
        return smp_set_str(smp, "", 0)
    done = decrypt(ev, &own, smp)
    EVP_PKEY_free(own.pkey)
    return done


cdef bint jwt_decrypt_secret(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef jwk_t own
    memset(&own, 0, sizeof(own))
    return read_secret(ev, &args[0], &own.secret) and decrypt(ev, &own, smp)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"jwt_decrypt_cert", jwt_decrypt_cert)
add(b"jwt_decrypt_jwk", jwt_decrypt_jwk)
add(b"jwt_decrypt_secret", jwt_decrypt_secret)
