# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# AES in GCM and CBC mode (manual, section 7.3.1): `aes_gcm_dec`, `aes_gcm_enc`, `aes_cbc_dec`, `aes_cbc_enc`. Arguments: the
# key's bits, then nonce, key, for GCM the tag (a variable to write when it encrypts), and additional
# data that is authenticated only. Each converter gets a BIN sample.
#
# Contracts: conv_cipher.pxd. A context per cipher and process is made when the module is loaded and given another key and nonce
# for each use, which is what OpenSSL does without an allocation.

from libc.stdint cimport int64_t, uint8_t, uint32_t

from fastlb_core.base.base64 cimport base64_encode
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport arg_t, args_count, conv_fn
from fastlb_core.program.sample cimport SMP_T_BIN, eval_t, sample_t, scratch_take, smp_set_own
from fastlb_core.program.secret cimport read_secret, write_variable
from fastlb_core.sys.openssl cimport (
    ERR_clear_error, EVP_CIPHER, EVP_CIPHER_CTX, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW, EVP_CIPHER_CTX_ctrl, EVP_CIPHER_CTX_new,
    EVP_CIPHER_CTX_set_flags, EVP_CIPHER_fetch, EVP_CipherFinal_ex, EVP_CipherInit_ex, EVP_CipherUpdate, EVP_CTRL_AEAD_GET_TAG,
    EVP_CTRL_AEAD_SET_IVLEN, EVP_CTRL_AEAD_SET_TAG,
)

cdef enum:
    MODES = 3
    KEY_MAX = 32                 # bytes
    NONCE_MAX = 128              # bytes, what OpenSSL's GCM takes
    INPUT_MAX = 0x1000000
    TAG_TEXT = 24                # characters of a tag in base64

cdef conv_entry_t[4] entries
cdef uint32_t n_entries = 0
cdef uint8_t[KEY_MAX] no_key
cdef EVP_CIPHER_CTX* contexts[MODES][3]                    # by aes_mode_t and size of the key; NULL: OpenSSL has no such cipher


cdef const conv_entry_t* conv_cipher_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# Reads nonce, key, tag and additional data, as far as they are among the arguments. False: one has no value, or no length
# that the cipher could use. haproxy: a longer key is cut to the cipher's size.
cdef bint read_args(eval_t* ev, const arg_t* args, bint has_tag, aes_t* aes) noexcept nogil:
    cdef uint32_t n = args_count(args), at = 3
    cdef int64_t bits = args[0].num if n else 0
    if n < 3 or bits not in (128, 192, 256):
        return False
    if not read_secret(ev, &args[1], &aes.nonce) or not read_secret(ev, &args[2], &aes.key):
        return False
    aes.tag.len = aes.aad.len = 0
    if has_tag:
        if n < 4:
            return False
        at = 4
    if at < n and not read_secret(ev, &args[at], &aes.aad):
        return False
    return aes.key.len >= bits // 8 and 0 < aes.nonce.len <= NONCE_MAX


cdef bint set_tag(EVP_CIPHER_CTX* ctx, const aes_t* aes) noexcept nogil:
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, <int> aes.tag.len, <void*> aes.tag.ptr) == 1


cdef bint run(
    EVP_CIPHER_CTX* ctx, int encrypts, aes_mode_t mode, aes_t* aes, slice_t text, uint8_t* out, int* length
) noexcept nogil:
    cdef int n = 0
    if mode == AES_GCM and EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, <int> aes.nonce.len, NULL) != 1:
        return False
    if EVP_CipherInit_ex(ctx, NULL, NULL, <uint8_t*> aes.key.ptr, <uint8_t*> aes.nonce.ptr, encrypts) != 1:
        return False
    if aes.aad.len and EVP_CipherUpdate(ctx, NULL, &n, <uint8_t*> aes.aad.ptr, <int> aes.aad.len) != 1:
        return False
    length[0] = 0
    if text.len and EVP_CipherUpdate(ctx, out, length, <uint8_t*> text.ptr, <int> text.len) != 1:
        return False
    if mode == AES_GCM and not encrypts and not set_tag(ctx, aes):
        return False
    if EVP_CipherFinal_ex(ctx, out + length[0], &n) != 1:
        return False
    length[0] += n
    return mode != AES_GCM or not encrypts or EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AES_BLOCK, aes.made) == 1


