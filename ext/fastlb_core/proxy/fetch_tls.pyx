# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Sample fetches of TLS sessions: ssl_fc_* of the client's connection, ssl_bc_* of the server's (manual, section 7.3.4).
#
# Those of both sides are one function each, tls_*: the row's name says whose, as an argument (config/samples/fetch_tls.py).
# Knows what libssl tells of a session. Must not know certificates (fetch_certificate.pyx). Without TLS there is no value, but
# for those that ask whether there is.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport strlen

from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.tls cimport TLS_F_CERT_SEEN, tls_of, tls_t
from fastlb_core.program.expr cimport arg_t, fetch_entry_t, fetch_fn
from fastlb_core.program.sample cimport (
    SMP_T_BIN, eval_t, sample_t, scratch_take, smp_set_bool, smp_set_int, smp_set_own, smp_set_str,
)
from fastlb_core.sys.libssl cimport (
    ERR_error_string_n, SSL, SSL_CIPHER, SSL_CIPHER_get_bits, SSL_CIPHER_get_name, SSL_SESSION, SSL_SESSION_get_id,
    SSL_SESSION_get_master_key, SSL_get0_alpn_selected, SSL_get0_peer_certificate, SSL_get_client_random,
    SSL_get_current_cipher, SSL_get_finished, SSL_get_peer_finished, SSL_get_server_random, SSL_get_servername,
    SSL_get_session, SSL_get_verify_result, SSL_get_version, SSL_session_reused, TLSEXT_NAMETYPE_host_name,
)

cdef enum:
    N_ENTRIES = 23
    ERROR_TEXT = 256             # bytes of libssl's description of an error

cdef fetch_entry_t[N_ENTRIES] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_tls_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline tls_t* _front(eval_t* ev) noexcept nogil:
    return tls_of(ev.front) if ev.front != NULL else NULL


cdef inline tls_t* _side(eval_t* ev, const arg_t* args) noexcept nogil:
    """The session that the row asks for: the client's (0), or the server's."""
    cdef conn_t* conn = ev.back if args[0].num else ev.front
    return tls_of(conn) if conn != NULL else NULL


cdef inline bint _text(sample_t* smp, const char* text) noexcept nogil:
    return text != NULL and smp_set_str(smp, text, <uint32_t> strlen(text))


# -- of either side

cdef bint tls_alpn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    cdef const uint8_t* name = NULL
    cdef unsigned int length = 0
    if tls == NULL:
        return False
    SSL_get0_alpn_selected(tls.ssl, &name, &length)
    return name != NULL and smp_set_str(smp, <const char*> name, length)


