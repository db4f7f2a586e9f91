# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Message digests and HMAC (manual, section 7.3.1). Contracts: conv_digest.pxd. Each converter gets a BIN sample.
#
# One context and one table of digests per process, made when the module is loaded or a digest is first used. The usual digests
# work in memory of ours: nothing is allocated for a request. The others are left to OpenSSL's newer interface, which allocates.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset, strchr, strncmp

from fastlb_core.base.slice cimport lower_byte, slice_of, slice_t
from fastlb_core.program.expr cimport ARG_SINT, arg_t, conv_fn
from fastlb_core.program.sample cimport SMP_T_BIN, eval_t, sample_t, scratch_take, smp_set_own
from fastlb_core.program.secret cimport read_secret
from fastlb_core.sys.digests cimport (
    MD5_CTX, MD5_Final, MD5_Init, MD5_Update, RIPEMD160_CTX, RIPEMD160_Final, RIPEMD160_Init, RIPEMD160_Update, SHA1_Final,
    SHA1_Init, SHA1_Update, SHA224_Final, SHA224_Init, SHA224_Update, SHA256_CTX, SHA256_Final, SHA256_Init, SHA256_Update,
    SHA384_Final, SHA384_Init, SHA384_Update, SHA512_CTX, SHA512_Final, SHA512_Init, SHA512_Update, SHA_CTX, final_fn, init_fn,
    update_fn,
)
from fastlb_core.sys.openssl cimport (
    EVP_MAX_MD_SIZE, EVP_MD_CTX, EVP_MD_CTX_new, EVP_MD_FLAG_XOF, EVP_MD_fetch, EVP_MD_get_block_size,
    EVP_MD_get_flags, EVP_DigestFinal_ex, EVP_DigestInit_ex, EVP_DigestUpdate, ERR_clear_error,
)

cdef enum:
    DIGESTS_MAX = 64             # different names in one configuration
    BLOCK_MAX = 256              # bytes; SHA3-224 has 144
    PLAIN_MAX = 7

cdef union state_t:
    MD5_CTX md5
    RIPEMD160_CTX ripemd160
    SHA_CTX sha1
    SHA256_CTX sha256
    SHA512_CTX sha512

cdef conv_entry_t[4] entries
cdef uint32_t n_entries = 0
cdef digest_t[DIGESTS_MAX] digests
cdef uint32_t n_digests = 0
cdef plain_digest_t[PLAIN_MAX] plain_digests
cdef uint32_t n_plain = 0
cdef EVP_MD_CTX* ctx = EVP_MD_CTX_new()


cdef const conv_entry_t* conv_digest_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef const plain_digest_t* _plain(const char* name, uint32_t length) noexcept nogil:
    cdef const char* at
    cdef uint32_t i
    for i in range(n_plain):
        at = plain_digests[i].names
        while at[0]:
            if strncmp(at, name, length) == 0 and at[length] == b' ':
                return &plain_digests[i]
            at = strchr(at, b' ') + 1
    return NULL


cdef const digest_t* digest_find(const char* name, uint32_t length) noexcept nogil:
    global n_digests
    cdef char[DIGEST_NAME_MAX] wanted
    cdef digest_t* found
    cdef uint32_t i
    if length >= DIGEST_NAME_MAX:
        return NULL
    memset(wanted, 0, DIGEST_NAME_MAX)
    for i in range(length):
        wanted[i] = <char> lower_byte(<uint8_t> name[i])
    for i in range(n_digests):
        if memcmp(digests[i].name, wanted, DIGEST_NAME_MAX) == 0:
            return &digests[i] if digests[i].md != NULL else NULL
    if n_digests == DIGESTS_MAX:
        return NULL
    found = &digests[n_digests]
    n_digests += 1
    memcpy(found.name, wanted, DIGEST_NAME_MAX)
    found.md = EVP_MD_fetch(NULL, wanted, NULL)
    # What OpenSSL's configuration does not allow is not done behind its back.
    found.plain = _plain(wanted, length) if found.md != NULL else NULL
    ERR_clear_error()
    return found if found.md != NULL else NULL


cdef uint32_t _sum_of_plain(const plain_digest_t* plain, slice_t first, slice_t second, uint8_t* out) noexcept nogil:
    cdef state_t state
    if (
        plain.init(&state) != 1
        or first.len and plain.update(&state, first.ptr, first.len) != 1
        or second.len and plain.update(&state, second.ptr, second.len) != 1
        or plain.final(out, &state) != 1
    ):
        return 0
    return plain.size


cdef uint32_t digest_sum(const digest_t* digest, slice_t first, slice_t second, uint8_t* out) noexcept nogil:
    cdef unsigned int length = 0
    if digest == NULL:
        return 0
    if digest.plain != NULL:
        return _sum_of_plain(digest.plain, first, second, out)
    if (
        ctx == NULL
        or EVP_DigestInit_ex(ctx, digest.md, NULL) != 1
        or EVP_DigestUpdate(ctx, first.ptr, first.len) != 1
        or EVP_DigestUpdate(ctx, second.ptr, second.len) != 1
        or EVP_DigestFinal_ex(ctx, out, &length) != 1
    ):
        ERR_clear_error()
        return 0
    return length


