# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# libssl's callbacks: choice of certificate and protocol, verification, sessions. Contracts: tls_conf.pxd.

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, strlen

from fastlb_core.base.slice cimport slice_eq
from fastlb_core.net.tls cimport TLS_F_CERT_SEEN, TLS_F_ECDSA_CIPHERS, tls_conn, tls_name_hash, tls_of, tls_saved_t, tls_t
from fastlb_core.sys.libssl cimport (
    EVP_MAC_CTX, EVP_aes_128_cbc, EVP_aes_256_cbc, NID_X9_62_id_ecPublicKey, NID_auth_any, NID_auth_ecdsa, OPENSSL_memdup,
    RAND_bytes, SSL, SSL_AD_UNRECOGNIZED_NAME, SSL_CIPHER, SSL_CIPHER_find, SSL_CIPHER_get_auth_nid, SSL_CLIENT_HELLO_SUCCESS,
    SSL_CTX, SSL_CTX_add_custom_ext, SSL_CTX_get_ex_data, SSL_CTX_get_ex_new_index, SSL_CTX_get_max_proto_version,
    SSL_CTX_get_min_proto_version, SSL_CTX_get_verify_mode, SSL_CTX_sess_set_new_cb, SSL_CTX_set_alpn_select_cb,
    SSL_CTX_set_client_hello_cb, SSL_CTX_set_tlsext_servername_arg, SSL_CTX_set_tlsext_servername_callback,
    SSL_CTX_set_tlsext_status_cb, SSL_CTX_set_tlsext_ticket_key_evp_cb, SSL_CTX_set_verify, SSL_EXT_CLIENT_HELLO,
    SSL_EXT_TLS1_2_SERVER_HELLO, SSL_EXT_TLS1_3_CERTIFICATE, SSL_SESSION, SSL_SESSION_free, SSL_TLSEXT_ERR_ALERT_FATAL,
    SSL_TLSEXT_ERR_NOACK, SSL_TLSEXT_ERR_OK, SSL_client_hello_get0_ciphers, SSL_client_hello_get0_ext, SSL_get_SSL_CTX,
    SSL_get_ex_data_X509_STORE_CTX_idx, SSL_get_servername, SSL_get_sigalgs, SSL_set_SSL_CTX, SSL_set_max_proto_version,
    SSL_set_min_proto_version, SSL_set_tlsext_status_ocsp_resp, SSL_set_verify, TLSEXT_NAMETYPE_host_name,
    TLSEXT_TYPE_server_name, TLSEXT_TYPE_signed_certificate_timestamp, X509_STORE_CTX, X509_STORE_CTX_get_error,
    X509_STORE_CTX_get_error_depth, X509_STORE_CTX_get_ex_data, flb_set_ticket_mac,
)
from fastlb_core.sys.openssl cimport EVP_CIPHER, EVP_CIPHER_CTX, EVP_CipherInit_ex, X509

cdef int ctx_index = -1


cdef void _on_free(void* parent, void* ptr, void* data, int index, long argl, void* argp) noexcept nogil:
    """The last connection of a context is gone, and its line has let go of it before."""
    cdef tls_ctx_t* tls = <tls_ctx_t*> ptr
    if tls != NULL and tls.release != NULL:
        tls.release(tls.home)


cdef int tls_ctx_index() noexcept nogil:
    global ctx_index
    if ctx_index < 0:
        ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, <void*> _on_free)
    return ctx_index


cdef inline const tls_ctx_t* _of_ssl(const SSL* ssl) noexcept nogil:
    return <const tls_ctx_t*> SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_index)


# -- names

cdef tls_name_t* tls_find(const tls_names_t* names, const char* name, uint32_t length) noexcept nogil:
    cdef tls_name_t* entry
    if names.n_names == 0:
        return NULL
    entry = names.buckets[tls_name_hash(name, length) & names.mask]
    while entry != NULL and not slice_eq(entry.name, name, length):
        entry = entry.next
    return entry