cdef bint tls_cipher(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    cdef const SSL_CIPHER* cipher = SSL_get_current_cipher(tls.ssl) if tls != NULL else NULL
    return cipher != NULL and _text(smp, SSL_CIPHER_get_name(cipher))


cdef bint _keysize(tls_t* tls, sample_t* smp, bint is_used) noexcept nogil:
    cdef const SSL_CIPHER* cipher = SSL_get_current_cipher(tls.ssl) if tls != NULL else NULL
    cdef int used, of_algorithm = 0
    if cipher == NULL:
        return False
    used = SSL_CIPHER_get_bits(cipher, &of_algorithm)
    return smp_set_int(smp, used if is_used else of_algorithm)


cdef bint tls_protocol(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    return tls != NULL and _text(smp, SSL_get_version(tls.ssl))


cdef bint tls_err(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    return tls != NULL and smp_set_int(smp, <long> tls.error)


cdef bint tls_err_str(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    cdef char* text
    if tls == NULL or tls.error == 0:
        return False
    text = scratch_take(ev, ERROR_TEXT)
    if text == NULL:
        return False
    ERR_error_string_n(tls.error, text, ERROR_TEXT)
    return _text(smp, text)


cdef bint tls_is_resumed(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    return smp_set_bool(smp, tls != NULL and SSL_session_reused(tls.ssl) != 0)


ctypedef size_t (*random_fn)(const SSL* ssl, uint8_t* out, size_t length) noexcept nogil


cdef bint _random(eval_t* ev, tls_t* tls, sample_t* smp, random_fn fn) noexcept nogil:
    cdef char* room
    cdef size_t n
    if tls == NULL:
        return False
    room = scratch_take(ev, 32)
    if room == NULL:
        return False
    n = fn(tls.ssl, <uint8_t*> room, 32)
    return n != 0 and smp_set_own(smp, SMP_T_BIN, room, <uint32_t> n, 32)


cdef bint tls_session_id(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    cdef const SSL_SESSION* session = SSL_get_session(tls.ssl) if tls != NULL else NULL
    cdef unsigned int length = 0
    cdef const uint8_t* id
    if session == NULL:
        return False
    id = SSL_SESSION_get_id(session, &length)
    smp_set_str(smp, <const char*> id, length)
    smp.type = SMP_T_BIN
    return length != 0


cdef bint tls_session_key(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _side(ev, args)
    cdef const SSL_SESSION* session = SSL_get_session(tls.ssl) if tls != NULL else NULL
    cdef char* room
    cdef size_t n
    if session == NULL:
        return False
    room = scratch_take(ev, 64)
    if room == NULL:
        return False
    n = SSL_SESSION_get_master_key(session, <uint8_t*> room, 64)
    return n != 0 and smp_set_own(smp, SMP_T_BIN, room, <uint32_t> n, 64)


cdef bint tls_unique_id(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """RFC 5929 3.1: the first Finished message of the handshake, the client's unless the session was resumed.

    # haproxy: on the server's side the same two calls are made, so there it is the last one.
    """
    cdef tls_t* tls = _side(ev, args)
    cdef char* room
    cdef size_t n
    if tls == NULL:
        return False
    room = scratch_take(ev, 64)
    if room == NULL:
        return False
    if SSL_session_reused(tls.ssl):
        n = SSL_get_finished(tls.ssl, room, 64)
    else:
        n = SSL_get_peer_finished(tls.ssl, room, 64)
    return n != 0 and smp_set_own(smp, SMP_T_BIN, room, <uint32_t> (n if n < 64 else 64), 64)


cdef bint tls_is_used(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, _side(ev, args) != NULL)


cdef bint tls_alg_keysize(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _keysize(_side(ev, args), smp, False)


cdef bint tls_use_keysize(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _keysize(_side(ev, args), smp, True)


cdef bint tls_client_random(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _random(ev, _side(ev, args), smp, SSL_get_client_random)


cdef bint tls_server_random(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _random(ev, _side(ev, args), smp, SSL_get_server_random)


# -- the client's


cdef bint ssl_fc_has_sni(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return smp_set_bool(smp, tls != NULL and SSL_get_servername(tls.ssl, TLSEXT_NAMETYPE_host_name) != NULL)


cdef bint ssl_fc_sni(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return tls != NULL and _text(smp, SSL_get_servername(tls.ssl, TLSEXT_NAMETYPE_host_name))


cdef bint ssl_fc_has_crt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return tls != NULL and smp_set_bool(smp, tls.flags & TLS_F_CERT_SEEN)


cdef bint ssl_fc_has_early(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """Early data are never taken, so none were."""
    return _front(ev) != NULL and smp_set_bool(smp, False)


# -- how the client's certificate was verified

cdef bint ssl_c_used(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return tls != NULL and smp_set_bool(smp, SSL_get0_peer_certificate(tls.ssl) != NULL)


cdef bint ssl_c_verify(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return tls != NULL and smp_set_int(smp, SSL_get_verify_result(tls.ssl))


cdef bint ssl_c_err(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return tls != NULL and smp_set_int(smp, tls.verify_error)


cdef bint ssl_c_ca_err(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return tls != NULL and smp_set_int(smp, tls.ca_error)


cdef bint ssl_c_ca_err_depth(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef tls_t* tls = _front(ev)
    return tls != NULL and smp_set_int(smp, tls.ca_depth)


# -- the table

cdef void _entry(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


_entry(b"tls_is_used", tls_is_used)
_entry(b"tls_is_resumed", tls_is_resumed)
_entry(b"tls_alpn", tls_alpn)
_entry(b"tls_cipher", tls_cipher)
_entry(b"tls_alg_keysize", tls_alg_keysize)
_entry(b"tls_use_keysize", tls_use_keysize)
_entry(b"tls_protocol", tls_protocol)
_entry(b"tls_err", tls_err)
_entry(b"tls_err_str", tls_err_str)
_entry(b"tls_client_random", tls_client_random)
_entry(b"tls_server_random", tls_server_random)
_entry(b"tls_session_id", tls_session_id)
_entry(b"tls_session_key", tls_session_key)
_entry(b"tls_unique_id", tls_unique_id)
_entry(b"ssl_fc_has_sni", ssl_fc_has_sni)
_entry(b"ssl_fc_sni", ssl_fc_sni)
_entry(b"ssl_fc_has_crt", ssl_fc_has_crt)
_entry(b"ssl_fc_has_early", ssl_fc_has_early)
_entry(b"ssl_c_used", ssl_c_used)
_entry(b"ssl_c_verify", ssl_c_verify)
_entry(b"ssl_c_err", ssl_c_err)
_entry(b"ssl_c_ca_err", ssl_c_ca_err)
_entry(b"ssl_c_ca_err_depth", ssl_c_ca_err_depth)
