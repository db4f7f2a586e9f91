# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Makes SSL_CTX objects and tables of server names from plain values; the values' form is in layout_tls.pxd.
#
# Knows libssl's settings. Must not know keywords, files or lines. A context is made for each certificate of a bind line: the
# callbacks of net/tls_conf choose among them.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_t
from fastlb_core.bridge.layout_expr cimport keep, new_expression, take
from fastlb_core.net.tls cimport tls_name_hash
from fastlb_core.net.tls_conf cimport (
    TLS_IGNORE_WORDS, TLS_NAME_MAX, TLS_TICKET_KEYS, tls_bind_t, tls_choice_t, tls_ctx_index, tls_ctx_t, tls_find,
    tls_name_t, tls_names_t, tls_server_t, tls_set_bind_callbacks, tls_set_server_callbacks, tls_set_staple,
    tls_set_tickets, tls_set_timestamps, tls_set_verify, tls_ticket_t,
)
from fastlb_core.program.program cimport program_free, program_new, program_own, program_t
from fastlb_core.sys.libssl cimport (
    BIO, BIO_free, BIO_new_mem_buf, ERR_clear_error, ERR_get_error, ERR_reason_error_string, EVP_PKEY,
    PEM_read_bio_Parameters, SSL3_VERSION, SSL_CTX, SSL_CTX_add0_chain_cert, SSL_CTX_add_client_CA,
    SSL_CTX_check_private_key, SSL_CTX_free, SSL_CTX_get_cert_store, SSL_CTX_get_max_proto_version,
    SSL_CTX_get_min_proto_version, SSL_CTX_new, SSL_CTX_sess_set_cache_size,
    SSL_CTX_set0_tmp_dh_pkey, SSL_CTX_set1_client_sigalgs_list, SSL_CTX_set1_curves_list, SSL_CTX_set1_sigalgs_list,
    SSL_CTX_set_alpn_protos, SSL_CTX_set_cipher_list, SSL_CTX_set_ciphersuites, SSL_CTX_set_dh_auto, SSL_CTX_set_ex_data,
    SSL_CTX_set_max_proto_version, SSL_CTX_set_min_proto_version, SSL_CTX_set_mode, SSL_CTX_set_options,
    SSL_CTX_set_read_ahead, SSL_CTX_set_session_cache_mode, SSL_CTX_set_session_id_context, SSL_CTX_set_timeout,
    SSL_CTX_set_tlsext_ticket_keys,
    SSL_CTX_use_PrivateKey, SSL_CTX_use_certificate, SSL_METHOD, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
    SSL_MODE_RELEASE_BUFFERS, SSL_OP_CIPHER_SERVER_PREFERENCE, SSL_OP_IGNORE_UNEXPECTED_EOF, SSL_OP_NO_COMPRESSION,
    SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_SSLv3, SSL_OP_NO_TICKET, SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1, SSL_OP_NO_TLSv1_2,
    SSL_OP_NO_TLSv1_3, SSL_SESS_CACHE_CLIENT, SSL_SESS_CACHE_NO_INTERNAL, SSL_SESS_CACHE_OFF, SSL_SESS_CACHE_SERVER,
    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_NONE, SSL_VERIFY_PEER, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION,
    TLS1_VERSION, TLS_client_method, TLS_server_method, X509, X509_CRL, X509_CRL_free, X509_STORE, X509_STORE_add_cert,
    X509_STORE_add_crl, X509_STORE_set_flags, X509_V_FLAG_CRL_CHECK, X509_V_FLAG_CRL_CHECK_ALL, X509_free,
    d2i_AutoPrivateKey, d2i_X509, d2i_X509_CRL, flb_dh_group,
)
from fastlb_core.sys.openssl cimport EVP_PKEY_free

