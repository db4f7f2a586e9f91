# Externs of libssl, and of the part of libcrypto that goes with certificates. A module that calls them says that it links
# the C libraries. Must not hold logic. OpenSSL 3.0 or newer.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from fastlb_core.sys.openssl cimport (
    BIO, ENGINE, EVP_CIPHER, EVP_CIPHER_CTX, EVP_MD, EVP_PKEY, X509, pem_password_cb,
)

cdef extern from "openssl/err.h" nogil:
    unsigned long ERR_peek_error() noexcept
    unsigned long ERR_get_error() noexcept
    void ERR_clear_error() noexcept
    void ERR_error_string_n(unsigned long error, char* buffer, size_t size) noexcept
    const char* ERR_reason_error_string(unsigned long error) noexcept

cdef extern from "openssl/bio.h" nogil:
    ctypedef struct BIO_METHOD:
        pass
    int BIO_TYPE_SOURCE_SINK
    int BIO_CTRL_FLUSH
    int BIO_CTRL_EOF
    BIO_METHOD* BIO_meth_new(int kind, const char* name) noexcept
    int BIO_meth_set_write(BIO_METHOD* method, int (*write)(BIO* bio, const char* data, int length) noexcept nogil) noexcept
    int BIO_meth_set_read(BIO_METHOD* method, int (*read)(BIO* bio, char* data, int length) noexcept nogil) noexcept
    int BIO_meth_set_ctrl(BIO_METHOD* method, long (*ctrl)(BIO* bio, int command, long num, void* ptr) noexcept nogil) noexcept
    int BIO_get_new_index() noexcept
    BIO* BIO_new(const BIO_METHOD* method) noexcept
    BIO* BIO_new_mem_buf(const void* buffer, int length) noexcept
    int BIO_free(BIO* bio) noexcept
    void BIO_set_data(BIO* bio, void* ptr) noexcept
    void* BIO_get_data(BIO* bio) noexcept
    void BIO_set_init(BIO* bio, int init) noexcept
    void BIO_set_retry_read(BIO* bio) noexcept
    void BIO_set_retry_write(BIO* bio) noexcept
    void BIO_clear_retry_flags(BIO* bio) noexcept

cdef extern from "openssl/x509.h" nogil:
    ctypedef struct X509_NAME:
        pass
    ctypedef struct X509_CRL:
        pass
    ctypedef struct X509_STORE:
        pass
    ctypedef struct X509_STORE_CTX:
        pass
    ctypedef struct X509_VERIFY_PARAM:
        pass
    ctypedef struct X509_NAME_ENTRY:
        pass
    ctypedef struct ASN1_STRING:
        pass
    ctypedef struct ASN1_INTEGER:
        pass
    ctypedef struct ASN1_TIME:
        pass
    ctypedef struct ASN1_OBJECT:
        pass
    ctypedef struct X509_ALGOR:
        pass
    ctypedef struct ASN1_BIT_STRING:
        pass
    int X509_V_OK
    int X509_V_FLAG_CRL_CHECK
    int X509_V_FLAG_CRL_CHECK_ALL
    void X509_free(X509* cert) noexcept
    void X509_CRL_free(X509_CRL* crl) noexcept
    long X509_get_version(const X509* cert) noexcept
    X509_NAME* X509_get_subject_name(const X509* cert) noexcept
    X509_NAME* X509_get_issuer_name(const X509* cert) noexcept
    const ASN1_TIME* X509_get0_notBefore(const X509* cert) noexcept
    const ASN1_TIME* X509_get0_notAfter(const X509* cert) noexcept
    const ASN1_INTEGER* X509_get0_serialNumber(const X509* cert) noexcept
    const X509_ALGOR* X509_get0_tbs_sigalg(const X509* cert) noexcept
    void X509_ALGOR_get0(const ASN1_OBJECT** object, int* kind, const void** value, const X509_ALGOR* algor) noexcept
    EVP_PKEY* X509_get0_pubkey(const X509* cert) noexcept
    int X509_digest(const X509* cert, const EVP_MD* md, uint8_t* digest, unsigned int* length) noexcept
    int i2d_X509(const X509* cert, uint8_t** out) noexcept
    int X509_NAME_entry_count(const X509_NAME* name) noexcept
    X509_NAME_ENTRY* X509_NAME_get_entry(const X509_NAME* name, int at) noexcept
    ASN1_OBJECT* X509_NAME_ENTRY_get_object(const X509_NAME_ENTRY* entry) noexcept
    ASN1_STRING* X509_NAME_ENTRY_get_data(const X509_NAME_ENTRY* entry) noexcept
    int X509_STORE_CTX_get_error(X509_STORE_CTX* ctx) noexcept
    int X509_STORE_CTX_get_error_depth(X509_STORE_CTX* ctx) noexcept
    void* X509_STORE_CTX_get_ex_data(X509_STORE_CTX* ctx, int index) noexcept
    int X509_STORE_add_cert(X509_STORE* store, X509* cert) noexcept
    int X509_STORE_add_crl(X509_STORE* store, X509_CRL* crl) noexcept
    int X509_STORE_set_flags(X509_STORE* store, unsigned long flags) noexcept

