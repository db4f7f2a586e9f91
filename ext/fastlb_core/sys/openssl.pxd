# Externs of libcrypto: digests, ciphers, keys and signatures. A module that calls them says that it links the C libraries.
# Must not hold logic. OpenSSL 3.0 or newer.

from libc.stdint cimport uint8_t

cdef extern from "openssl/evp.h" nogil:
    enum:
        EVP_MAX_MD_SIZE
        EVP_CTRL_AEAD_SET_IVLEN
        EVP_CTRL_AEAD_GET_TAG
        EVP_CTRL_AEAD_SET_TAG
        EVP_PKEY_RSA
        EVP_PKEY_EC
        EVP_PKEY_DSA
        EVP_MD_FLAG_XOF
        EVP_CIPHER_CTX_FLAG_WRAP_ALLOW
        EVP_PKEY_KEYPAIR
        EVP_PKEY_PUBLIC_KEY
    ctypedef struct EVP_MD:
        pass
    ctypedef struct EVP_MD_CTX:
        pass
    ctypedef struct EVP_CIPHER:
        pass
    ctypedef struct EVP_CIPHER_CTX:
        pass
    ctypedef struct EVP_PKEY:
        pass
    ctypedef struct EVP_PKEY_CTX:
        pass
    ctypedef struct ENGINE:
        pass
    ctypedef struct OSSL_LIB_CTX:
        pass
    ctypedef struct OSSL_PARAM:
        pass

    EVP_MD* EVP_MD_fetch(OSSL_LIB_CTX* ctx, const char* algorithm, const char* properties) noexcept
    int EVP_MD_get_block_size(const EVP_MD* md) noexcept
    int EVP_MD_get_size(const EVP_MD* md) noexcept
    unsigned long EVP_MD_get_flags(const EVP_MD* md) noexcept
    EVP_MD_CTX* EVP_MD_CTX_new() noexcept
    int EVP_MD_CTX_reset(EVP_MD_CTX* ctx) noexcept
    int EVP_DigestInit_ex(EVP_MD_CTX* ctx, const EVP_MD* md, ENGINE* engine) noexcept
    int EVP_DigestUpdate(EVP_MD_CTX* ctx, const void* data, size_t length) noexcept
    int EVP_DigestFinal_ex(EVP_MD_CTX* ctx, uint8_t* digest, unsigned int* length) noexcept
    int EVP_DigestVerifyInit(EVP_MD_CTX* ctx, EVP_PKEY_CTX** key_ctx, const EVP_MD* md, ENGINE* engine, EVP_PKEY* key) noexcept
    int EVP_DigestVerify(EVP_MD_CTX* ctx, const uint8_t* sig, size_t sig_len, const uint8_t* data, size_t length) noexcept

    EVP_CIPHER* EVP_CIPHER_fetch(OSSL_LIB_CTX* ctx, const char* algorithm, const char* properties) noexcept
    EVP_CIPHER_CTX* EVP_CIPHER_CTX_new() noexcept
    int EVP_CIPHER_CTX_ctrl(EVP_CIPHER_CTX* ctx, int command, int arg, void* ptr) noexcept
    void EVP_CIPHER_CTX_set_flags(EVP_CIPHER_CTX* ctx, int flags) noexcept
    int EVP_CIPHER_CTX_set_padding(EVP_CIPHER_CTX* ctx, int padding) noexcept
    int EVP_CipherInit_ex(EVP_CIPHER_CTX* ctx, const EVP_CIPHER* cipher, ENGINE* engine, const uint8_t* key,
                          const uint8_t* iv, int encrypts) noexcept
    int EVP_CipherUpdate(EVP_CIPHER_CTX* ctx, uint8_t* out, int* out_len, const uint8_t* data, int length) noexcept
    int EVP_CipherFinal_ex(EVP_CIPHER_CTX* ctx, uint8_t* out, int* out_len) noexcept

    EVP_PKEY_CTX* EVP_PKEY_CTX_new(EVP_PKEY* key, ENGINE* engine) noexcept
    EVP_PKEY_CTX* EVP_PKEY_CTX_new_from_name(OSSL_LIB_CTX* ctx, const char* name, const char* properties) noexcept
    void EVP_PKEY_CTX_free(EVP_PKEY_CTX* ctx) noexcept
    int EVP_PKEY_fromdata_init(EVP_PKEY_CTX* ctx) noexcept
    int EVP_PKEY_fromdata(EVP_PKEY_CTX* ctx, EVP_PKEY** key, int selection, OSSL_PARAM* params) noexcept
    int EVP_PKEY_derive_init(EVP_PKEY_CTX* ctx) noexcept
    int EVP_PKEY_derive_set_peer(EVP_PKEY_CTX* ctx, EVP_PKEY* peer) noexcept
    int EVP_PKEY_derive(EVP_PKEY_CTX* ctx, uint8_t* secret, size_t* length) noexcept
    int EVP_PKEY_decrypt_init(EVP_PKEY_CTX* ctx) noexcept
    int EVP_PKEY_decrypt(EVP_PKEY_CTX* ctx, uint8_t* out, size_t* out_len, const uint8_t* data, size_t length) noexcept
    int EVP_PKEY_get_base_id(const EVP_PKEY* key) noexcept
    int EVP_PKEY_get_size(const EVP_PKEY* key) noexcept
    int EVP_PKEY_get_bits(const EVP_PKEY* key) noexcept
    int EVP_PKEY_up_ref(EVP_PKEY* key) noexcept
    void EVP_PKEY_free(EVP_PKEY* key) noexcept

