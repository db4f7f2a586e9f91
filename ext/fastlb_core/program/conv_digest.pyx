# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Message digests and HMAC (manual, section 7.3.1). Contracts: conv_digest.pxd. Each converter gets a BIN sample.
#
# One context and one table of digests per process, made when the module is loaded or a digest is first used: nothing is
# allocated for a request.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from fastlb_core.base.slice cimport lower_byte, slice_of, slice_t
from fastlb_core.program.expr cimport ARG_SINT, arg_t, conv_fn
from fastlb_core.program.sample cimport SMP_T_BIN, eval_t, sample_t, scratch_take, smp_set_own
from fastlb_core.program.secret cimport read_secret
from fastlb_core.sys.openssl cimport (
    EVP_MAX_MD_SIZE, EVP_MD, EVP_MD_CTX, EVP_MD_CTX_new, EVP_MD_FLAG_XOF, EVP_MD_fetch, EVP_MD_get_block_size,
    EVP_MD_get_flags, EVP_DigestFinal_ex, EVP_DigestInit_ex, EVP_DigestUpdate, ERR_clear_error,
)

cdef enum:
    DIGESTS_MAX = 64             # different names in one configuration
    NAME_MAX = 32
    BLOCK_MAX = 256              # bytes; SHA3-224 has 144

cdef struct digest_t:
    char[NAME_MAX] name          # lower case, ends with 0
    EVP_MD* md                   # owned by the process, or NULL: OpenSSL has no such digest

cdef conv_entry_t[4] entries
cdef uint32_t n_entries = 0
cdef digest_t[DIGESTS_MAX] digests
cdef uint32_t n_digests = 0
cdef EVP_MD_CTX* ctx = EVP_MD_CTX_new()


cdef const conv_entry_t* conv_digest_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef const EVP_MD* digest_find(const char* name, uint32_t length) noexcept nogil:
    global n_digests
    cdef char[NAME_MAX] wanted
    cdef uint32_t i
    if length >= NAME_MAX:
        return NULL
    memset(wanted, 0, NAME_MAX)
    for i in range(length):
        wanted[i] = <char> lower_byte(<uint8_t> name[i])
    for i in range(n_digests):
        if memcmp(digests[i].name, wanted, NAME_MAX) == 0:
            return digests[i].md
    if n_digests == DIGESTS_MAX:
        return NULL
    memcpy(digests[n_digests].name, wanted, NAME_MAX)
    digests[n_digests].md = EVP_MD_fetch(NULL, wanted, NULL)
    ERR_clear_error()
    n_digests += 1
    return digests[n_digests - 1].md


# The digest of two pieces, one after the other; 0: it failed.
cdef uint32_t digest_sum(const EVP_MD* md, slice_t first, slice_t second, uint8_t* out) noexcept nogil:
    cdef unsigned int length = 0
    if (
        ctx == NULL or md == NULL
        or EVP_DigestInit_ex(ctx, md, NULL) != 1
        or EVP_DigestUpdate(ctx, first.ptr, first.len) != 1
        or EVP_DigestUpdate(ctx, second.ptr, second.len) != 1
        or EVP_DigestFinal_ex(ctx, out, &length) != 1
    ):
        ERR_clear_error()
        return 0
    return length


cdef uint32_t hmac_sum(const EVP_MD* md, slice_t key, slice_t text, uint8_t* out) noexcept nogil:
    cdef uint8_t[BLOCK_MAX] pad
    cdef uint8_t[EVP_MAX_MD_SIZE] inner
    cdef uint32_t i, n
    cdef int block
    if md == NULL or EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF:
        return 0
    block = EVP_MD_get_block_size(md)
    if block <= 0 or block > BLOCK_MAX:
        return 0
    memset(pad, 0, BLOCK_MAX)
    if key.len <= <uint32_t> block:
        if key.len:
            memcpy(pad, key.ptr, key.len)
    elif digest_sum(md, key, slice_of(NULL, 0), pad) == 0:
        return 0
    for i in range(<uint32_t> block):
        pad[i] ^= 0x36
    n = digest_sum(md, slice_of(<char*> pad, block), text, inner)
    if n == 0:
        return 0
    for i in range(<uint32_t> block):
        pad[i] ^= 0x36 ^ 0x5C
    return digest_sum(md, slice_of(<char*> pad, block), slice_of(<char*> inner, n), out)


cdef bint put_digest(eval_t* ev, sample_t* smp, const EVP_MD* md) noexcept nogil:
    cdef char* out = scratch_take(ev, EVP_MAX_MD_SIZE)
    cdef uint32_t n
    if out == NULL:
        return False
    n = digest_sum(md, smp.str, slice_of(NULL, 0), <uint8_t*> out)
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


add(b"sha1", sha1)
add(b"sha2", sha2)
add(b"digest", digest)
add(b"hmac", hmac)