cdef bint aes_run(
    int encrypts, aes_mode_t mode, uint32_t bits, aes_t* aes, slice_t text, uint8_t* out, uint32_t* length
) noexcept nogil:
    cdef EVP_CIPHER_CTX* ctx = contexts[<int> mode][(bits - 128) // 64]
    cdef int n = 0
    cdef bint done
    if ctx == NULL or text.len > INPUT_MAX:
        return False
    done = run(ctx, encrypts, mode, aes, text, out, &n)
    # Nobody's key takes the place of this one, which may be a token's.
    EVP_CipherInit_ex(ctx, NULL, NULL, no_key, NULL, encrypts)
    ERR_clear_error()
    length[0] = <uint32_t> n
    return done


cdef bint convert(eval_t* ev, const arg_t* args, sample_t* smp, int encrypts, aes_mode_t mode, aes_t* aes) noexcept nogil:
    cdef uint32_t length = 0
    cdef char* out = scratch_take(ev, smp.str.len + AES_BLOCK) if smp.str.len <= INPUT_MAX else NULL
    if out == NULL or not aes_run(encrypts, mode, <uint32_t> args[0].num, aes, smp.str, <uint8_t*> out, &length):
        return False
    return smp_set_own(smp, SMP_T_BIN, out, length, smp.str.len + AES_BLOCK)


cdef bint aes_gcm_dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef aes_t aes
    if not read_args(ev, args, True, &aes) or not read_secret(ev, &args[3], &aes.tag) or not 0 < aes.tag.len <= AES_BLOCK:
        return False
    return convert(ev, args, smp, 0, AES_GCM, &aes)


# haproxy: the tag is kept in base64, as aes_gcm_dec wants it.
cdef bint aes_gcm_enc(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef aes_t aes
    cdef char[TAG_TEXT] text
    if not read_args(ev, args, True, &aes):
        return False
    if not convert(ev, args, smp, 1, AES_GCM, &aes):
        return False
    return write_variable(ev, &args[3], slice_of(text, base64_encode(aes.made, AES_BLOCK, text)))


# A CBC cipher has one size of nonce: a longer one is cut like a key, a shorter one cannot be used.
cdef bint aes_cbc(eval_t* ev, const arg_t* args, sample_t* smp, int encrypts) noexcept nogil:
    cdef aes_t aes
    if not read_args(ev, args, False, &aes) or aes.nonce.len < AES_BLOCK or aes.aad.len:
        return False
    return convert(ev, args, smp, encrypts, AES_CBC, &aes)


cdef bint aes_cbc_dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return aes_cbc(ev, args, smp, 0)


cdef bint aes_cbc_enc(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return aes_cbc(ev, args, smp, 1)


cdef void prepare(aes_mode_t mode, int size, const char* name) noexcept nogil:
    cdef EVP_CIPHER* cipher = EVP_CIPHER_fetch(NULL, name, NULL)
    cdef EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new() if cipher != NULL else NULL
    if ctx == NULL:
        return
    if mode == AES_WRAP:
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW)
    if EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, 1) == 1:
        contexts[<int> mode][size] = ctx


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


prepare(AES_GCM, 0, b"AES-128-GCM")
prepare(AES_GCM, 1, b"AES-192-GCM")
prepare(AES_GCM, 2, b"AES-256-GCM")
prepare(AES_CBC, 0, b"AES-128-CBC")
prepare(AES_CBC, 1, b"AES-192-CBC")
prepare(AES_CBC, 2, b"AES-256-CBC")
prepare(AES_WRAP, 0, b"AES-128-WRAP")
prepare(AES_WRAP, 1, b"AES-192-WRAP")
prepare(AES_WRAP, 2, b"AES-256-WRAP")
add(b"aes_gcm_dec", aes_gcm_dec)
add(b"aes_gcm_enc", aes_gcm_enc)
add(b"aes_cbc_dec", aes_cbc_dec)
add(b"aes_cbc_enc", aes_cbc_enc)