cdef extern from "openssl/asn1.h" nogil:
    int ASN1_STRING_length(const ASN1_STRING* string) noexcept
    const uint8_t* ASN1_STRING_get0_data(const ASN1_STRING* string) noexcept
    int ASN1_STRING_type(const ASN1_STRING* string) noexcept

cdef extern from "openssl/objects.h" nogil:
    int OBJ_obj2nid(const ASN1_OBJECT* object) noexcept
    const char* OBJ_nid2sn(int nid) noexcept
    int OBJ_obj2txt(char* buffer, int length, const ASN1_OBJECT* object, int no_name) noexcept

cdef extern from "openssl/pem.h" nogil:
    X509* PEM_read_bio_X509(BIO* bio, X509** cert, pem_password_cb* callback, void* user) noexcept
    EVP_PKEY* PEM_read_bio_Parameters(BIO* bio, EVP_PKEY** key) noexcept

cdef extern from "openssl/ocsp.h" nogil:
    ctypedef struct OCSP_RESPONSE:
        pass
    OCSP_RESPONSE* d2i_OCSP_RESPONSE(OCSP_RESPONSE** response, const uint8_t** data, long length) noexcept
    int OCSP_RESPONSE_print(BIO* out, OCSP_RESPONSE* response, unsigned long flags) noexcept
    void OCSP_RESPONSE_free(OCSP_RESPONSE* response) noexcept