OPTIONS = {
    "no-SSLv3": SSL_OP_NO_SSLv3, "no-TLSv1.0": SSL_OP_NO_TLSv1, "no-TLSv1.1": SSL_OP_NO_TLSv1_1,
    "no-TLSv1.2": SSL_OP_NO_TLSv1_2, "no-TLSv1.3": SSL_OP_NO_TLSv1_3, "no-tickets": SSL_OP_NO_TICKET,
    "server-preference": SSL_OP_CIPHER_SERVER_PREFERENCE,
}
# What a setting that libssl refuses is called in messages.
SETTERS = {
    "ciphers": "SSL cipher list", "ciphersuites": "TLS 1.3 cipher suites", "curves": "SSL curves list",
    "sigalgs": "SSL Signature Algorithm list", "client_sigalgs": "SSL Client Signature Algorithm list",
}

VERSIONS = {
    "": 0, "SSLv3": SSL3_VERSION, "TLSv1.0": TLS1_VERSION, "TLSv1.1": TLS1_1_VERSION, "TLSv1.2": TLS1_2_VERSION,
    "TLSv1.3": TLS1_3_VERSION,
}
VERIFY = {
    "none": SSL_VERIFY_NONE, "optional": SSL_VERIFY_PEER, "required": SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
}

cdef enum:
    MIN_BUCKETS = 8


def reason():
    """What libssl says about its first error, and forgets the others."""
    cdef const char* text = ERR_reason_error_string(ERR_get_error())
    found = text.decode() if text != NULL else "unknown error"
    ERR_clear_error()
    return found


# -- pieces

cdef X509* read_certificate(bytes der) except NULL:
    cdef const uint8_t* data = <const uint8_t*> <const char*> der
    cdef X509* cert = d2i_X509(NULL, &data, len(der))
    if cert == NULL:
        raise ValueError(f"cannot read a certificate ({reason()})")
    return cert


cdef int use_pair(SSL_CTX* ctx, bytes leaf, bytes key, list chain) except -1:
    cdef const uint8_t* data = <const uint8_t*> <const char*> key
    cdef X509* cert = read_certificate(leaf)
    cdef EVP_PKEY* private
    if SSL_CTX_use_certificate(ctx, cert) != 1:
        X509_free(cert)
        raise ValueError(f"unable to load SSL certificate ({reason()})")
    X509_free(cert)
    private = d2i_AutoPrivateKey(NULL, &data, len(key))
    if private == NULL or SSL_CTX_use_PrivateKey(ctx, private) != 1 or SSL_CTX_check_private_key(ctx) != 1:
        EVP_PKEY_free(private)
        raise ValueError(f"unable to load SSL private key ({reason()})")
    EVP_PKEY_free(private)
    for above in chain:
        cert = read_certificate(above)
        if SSL_CTX_add0_chain_cert(ctx, cert) != 1:
            X509_free(cert)
            raise ValueError(f"unable to load the certificate chain ({reason()})")
    return 0


cdef int use_dh(SSL_CTX* ctx, bytes pem, int bits) except -1:
    """The parameters of a PEM text, else a group of that many bits, or one that fits the certificate's key where it is 0."""
    cdef BIO* bio
    cdef EVP_PKEY* key
    if pem:
        bio = BIO_new_mem_buf(<const char*> pem, len(pem))
        key = PEM_read_bio_Parameters(bio, NULL) if bio != NULL else NULL
        BIO_free(bio)
    elif bits > 2048:
        key = flb_dh_group(b"ffdhe3072" if bits <= 3072 else b"ffdhe4096" if bits <= 4096 else b"ffdhe8192")
    else:
        SSL_CTX_set_dh_auto(ctx, 1)
        return 0
    if key == NULL or SSL_CTX_set0_tmp_dh_pkey(ctx, key) != 1:
        EVP_PKEY_free(key)
        raise ValueError(f"unable to load DH parameters ({reason()})")
    return 0


cdef int add_authorities(SSL_CTX* ctx, dict settings) except -1:
    cdef X509_STORE* store = SSL_CTX_get_cert_store(ctx)
    cdef const uint8_t* data
    cdef X509* cert
    cdef X509_CRL* crl
    cdef bytes der
    for der in settings["authorities"]:
        cert = read_certificate(der)
        X509_STORE_add_cert(store, cert)
        X509_free(cert)
    for der in settings["ca_names"]:
        cert = read_certificate(der)
        SSL_CTX_add_client_CA(ctx, cert)
        X509_free(cert)
    for der in settings["crls"]:
        data = <const uint8_t*> <const char*> der
        crl = d2i_X509_CRL(NULL, &data, len(der))
        if crl == NULL:
            raise ValueError(f"cannot read a revocation list ({reason()})")
        X509_STORE_add_crl(store, crl)
        X509_CRL_free(crl)
    if settings["check_crls"]:
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
    ERR_clear_error()
    return 0