cdef int _block_size(const digest_t* digest) noexcept nogil:
    """0: HMAC cannot be used with it."""
    if digest == NULL:
        return 0
    if digest.plain != NULL:
        return <int> digest.plain.block
    return 0 if EVP_MD_get_flags(digest.md) & EVP_MD_FLAG_XOF else EVP_MD_get_block_size(digest.md)


cdef uint32_t hmac_sum(const digest_t* digest, slice_t key, slice_t text, uint8_t* out) noexcept nogil:
    cdef uint8_t[BLOCK_MAX] pad
    cdef uint8_t[EVP_MAX_MD_SIZE] inner
    cdef uint32_t i, n
    cdef int block = _block_size(digest)
    if block <= 0 or block > BLOCK_MAX:
        return 0
    memset(pad, 0, BLOCK_MAX)
    if key.len <= <uint32_t> block:
        if key.len:
            memcpy(pad, key.ptr, key.len)
    elif digest_sum(digest, key, slice_of(NULL, 0), pad) == 0:
        return 0
    for i in range(<uint32_t> block):
        pad[i] ^= 0x36
    n = digest_sum(digest, slice_of(<char*> pad, block), text, inner)
    if n == 0:
        return 0
    for i in range(<uint32_t> block):
        pad[i] ^= 0x36 ^ 0x5C
    return digest_sum(digest, slice_of(<char*> pad, block), slice_of(<char*> inner, n), out)


cdef bint put_digest(eval_t* ev, sample_t* smp, const digest_t* digest) noexcept nogil:
    cdef char* out = scratch_take(ev, EVP_MAX_MD_SIZE)
    cdef uint32_t n
    if out == NULL:
        return False
    n = digest_sum(digest, smp.str, slice_of(NULL, 0), <uint8_t*> out)
    return n > 0 and smp_set_own(smp, SMP_T_BIN, out, n, EVP_MAX_MD_SIZE)


cdef bint sha1(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return put_digest(ev, smp, digest_find("sha1", 4))


cdef bint sha2(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef long long bits = args[0].num if args[0].type == ARG_SINT else 256
    if bits == 224:
        return put_digest(ev, smp, digest_find("sha224", 6))
    if bits == 256:
        return put_digest(ev, smp, digest_find("sha256", 6))
    if bits == 384:
        return put_digest(ev, smp, digest_find("sha384", 6))
    if bits == 512:
        return put_digest(ev, smp, digest_find("sha512", 6))
    return False


cdef bint digest(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return put_digest(ev, smp, digest_find(args[0].str.ptr, args[0].str.len))


cdef bint hmac(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t key
    cdef char* out
    cdef uint32_t n
    if not read_secret(ev, &args[1], &key):
        return False
    out = scratch_take(ev, EVP_MAX_MD_SIZE)
    if out == NULL:
        return False
    n = hmac_sum(digest_find(args[0].str.ptr, args[0].str.len), key, smp.str, <uint8_t*> out)
    return n > 0 and smp_set_own(smp, SMP_T_BIN, out, n, EVP_MAX_MD_SIZE)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


cdef void add_plain(
    const char* names, uint32_t size, uint32_t block, init_fn init, update_fn update, final_fn final
) noexcept nogil:
    global n_plain
    plain_digests[n_plain] = plain_digest_t(names, size, block, init, update, final)
    n_plain += 1


add_plain(b"md5 ssl3-md5 ", 16, 64, <init_fn> MD5_Init, <update_fn> MD5_Update, <final_fn> MD5_Final)
add_plain(b"ripemd160 ripemd rmd160 ", 20, 64, <init_fn> RIPEMD160_Init, <update_fn> RIPEMD160_Update, <final_fn> RIPEMD160_Final)
add_plain(b"sha1 ssl3-sha1 ", 20, 64, <init_fn> SHA1_Init, <update_fn> SHA1_Update, <final_fn> SHA1_Final)
add_plain(b"sha224 ", 28, 64, <init_fn> SHA224_Init, <update_fn> SHA224_Update, <final_fn> SHA224_Final)
add_plain(b"sha256 ", 32, 64, <init_fn> SHA256_Init, <update_fn> SHA256_Update, <final_fn> SHA256_Final)
add_plain(b"sha384 ", 48, 128, <init_fn> SHA384_Init, <update_fn> SHA384_Update, <final_fn> SHA384_Final)
add_plain(b"sha512 ", 64, 128, <init_fn> SHA512_Init, <update_fn> SHA512_Update, <final_fn> SHA512_Final)
add(b"sha1", sha1)
add(b"sha2", sha2)
add(b"digest", digest)
add(b"hmac", hmac)