cdef bint _takes_ecdsa(SSL* ssl) noexcept nogil:
    """The client can verify an ECDSA signature (RFC 8446 4.2.3; below TLS 1.2 there is no such list, and it is not tried)."""
    cdef int n = SSL_get_sigalgs(ssl, 0, NULL, NULL, NULL, NULL, NULL)
    cdef int i, sign = 0
    if not tls_of(tls_conn(ssl)).flags & TLS_F_ECDSA_CIPHERS:
        return False
    for i in range(n):
        if SSL_get_sigalgs(ssl, i, &sign, NULL, NULL, NULL, NULL) > 0 and sign == NID_X9_62_id_ecPublicKey:
            return True
    return False


cdef bint _is_excluded(const tls_choice_t* choice, const char* name, uint32_t length) noexcept nogil:
    cdef uint32_t i
    for i in range(choice.n_excluded):
        if slice_eq(choice.excluded[i], name, length):
            return True
    return False


cdef const tls_ctx_t* _choose(const tls_name_t* entry, const char* name, uint32_t length, bint takes_ecdsa) noexcept nogil:
    """The first certificate of the kind that the client likes best, else the first."""
    cdef const tls_ctx_t* found = NULL
    cdef const tls_choice_t* choice
    if entry == NULL:
        return NULL
    choice = entry.choices
    while choice != NULL:
        if not _is_excluded(choice, name, length):
            if choice.tls.is_ecdsa == takes_ecdsa:
                return choice.tls
            if found == NULL:
                found = choice.tls
        choice = choice.next
    return found


cdef const tls_ctx_t* _for_name(const tls_bind_t* bind, const char* sent, bint takes_ecdsa) noexcept nogil:
    cdef const tls_ctx_t* found
    cdef char name[TLS_NAME_MAX + 1]
    cdef size_t length = strlen(sent)
    cdef uint32_t i
    if length > TLS_NAME_MAX:
        return NULL
    for i in range(<uint32_t> length):
        name[i] = sent[i] | 0x20 if b'A' <= sent[i] <= b'Z' else sent[i]
    found = _choose(tls_find(&bind.exact, name, <uint32_t> length), name, <uint32_t> length, takes_ecdsa)
    if found != NULL or bind.wildcards.n_names == 0:
        return found
    # RFC 6125 6.4.3: a wildcard stands for the first label only.
    for i in range(<uint32_t> length):
        if name[i] == b'.':
            return _choose(tls_find(&bind.wildcards, name + i, <uint32_t> length - i), name, <uint32_t> length, takes_ecdsa)
    return NULL


cdef void _limit_versions(SSL* ssl, const tls_bind_t* bind) noexcept nogil:
    """Takes the versions of the certificate that the server name will choose (RFC 6066 3): when _on_server_name is called,
    libssl has decided on one."""
    cdef const uint8_t* ext = NULL
    cdef size_t n = 0
    cdef uint32_t length
    cdef char[TLS_NAME_MAX + 1] name
    cdef const tls_ctx_t* found
    if SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &n) != 1 or n < 5 or ext[2] != TLSEXT_NAMETYPE_host_name:
        return
    length = <uint32_t> ext[3] << 8 | ext[4]
    if length > n - 5 or length > TLS_NAME_MAX:
        return
    memcpy(name, ext + 5, length)
    name[length] = 0
    found = _for_name(bind, name, bool(tls_of(tls_conn(ssl)).flags & TLS_F_ECDSA_CIPHERS))
    if found != NULL:
        SSL_set_min_proto_version(ssl, SSL_CTX_get_min_proto_version(found.ctx))
        SSL_set_max_proto_version(ssl, SSL_CTX_get_max_proto_version(found.ctx))


cdef int _on_hello(SSL* ssl, int* alert, void* arg) noexcept nogil:
    """Looks through the ciphers that the client offers, before anything is chosen."""
    cdef const tls_bind_t* bind = <const tls_bind_t*> arg
    cdef const uint8_t* offered = NULL
    cdef size_t length = SSL_client_hello_get0_ciphers(ssl, &offered)
    cdef const SSL_CIPHER* cipher
    cdef size_t i = 0
    cdef int auth
    while i + 2 <= length:
        cipher = SSL_CIPHER_find(ssl, offered + i)
        auth = SSL_CIPHER_get_auth_nid(cipher) if cipher != NULL else 0
        # TLS 1.3's suites (0x13..) go with any key; so does, to libssl, the renegotiation signal, which is no cipher.
        if auth == NID_auth_ecdsa or auth == NID_auth_any and offered[i] == 0x13:
            tls_of(tls_conn(ssl)).flags |= TLS_F_ECDSA_CIPHERS
            break
        i += 2
    if bind.limits_versions:
        _limit_versions(ssl, bind)
    return SSL_CLIENT_HELLO_SUCCESS