cdef int set_lists(SSL_CTX* ctx, dict settings) except -1:
    cdef bytes ciphers = settings["ciphers"], suites = settings["ciphersuites"], curves = settings["curves"]
    cdef bytes sigalgs = settings["sigalgs"], client_sigalgs = settings["client_sigalgs"]
    refused = None
    if ciphers and SSL_CTX_set_cipher_list(ctx, ciphers) != 1:
        refused = "ciphers"
    elif suites and SSL_CTX_set_ciphersuites(ctx, suites) != 1:
        refused = "ciphersuites"
    elif curves and SSL_CTX_set1_curves_list(ctx, curves) != 1:
        refused = "curves"
    elif sigalgs and SSL_CTX_set1_sigalgs_list(ctx, sigalgs) != 1:
        refused = "sigalgs"
    elif client_sigalgs and SSL_CTX_set1_client_sigalgs_list(ctx, client_sigalgs) != 1:
        refused = "client_sigalgs"
    ERR_clear_error()
    if refused is not None:
        raise ValueError(f"unable to set {SETTERS[refused]} to '{settings[refused].decode('utf-8', 'replace')}'")
    return 0


cdef int set_ignored(unsigned long long* words, object bits) except -1:
    """bits: a number with a bit for each error, None for all."""
    cdef int i
    for i in range(TLS_IGNORE_WORDS):
        words[i] = 0xFFFFFFFFFFFFFFFF if bits is None else bits >> 64 * i & 0xFFFFFFFFFFFFFFFF
    return 0


cdef void release_ctx(void* ctx) noexcept nogil:
    SSL_CTX_free(<SSL_CTX*> ctx)


cdef tls_ctx_t* new_ctx(program_t* program, const SSL_METHOD* method, dict settings) except NULL:
    cdef tls_ctx_t* tls = <tls_ctx_t*> take(program, sizeof(tls_ctx_t))
    cdef SSL_CTX* ctx = SSL_CTX_new(method)
    cdef uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF
    if ctx == NULL or not program_own(program, ctx, release_ctx):
        SSL_CTX_free(ctx)
        raise MemoryError("no memory for a TLS context")
    tls.ctx = ctx
    SSL_CTX_set_ex_data(ctx, tls_ctx_index(), tls)
    for name in settings["options"]:
        options |= OPTIONS[name]
    SSL_CTX_set_options(ctx, options)
    SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS)
    SSL_CTX_set_read_ahead(ctx, 1)
    if SSL_CTX_set_min_proto_version(ctx, VERSIONS[settings["min"]]) != 1 or \
            SSL_CTX_set_max_proto_version(ctx, VERSIONS[settings["max"]]) != 1:
        raise ValueError(f"unable to set the SSL/TLS versions ({reason()})")
    set_lists(ctx, settings)
    set_ignored(tls.ca_ignore, settings["ca_ignore"])
    set_ignored(tls.crt_ignore, settings["crt_ignore"])
    keep(program, &tls.alpn, settings["alpn"])
    tls.max_record = settings["max_record"]
    tls.hard_record = settings["hard_max_record"]
    tls.idle_ms = settings["idle_ms"]
    SSL_CTX_set_timeout(ctx, settings["lifetime_s"])
    if settings["verify"] != "none":
        add_authorities(ctx, settings)
        tls_set_verify(ctx, VERIFY[settings["verify"]])
    return tls


cdef int put_ticket_key(tls_ticket_t* ticket, bytes key) except -1:
    """A name of 16 bytes, then a key of 16 or 32 bytes each for the HMAC and for AES, as haproxy's file has them."""
    cdef const char* raw = key
    cdef int half = (len(key) - 16) // 2
    ticket.bits = 8 * half
    memcpy(ticket.name, raw, 16)
    memcpy(ticket.hmac, raw + 16, half)
    memcpy(ticket.aes, raw + 16 + half, half)
    return 0