cdef extern from "openssl/ssl.h" nogil:
    ctypedef struct SSL:
        pass
    ctypedef struct SSL_CTX:
        pass
    ctypedef struct SSL_METHOD:
        pass
    ctypedef struct SSL_SESSION:
        pass
    ctypedef struct SSL_CIPHER:
        pass
    ctypedef struct stack_x509 "STACK_OF(X509)":
        pass
    ctypedef struct stack_names "STACK_OF(X509_NAME)":
        pass

    int SSL_ERROR_WANT_READ
    int SSL_ERROR_WANT_WRITE
    int SSL_ERROR_ZERO_RETURN
    int SSL_VERIFY_NONE
    int SSL_VERIFY_PEER
    int SSL_VERIFY_FAIL_IF_NO_PEER_CERT
    int SSL_SENT_SHUTDOWN
    int SSL_RECEIVED_SHUTDOWN
    int SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    int SSL_MODE_RELEASE_BUFFERS
    uint64_t SSL_OP_NO_COMPRESSION
    uint64_t SSL_OP_NO_TICKET
    uint64_t SSL_OP_NO_RENEGOTIATION
    uint64_t SSL_OP_CIPHER_SERVER_PREFERENCE
    uint64_t SSL_OP_IGNORE_UNEXPECTED_EOF
    int SSL_SESS_CACHE_OFF
    int SSL_SESS_CACHE_CLIENT
    int SSL_SESS_CACHE_SERVER
    int SSL_SESS_CACHE_NO_INTERNAL
    int SSL_TLSEXT_ERR_OK
    int SSL_TLSEXT_ERR_ALERT_FATAL
    int SSL_TLSEXT_ERR_NOACK
    int TLSEXT_NAMETYPE_host_name
    int TLSEXT_TYPE_server_name
    int SSL_AD_UNRECOGNIZED_NAME
    int SSL_CLIENT_HELLO_SUCCESS
    int TLS1_VERSION
    int TLS1_1_VERSION
    int TLS1_2_VERSION
    int TLS1_3_VERSION
    int SSL3_VERSION

    const SSL_METHOD* TLS_server_method() noexcept
    const SSL_METHOD* TLS_client_method() noexcept
    SSL_CTX* SSL_CTX_new(const SSL_METHOD* method) noexcept
    void SSL_CTX_free(SSL_CTX* ctx) noexcept
    uint64_t SSL_CTX_set_options(SSL_CTX* ctx, uint64_t options) noexcept
    long SSL_CTX_set_mode(SSL_CTX* ctx, long mode) noexcept
    void SSL_CTX_set_read_ahead(SSL_CTX* ctx, int yes) noexcept
    int SSL_CTX_set_min_proto_version(SSL_CTX* ctx, int version) noexcept
    int SSL_CTX_get_min_proto_version(SSL_CTX* ctx) noexcept
    int SSL_CTX_get_max_proto_version(SSL_CTX* ctx) noexcept
    int SSL_set_min_proto_version(SSL* ssl, int version) noexcept
    int SSL_set_max_proto_version(SSL* ssl, int version) noexcept
    int SSL_CTX_set_max_proto_version(SSL_CTX* ctx, int version) noexcept
    int SSL_CTX_set_cipher_list(SSL_CTX* ctx, const char* list) noexcept
    int SSL_CTX_set_ciphersuites(SSL_CTX* ctx, const char* list) noexcept
    int SSL_CTX_set1_curves_list(SSL_CTX* ctx, const char* list) noexcept
    int SSL_CTX_set1_sigalgs_list(SSL_CTX* ctx, const char* list) noexcept
    int SSL_CTX_set1_client_sigalgs_list(SSL_CTX* ctx, const char* list) noexcept
    int SSL_CTX_set_dh_auto(SSL_CTX* ctx, int on) noexcept
    int SSL_CTX_set0_tmp_dh_pkey(SSL_CTX* ctx, EVP_PKEY* key) noexcept
    int SSL_CTX_use_certificate(SSL_CTX* ctx, X509* cert) noexcept
    int SSL_CTX_use_PrivateKey(SSL_CTX* ctx, EVP_PKEY* key) noexcept
    int SSL_CTX_check_private_key(const SSL_CTX* ctx) noexcept
    int SSL_CTX_add0_chain_cert(SSL_CTX* ctx, X509* cert) noexcept
    void SSL_CTX_set_verify(SSL_CTX* ctx, int mode, int (*callback)(int ok, X509_STORE_CTX* ctx) noexcept nogil) noexcept
    int SSL_CTX_get_verify_mode(const SSL_CTX* ctx) noexcept
    X509_STORE* SSL_CTX_get_cert_store(const SSL_CTX* ctx) noexcept
    int SSL_CTX_add_client_CA(SSL_CTX* ctx, X509* cert) noexcept
    int SSL_CTX_set_session_id_context(SSL_CTX* ctx, const uint8_t* sid, unsigned int length) noexcept
    long SSL_CTX_set_session_cache_mode(SSL_CTX* ctx, long mode) noexcept
    long SSL_CTX_set_timeout(SSL_CTX* ctx, long seconds) noexcept
    int SSL_CTX_set_ex_data(SSL_CTX* ctx, int index, void* ptr) noexcept
    void* SSL_CTX_get_ex_data(const SSL_CTX* ctx, int index) noexcept
    int SSL_CTX_get_ex_new_index(long argl, void* argp, void* new_func, void* dup_func, void* free_func) noexcept
    int SSL_CTX_set_alpn_protos(SSL_CTX* ctx, const uint8_t* protocols, unsigned int length) noexcept
    void SSL_CTX_sess_set_new_cb(SSL_CTX* ctx, int (*callback)(SSL* ssl, SSL_SESSION* session) noexcept nogil) noexcept
    void SSL_CTX_sess_set_get_cb(
        SSL_CTX* ctx, SSL_SESSION* (*callback)(SSL* ssl, const uint8_t* sid, int length, int* copy) noexcept nogil) noexcept
    void SSL_CTX_set_tlsext_servername_callback(
        SSL_CTX* ctx, int (*callback)(SSL* ssl, int* alert, void* arg) noexcept nogil) noexcept
    void SSL_CTX_set_tlsext_servername_arg(SSL_CTX* ctx, void* arg) noexcept
    void SSL_CTX_set_alpn_select_cb(
        SSL_CTX* ctx,
        int (*callback)(SSL* ssl, const uint8_t** out, uint8_t* out_len, const uint8_t* offered, unsigned int length,
                        void* arg) noexcept nogil,
        void* arg) noexcept

    SSL* SSL_new(SSL_CTX* ctx) noexcept
    void SSL_free(SSL* ssl) noexcept
    void SSL_set_bio(SSL* ssl, BIO* rbio, BIO* wbio) noexcept
    BIO* SSL_get_rbio(const SSL* ssl) noexcept
    void SSL_set_accept_state(SSL* ssl) noexcept
    void SSL_set_connect_state(SSL* ssl) noexcept
    int SSL_do_handshake(SSL* ssl) noexcept
    int SSL_read(SSL* ssl, void* dst, int length) noexcept
    int SSL_write(SSL* ssl, const void* src, int length) noexcept
    int SSL_shutdown(SSL* ssl) noexcept
    int SSL_get_error(const SSL* ssl, int result) noexcept
    int SSL_has_pending(const SSL* ssl) noexcept
    void SSL_set_shutdown(SSL* ssl, int mode) noexcept
    void* SSL_get_ex_data(const SSL* ssl, int index) noexcept
    int SSL_get_ex_data_X509_STORE_CTX_idx() noexcept
    SSL_CTX* SSL_get_SSL_CTX(const SSL* ssl) noexcept
    SSL_CTX* SSL_set_SSL_CTX(SSL* ssl, SSL_CTX* ctx) noexcept
    void SSL_set_verify(SSL* ssl, int mode, int (*callback)(int ok, X509_STORE_CTX* ctx) noexcept nogil) noexcept
    long SSL_get_verify_result(const SSL* ssl) noexcept
    const char* SSL_get_servername(const SSL* ssl, int kind) noexcept
    int SSL_set_tlsext_host_name(SSL* ssl, const char* name) noexcept
    int SSL_set1_host(SSL* ssl, const char* name) noexcept
    X509* SSL_get0_peer_certificate(const SSL* ssl) noexcept
    X509* SSL_get_certificate(const SSL* ssl) noexcept
    stack_x509* SSL_get_peer_cert_chain(const SSL* ssl) noexcept
    const SSL_CIPHER* SSL_get_current_cipher(const SSL* ssl) noexcept
    const char* SSL_get_version(const SSL* ssl) noexcept
    int SSL_session_reused(const SSL* ssl) noexcept
    SSL_SESSION* SSL_get_session(const SSL* ssl) noexcept
    int SSL_set_session(SSL* ssl, SSL_SESSION* session) noexcept
    void SSL_SESSION_free(SSL_SESSION* session) noexcept
    const uint8_t* SSL_SESSION_get_id(const SSL_SESSION* session, unsigned int* length) noexcept
    size_t SSL_SESSION_get_master_key(const SSL_SESSION* session, uint8_t* out, size_t length) noexcept
    size_t SSL_get_client_random(const SSL* ssl, uint8_t* out, size_t length) noexcept
    size_t SSL_get_server_random(const SSL* ssl, uint8_t* out, size_t length) noexcept
    size_t SSL_get_finished(const SSL* ssl, void* out, size_t length) noexcept
    size_t SSL_get_peer_finished(const SSL* ssl, void* out, size_t length) noexcept
    void SSL_get0_alpn_selected(const SSL* ssl, const uint8_t** name, unsigned int* length) noexcept
    const char* SSL_CIPHER_get_name(const SSL_CIPHER* cipher) noexcept
    int SSL_CIPHER_get_bits(const SSL_CIPHER* cipher, int* alg_bits) noexcept
    const SSL_CIPHER* SSL_CIPHER_find(SSL* ssl, const uint8_t* two_bytes) noexcept
    size_t SSL_client_hello_get0_ciphers(SSL* ssl, const uint8_t** ciphers) noexcept
    int SSL_client_hello_get0_ext(SSL* ssl, unsigned int kind, const uint8_t** out, size_t* length) noexcept
    void SSL_CTX_set_client_hello_cb(
        SSL_CTX* ctx, int (*callback)(SSL* ssl, int* alert, void* arg) noexcept nogil, void* arg) noexcept
    int SSL_CIPHER_get_auth_nid(const SSL_CIPHER* cipher) noexcept
    int SSL_get_sigalgs(SSL* ssl, int index, int* sign, int* digest, int* both, uint8_t* low, uint8_t* high) noexcept