cdef int _on_server_name(SSL* ssl, int* alert, void* arg) noexcept nogil:
    """Called for every hello, with a server name or without."""
    cdef const tls_bind_t* bind = <const tls_bind_t*> arg
    cdef const char* sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)
    cdef bint takes_ecdsa = _takes_ecdsa(ssl)
    cdef const tls_ctx_t* found = NULL
    if sent != NULL:
        found = _for_name(bind, sent, takes_ecdsa)
    if found == NULL:
        if bind.is_strict:
            alert[0] = SSL_AD_UNRECOGNIZED_NAME
            return SSL_TLSEXT_ERR_ALERT_FATAL
        found = bind.first_ecdsa if takes_ecdsa and bind.first_ecdsa != NULL else bind.first
    if SSL_get_SSL_CTX(ssl) != found.ctx:
        SSL_set_SSL_CTX(ssl, found.ctx)
        SSL_set_verify(ssl, SSL_CTX_get_verify_mode(found.ctx), _on_verify)
    return SSL_TLSEXT_ERR_OK


# -- ALPN

cdef int _on_alpn(SSL* ssl, const uint8_t** out, uint8_t* out_len, const uint8_t* offered, unsigned int length,
                  void* arg) noexcept nogil:
    """The first of ours that the client offers (RFC 7301 3.2). haproxy: none in common is no error."""
    cdef const tls_ctx_t* tls = _of_ssl(ssl)
    cdef const uint8_t* own = <const uint8_t*> tls.alpn.ptr
    cdef uint32_t i = 0, j
    while i < tls.alpn.len:
        j = 0
        while j < length:
            if offered[j] == own[i] and j + 1 + offered[j] <= length and memcmp(own + i + 1, offered + j + 1, own[i]) == 0:
                out[0] = offered + j + 1
                out_len[0] = offered[j]
                return SSL_TLSEXT_ERR_OK
            j += 1 + offered[j]
        i += 1 + own[i]
    return SSL_TLSEXT_ERR_NOACK


# -- verification

cdef inline bint _is_in(const unsigned long long* bits, int number) noexcept nogil:
    return 0 <= number < 64 * TLS_IGNORE_WORDS and bool(bits[number >> 6] >> (number & 63) & 1)


cdef int _on_verify(int ok, X509_STORE_CTX* ctx) noexcept nogil:
    """Notes the first error of the certificate and of its authorities, for ssl_c_err and ssl_c_ca_err; passes over those that
    the configuration ignores."""
    cdef SSL* ssl = <SSL*> X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx())
    cdef const tls_ctx_t* conf = _of_ssl(ssl)
    cdef tls_t* tls = tls_of(tls_conn(ssl))
    cdef int error, depth
    tls.flags |= TLS_F_CERT_SEEN
    if ok:
        return ok
    error = X509_STORE_CTX_get_error(ctx)
    depth = X509_STORE_CTX_get_error_depth(ctx)
    if depth > 0:
        if tls.ca_error == 0:
            tls.ca_error = <uint16_t> error
            tls.ca_depth = <uint8_t> depth
        return _is_in(conf.ca_ignore, error)
    if tls.verify_error == 0:
        tls.verify_error = <uint16_t> error
    return _is_in(conf.crt_ignore, error)


cdef void tls_set_verify(SSL_CTX* ctx, int mode) noexcept nogil:
    SSL_CTX_set_verify(ctx, mode, _on_verify)


# -- sessions with servers