cdef int use_ticket_keys(program_t* program, tls_ctx_t* tls, list keys) except -1:
    """The last three count: the middle one of them encrypts, all decrypt (manual, 5.1)."""
    cdef uint32_t i
    keys = keys[-TLS_TICKET_KEYS:]
    tls.n_tickets = len(keys)
    tls.tickets = <tls_ticket_t*> take(program, sizeof(tls_ticket_t) * tls.n_tickets)
    for i, key in enumerate(keys):
        put_ticket_key(&tls.tickets[i], key)
    tls_set_tickets(tls.ctx)
    return 0


# -- names

cdef int make_buckets(program_t* program, tls_names_t* names, int n_expected) except -1:
    cdef uint32_t n = MIN_BUCKETS
    while n < <uint32_t> n_expected:
        n *= 2
    names.buckets = <tls_name_t**> take(program, sizeof(tls_name_t*) * n)
    names.mask = n - 1
    return 0


cdef int add_name(program_t* program, tls_names_t* names, bytes name, const tls_ctx_t* tls, list excluded) except -1:
    cdef tls_name_t* entry = tls_find(names, <const char*> name, len(name))
    cdef tls_choice_t* choice = <tls_choice_t*> take(program, sizeof(tls_choice_t))
    cdef tls_choice_t** end
    cdef uint32_t bucket, i
    if entry == NULL:
        entry = <tls_name_t*> take(program, sizeof(tls_name_t))
        keep(program, &entry.name, name)
        bucket = tls_name_hash(<const char*> name, len(name)) & names.mask
        entry.next = names.buckets[bucket]
        names.buckets[bucket] = entry
        names.n_names += 1
    choice.tls = tls
    choice.n_excluded = len(excluded)
    choice.excluded = <slice_t*> take(program, sizeof(slice_t) * choice.n_excluded)
    for i, other in enumerate(excluded):
        keep(program, &choice.excluded[i], other)
    end = &entry.choices
    while end[0] != NULL:
        end = &end[0].next
    end[0] = choice
    return 0


# -- bind and server lines

cdef tls_ctx_t* new_certificate(program_t* program, tls_bind_t* bind, bytes identity, dict cert) except NULL:
    cdef dict settings = cert["settings"]
    cdef tls_ctx_t* tls = new_ctx(program, TLS_server_method(), settings)
    cdef bytes secret = settings.get("ticket_secret", b"")
    use_pair(tls.ctx, cert["leaf"], cert["key"], cert["chain"])
    use_dh(tls.ctx, cert["dh"], settings["dh_bits"])
    tls.is_ecdsa = cert["is_ecdsa"]
    if secret and SSL_CTX_set_tlsext_ticket_keys(tls.ctx, <void*> <const char*> secret, len(secret)) != 1:
        raise ValueError(f"unable to set the keys of tickets ({reason()})")
    if settings["ticket_keys"]:
        use_ticket_keys(program, tls, settings["ticket_keys"])
    if cert["ocsp"]:
        keep(program, &tls.ocsp, cert["ocsp"])
        tls.ocsp_until_us = <uint64_t> cert["ocsp_until"] * 1000000
        tls_set_staple(tls.ctx)
    if cert["sctl"]:
        keep(program, &tls.sctl, cert["sctl"])
        if not tls_set_timestamps(tls.ctx):
            raise ValueError(f"unable to show signed certificate timestamps ({reason()})")
    if settings["cache_size"]:
        # Each worker has its own: only what tickets do not carry is worth one.
        SSL_CTX_set_session_cache_mode(tls.ctx, SSL_SESS_CACHE_SERVER)
        SSL_CTX_sess_set_cache_size(tls.ctx, settings["cache_size"])
    else:
        SSL_CTX_set_session_cache_mode(tls.ctx, SSL_SESS_CACHE_OFF)
    SSL_CTX_set_session_id_context(tls.ctx, <const uint8_t*> <const char*> identity, len(identity))
    tls_set_bind_callbacks(tls.ctx, bind, tls.alpn.len != 0)
    return tls