cdef extern from "openssl/tls1.h" nogil:
    ctypedef struct EVP_MAC_CTX:
        pass
    int SSL_CTX_set_tlsext_ticket_keys(SSL_CTX* ctx, void* keys, int length) noexcept
    int SSL_CTX_set_tlsext_ticket_key_evp_cb(
        SSL_CTX* ctx,
        int (*callback)(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int encrypts) noexcept nogil
    ) noexcept
    long SSL_CTX_set_tlsext_status_cb(SSL_CTX* ctx, int (*callback)(SSL* ssl, void* arg) noexcept nogil) noexcept
    long SSL_set_tlsext_status_ocsp_resp(SSL* ssl, uint8_t* response, long length) noexcept

cdef extern from * nogil:
    """
    #include <openssl/ssl.h>
    #include <openssl/core_names.h>
    #include <openssl/rand.h>
    #ifndef FLB_TICKET_MAC
    #define FLB_TICKET_MAC
    static inline int flb_set_ticket_mac(EVP_MAC_CTX* mac, const unsigned char* key, size_t length)
    {
        OSSL_PARAM params[3];
        params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void*)key, length);
        params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char*)"SHA256", 0);
        params[2] = OSSL_PARAM_construct_end();
        return EVP_MAC_CTX_set_params(mac, params);
    }
    static inline EVP_PKEY* flb_dh_group(const char* name)
    {
        EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
        EVP_PKEY* key = NULL;
        OSSL_PARAM params[2];
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char*)name, 0);
        params[1] = OSSL_PARAM_construct_end();
        if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params) == 1)
            EVP_PKEY_generate(ctx, &key);
        EVP_PKEY_CTX_free(ctx);
        return key;
    }
    #endif
    """
    # Sets the key of a ticket's HMAC-SHA256: parameters are structs that the header's macros build.
    int flb_set_ticket_mac(EVP_MAC_CTX* mac, const uint8_t* key, size_t length) noexcept
    int RAND_bytes(uint8_t* into, int length) noexcept
    const EVP_CIPHER* EVP_aes_128_cbc() noexcept
    const EVP_CIPHER* EVP_aes_256_cbc() noexcept
    # One of the groups of RFC 7919 (ffdhe2048, ffdhe3072, ...), or NULL.
    EVP_PKEY* flb_dh_group(const char* name) noexcept
    int TLSEXT_TYPE_signed_certificate_timestamp
    unsigned int SSL_EXT_CLIENT_HELLO
    unsigned int SSL_EXT_TLS1_2_SERVER_HELLO
    unsigned int SSL_EXT_TLS1_3_CERTIFICATE
    int SSL_CTX_add_custom_ext(
        SSL_CTX* ctx, unsigned int kind, unsigned int where,
        int (*add)(SSL* ssl, unsigned int kind, unsigned int where, const uint8_t** out, size_t* length, X509* cert,
                   size_t position, int* alert, void* arg) noexcept nogil,
        void* free_fn, void* add_arg, void* parse_fn, void* parse_arg) noexcept
    long SSL_CTX_sess_set_cache_size(SSL_CTX* ctx, long sessions) noexcept
    void* OPENSSL_memdup(const void* bytes, size_t length) noexcept
    uint64_t SSL_OP_NO_SSLv3
    uint64_t SSL_OP_NO_TLSv1
    uint64_t SSL_OP_NO_TLSv1_1
    uint64_t SSL_OP_NO_TLSv1_2
    uint64_t SSL_OP_NO_TLSv1_3
    X509* d2i_X509(X509** cert, const uint8_t** data, long length) noexcept
    X509_CRL* d2i_X509_CRL(X509_CRL** crl, const uint8_t** data, long length) noexcept
    EVP_PKEY* d2i_AutoPrivateKey(EVP_PKEY** key, const uint8_t** data, long length) noexcept
    int NID_X9_62_id_ecPublicKey
    int sk_X509_num (const stack_x509* chain) noexcept
    X509* sk_X509_value (const stack_x509* chain, int at) noexcept
    int EVP_PKEY_get_base_id(const EVP_PKEY* key) noexcept
    BIO_METHOD* BIO_s_mem() noexcept
    long BIO_get_mem_data(BIO* bio, char** ptr) noexcept
    int X509_NAME_print_ex(BIO* out, const X509_NAME* name, int indent, unsigned long flags) noexcept
    unsigned long XN_FLAG_RFC2253
    const EVP_MD* EVP_sha1() noexcept
    int V_ASN1_GENERALIZEDTIME
    int NID_auth_ecdsa
    int NID_auth_any