cdef int _on_session(SSL* ssl, SSL_SESSION* session) noexcept nogil:
    """A session with a server that may be resumed: the last one replaces those before. 1: it is ours now."""
    cdef tls_t* tls = tls_of(tls_conn(ssl))
    cdef tls_saved_t* saved = tls.saved
    if saved == NULL:
        return 0
    SSL_SESSION_free(saved.session)
    saved.session = session
    saved.name_hash = tls.name_hash
    return 1


# -- tickets and staples

cdef int _on_ticket(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int encrypts) noexcept nogil:
    """SSL_CTX_set_tlsext_ticket_key_evp_cb(3). 0: no key fits, 1: done, 2: done, and the client shall get a new ticket."""
    cdef const tls_ctx_t* conf = _of_ssl(ssl)
    cdef uint32_t newest = conf.n_tickets - 2 if conf.n_tickets > 1 else 0
    cdef uint32_t i = newest
    cdef const tls_ticket_t* key
    cdef const EVP_CIPHER* kind
    if encrypts:
        memcpy(name, conf.tickets[i].name, 16)
        if RAND_bytes(iv, 16) != 1:
            return -1
    else:
        i = 0
        while i < conf.n_tickets and memcmp(name, conf.tickets[i].name, 16) != 0:
            i += 1
        if i == conf.n_tickets:
            return 0
    key = &conf.tickets[i]
    kind = EVP_aes_128_cbc() if key.bits == 128 else EVP_aes_256_cbc()
    if not flb_set_ticket_mac(mac, key.hmac, key.bits // 8) or \
            EVP_CipherInit_ex(cipher, kind, NULL, key.aes, iv, encrypts) != 1:
        return -1
    return 1 if i == newest else 2


cdef int _on_status(SSL* ssl, void* arg) noexcept nogil:
    cdef const tls_ctx_t* conf = _of_ssl(ssl)
    cdef uint8_t* copy
    if conf.ocsp.len == 0 or conf.ocsp_until_us and tls_conn(ssl).loop.real_us > conf.ocsp_until_us:
        return SSL_TLSEXT_ERR_NOACK
    copy = <uint8_t*> OPENSSL_memdup(conf.ocsp.ptr, conf.ocsp.len)
    if copy == NULL:
        return SSL_TLSEXT_ERR_NOACK
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, conf.ocsp.len)
    return SSL_TLSEXT_ERR_OK


cdef void tls_set_tickets(SSL_CTX* ctx) noexcept nogil:
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, _on_ticket)


cdef void tls_set_staple(SSL_CTX* ctx) noexcept nogil:
    SSL_CTX_set_tlsext_status_cb(ctx, _on_status)


cdef int _on_timestamps(SSL* ssl, unsigned int kind, unsigned int where, const uint8_t** out, size_t* length, X509* cert,
                        size_t position, int* alert, void* arg) noexcept nogil:
    """RFC 6962 3.3: with the server's hello, or with its own certificate (the first of the chain) in TLS 1.3."""
    cdef const tls_ctx_t* conf = _of_ssl(ssl)
    if conf.sctl.len == 0 or position != 0:
        return 0
    out[0] = <const uint8_t*> conf.sctl.ptr
    length[0] = conf.sctl.len
    return 1


cdef bint tls_set_timestamps(SSL_CTX* ctx) noexcept nogil:
    return SSL_CTX_add_custom_ext(
        ctx, TLSEXT_TYPE_signed_certificate_timestamp,
        SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE,
        _on_timestamps, NULL, NULL, NULL, NULL) == 1


# -- setting them

cdef void tls_set_bind_callbacks(SSL_CTX* ctx, const tls_bind_t* bind, bint has_alpn) noexcept nogil:
    SSL_CTX_set_client_hello_cb(ctx, _on_hello, <void*> bind)
    SSL_CTX_set_tlsext_servername_callback(ctx, _on_server_name)
    SSL_CTX_set_tlsext_servername_arg(ctx, <void*> bind)
    if has_alpn:
        SSL_CTX_set_alpn_select_cb(ctx, _on_alpn, NULL)


cdef void tls_set_server_callbacks(SSL_CTX* ctx) noexcept nogil:
    SSL_CTX_sess_set_new_cb(ctx, _on_session)