cdef extern from "openssl/rsa.h" nogil:
    enum:
        RSA_PKCS1_PADDING
        RSA_PKCS1_OAEP_PADDING
    int EVP_PKEY_CTX_set_rsa_padding(EVP_PKEY_CTX* ctx, int padding) noexcept
    int EVP_PKEY_CTX_set_rsa_oaep_md(EVP_PKEY_CTX* ctx, const EVP_MD* md) noexcept
    int EVP_PKEY_CTX_set_rsa_mgf1_md(EVP_PKEY_CTX* ctx, const EVP_MD* md) noexcept

cdef extern from "openssl/params.h" nogil:
    OSSL_PARAM OSSL_PARAM_construct_utf8_string(const char* name, char* text, size_t length) noexcept
    OSSL_PARAM OSSL_PARAM_construct_octet_string(const char* name, void* bytes, size_t length) noexcept
    OSSL_PARAM OSSL_PARAM_construct_BN(const char* name, uint8_t* number, size_t length) noexcept
    OSSL_PARAM OSSL_PARAM_construct_end() noexcept

cdef extern from "openssl/bn.h" nogil:
    ctypedef struct BIGNUM:
        pass
    BIGNUM* BN_bin2bn(const uint8_t* bytes, int length, BIGNUM* number) noexcept
    int BN_bn2nativepad(const BIGNUM* number, uint8_t* bytes, int length) noexcept
    void BN_clear_free(BIGNUM* number) noexcept

cdef extern from "openssl/rand.h" nogil:
    int RAND_bytes(uint8_t* bytes, int length) noexcept

cdef extern from "openssl/bio.h" nogil:
    ctypedef struct BIO:
        pass
    BIO* BIO_new_mem_buf(const void* buffer, int length) noexcept
    int BIO_free(BIO* bio) noexcept

cdef extern from "openssl/pem.h" nogil:
    ctypedef struct X509:
        pass
    ctypedef int pem_password_cb(char* buffer, int size, int rwflag, void* user) noexcept
    EVP_PKEY* PEM_read_bio_PUBKEY(BIO* bio, EVP_PKEY** key, pem_password_cb* callback, void* user) noexcept
    X509* PEM_read_bio_X509(BIO* bio, X509** cert, pem_password_cb* callback, void* user) noexcept

cdef extern from "openssl/x509.h" nogil:
    EVP_PKEY* d2i_AutoPrivateKey(EVP_PKEY** key, const uint8_t** der, long length) noexcept
    EVP_PKEY* X509_get_pubkey(X509* cert) noexcept
    void X509_free(X509* cert) noexcept

cdef extern from "openssl/crypto.h" nogil:
    int CRYPTO_memcmp(const void* a, const void* b, size_t length) noexcept
    void OPENSSL_cleanse(void* bytes, size_t length) noexcept

cdef extern from "openssl/err.h" nogil:
    void ERR_clear_error() noexcept