cdef int put_certificates(program_t* program, tls_bind_t* bind, list entries, const tls_ctx_t** contexts) except -1:
    """Makes a line show `contexts`, one for each entry (a "certificate" of the values): their names and its defaults."""
    cdef const tls_ctx_t* tls
    cdef Py_ssize_t i
    n_names = sum(len(entry["names"]) for entry in entries)
    make_buckets(program, &bind.exact, n_names)
    make_buckets(program, &bind.wildcards, n_names)
    for i, entry in enumerate(entries):
        tls = contexts[i]
        for name in entry["names"]:
            if len(name) > TLS_NAME_MAX:
                continue
            if name.startswith(b"*."):
                add_name(program, &bind.wildcards, name[1:], tls, entry["excluded"])
            else:
                add_name(program, &bind.exact, name, tls, [])
        if i:
            bind.limits_versions |= \
                SSL_CTX_get_min_proto_version(tls.ctx) != SSL_CTX_get_min_proto_version(contexts[0].ctx) or \
                SSL_CTX_get_max_proto_version(tls.ctx) != SSL_CTX_get_max_proto_version(contexts[0].ctx)
        if entry["is_default"]:
            if bind.first == NULL:
                bind.first = tls
            if tls.is_ecdsa and bind.first_ecdsa == NULL:
                bind.first_ecdsa = tls
    return 0


cdef void* new_tls_bind(program_t* program, dict values) except NULL:
    cdef tls_bind_t* bind = <tls_bind_t*> take(program, sizeof(tls_bind_t))
    cdef list certificates = values["certificates"]
    cdef uint32_t i
    bind.is_strict = values["strict_sni"]
    bind.n_made = len(certificates)
    bind.made = <const tls_ctx_t**> take(program, sizeof(void*) * bind.n_made)
    for i, cert in enumerate(certificates):
        bind.made[i] = new_certificate(program, bind, values["id"], cert)
    put_certificates(program, bind, certificates, bind.made)
    return bind


cdef tls_ctx_t* new_client_ctx(program_t* program, dict values) except NULL:
    cdef dict settings = values["settings"]
    cdef bytes alpn = settings["alpn"]
    cdef tls_ctx_t* tls = new_ctx(program, TLS_client_method(), settings)
    if values["leaf"]:
        use_pair(tls.ctx, values["leaf"], values["key"], values["chain"])
    if alpn and SSL_CTX_set_alpn_protos(tls.ctx, <const uint8_t*> <const char*> alpn, len(alpn)) != 0:
        raise ValueError("unable to set the ALPN protocols")
    if values["reuse"]:
        SSL_CTX_set_session_cache_mode(tls.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL)
        tls_set_server_callbacks(tls.ctx)
    return tls


cdef void* new_tls_server(program_t* program, dict values) except NULL:
    cdef tls_server_t* server = <tls_server_t*> take(program, sizeof(tls_server_t))
    server.tls = new_client_ctx(program, values)
    server.verifies = values["settings"]["verify"] == "required"
    server.reuses = values["reuse"]
    keep(program, &server.verify_host, values["verify_host"])
    if values["sni"] is not None:
        server.sni = new_expression(program, values["sni"])
    return server


cdef int lay_out_tls(program_t* program, list servers, list listeners) except -1:
    cdef dict known = {}  # id() of a bind line's values -> address of its tls_bind_t
    cdef uint32_t i
    for i, values in enumerate(listeners):
        if values["tls"] is None:
            continue
        if id(values["tls"]) not in known:
            known[id(values["tls"])] = <size_t> new_tls_bind(program, values["tls"])
        program.listeners[i].tls = <const void*> <size_t> known[id(values["tls"])]
    for i, values in enumerate(servers):
        if values["tls"] is not None:
            program.servers[i].tls = new_tls_server(program, values["tls"])
    return 0


def tls_fault(dict values):
    """What libssl refuses of a bind or server line's values (layout_tls.pxd), "" for nothing: keys that are too small, ..."""
    cdef program_t* program = program_new()
    if program == NULL:
        raise MemoryError("no memory for a program")
    try:
        if "certificates" in values:
            new_tls_bind(program, values)
        else:
            new_tls_server(program, values)
        return ""
    except ValueError as refused:
        return str(refused)
    finally:
        program_free(program)
