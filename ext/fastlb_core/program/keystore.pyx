# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Keys by name. Contracts: keystore.pxd.

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport malloc
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t
from fastlb_core.sys.openssl cimport (
    BIO, BIO_free, BIO_new_mem_buf, ERR_clear_error, EVP_PKEY, EVP_PKEY_free, EVP_PKEY_up_ref, PEM_read_bio_PUBKEY,
    PEM_read_bio_X509, X509, X509_free, X509_get_pubkey, d2i_AutoPrivateKey,
)

cdef enum:
    PEM_MAX = 0x1000000          # bytes

cdef struct key_t:
    slice_t name                 # owned, behind this struct
    bint is_private
    bint is_half                 # the public half of the private key of that name
    EVP_PKEY* key                # owned
    key_t* next                  # owned

cdef key_t* keys = NULL


# A password that nobody can be asked for.
cdef int no_password(char* buffer, int size, int rwflag, void* user) noexcept nogil:
    return -1


cdef EVP_PKEY* read_pem(const char* pem, uint32_t length) noexcept nogil:
    cdef BIO* bio = BIO_new_mem_buf(pem, <int> length)
    cdef EVP_PKEY* key = NULL
    cdef X509* cert
    if bio == NULL:
        return NULL
    key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL)
    BIO_free(bio)
    if key == NULL:
        bio = BIO_new_mem_buf(pem, <int> length)
        cert = PEM_read_bio_X509(bio, NULL, no_password, NULL) if bio != NULL else NULL
        if cert != NULL:
            key = X509_get_pubkey(cert)
            X509_free(cert)
        BIO_free(bio)
    ERR_clear_error()
    return key


cdef key_t* find(slice_t name, bint is_private) noexcept nogil:
    cdef key_t* entry = keys
    while entry != NULL and not (entry.is_private == is_private and slice_eq(entry.name, name.ptr, name.len)):
        entry = entry.next
    return entry


# The key is the store's from then on.
cdef bint add(slice_t name, bint is_private, EVP_PKEY* key) noexcept nogil:
    global keys
    cdef key_t* entry = find(name, is_private)
    if key == NULL:
        return False
    if entry == NULL:
        entry = <key_t*> malloc(sizeof(key_t) + name.len + 1)
        if entry == NULL:
            EVP_PKEY_free(key)
            return False
        memcpy(entry + 1, name.ptr, name.len)
        entry.name = slice_of(<char*> (entry + 1), name.len)
        entry.is_private = is_private
        entry.next = keys
        keys = entry
    else:
        EVP_PKEY_free(entry.key)
    entry.is_half = False
    entry.key = key
    return True


cdef bint keystore_add(slice_t name, const char* pem, uint32_t length) noexcept nogil:
    return add(name, False, read_pem(pem, length) if 0 < length <= PEM_MAX else NULL)


cdef bint keystore_add_private(slice_t name, const uint8_t* der, uint32_t length) noexcept nogil:
    cdef EVP_PKEY* key = d2i_AutoPrivateKey(NULL, &der, <long> length)
    cdef key_t* half = find(name, False)
    ERR_clear_error()
    if key == NULL:
        return False
    if half == NULL or half.is_half:
        EVP_PKEY_up_ref(key)
        if add(name, False, key):
            find(name, False).is_half = True
    return add(name, True, key)


cdef EVP_PKEY* keystore_find(slice_t name) noexcept nogil:
    cdef key_t* entry = find(name, False)
    return entry.key if entry != NULL else NULL


cdef EVP_PKEY* keystore_find_private(slice_t name) noexcept nogil:
    cdef key_t* entry = find(name, True)
    return entry.key if entry != NULL else NULL
