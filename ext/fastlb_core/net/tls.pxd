# TLS under a connection: handshake, records and the close alert, with libssl.
#
# Knows SSL objects and sockets' readiness; must not know HTTP, proxies or what certificate is right: contexts come from the
# program (net/tls_conf.pxd). libssl never touches the socket. It reads through a BIO that receives once and remembers that
# the socket is drained, and writes into a buffer that is sent in one call: a flight of the handshake, a head with its body.
#
#     conn.rx ◄── SSL_read ◄── one recv()                conn_sendv ──► records in `out` ──► one send()
#
# What a send has encrypted but not delivered stays in `out`; its plaintext is `owed`: the owner is not told that it went
# before it has, offers it again, and is then told so without encrypting it twice.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from fastlb_core.base.buf cimport buf_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.sys.libssl cimport SSL, SSL_CTX, SSL_SESSION

cdef enum:                       # tls_t.flags
    TLS_F_RAW_EOF = 0x01         # the socket has ended
    TLS_F_SERVER = 0x02          # we accepted
    TLS_F_HEARD = 0x04           # at least a byte of a handshake was received
    TLS_F_ECDSA_CIPHERS = 0x10   # the client offers a cipher that goes with an ECDSA certificate
    TLS_F_CERT_SEEN = 0x08       # the peer has shown a certificate in this very handshake

cdef enum tls_failure_t:         # tls_t.failure
    TLS_OK = 0
    TLS_FAILED_CLOSED = 1        # the other end closed or reset during the handshake
    TLS_FAILED_HANDSHAKE = 2     # libssl refused, or the peer did

# The last session with one server, offered to it again. One per server and worker.
cdef struct tls_saved_t:
    SSL_SESSION* session         # owned, or NULL
    uint32_t name_hash           # of the server name that it was made for

cdef struct tls_t:
    SSL* ssl                     # owned
    buf_t early                  # received before TLS began (behind a PROXY header); of the loop's bufs
    buf_t out                    # records to be sent; of the pool of this file
    uint32_t owed                # plaintext bytes in `out` that the owner was not told of
    uint32_t hard_record         # bytes of plaintext in any record; 0: as many as fit
    uint32_t max_record          # bytes of plaintext in a record while the transfer is young; 0: no limit
    uint32_t idle_ms             # silence after which it is young again
    uint32_t young_left          # bytes until it is not
    uint32_t sent_ms             # when something was sent last (low bits of the loop's clock)
    uint8_t flags                # TLS_F_*
    uint8_t failure              # tls_failure_t
    uint8_t ca_depth             # where verification of an authority's certificate failed first
    uint16_t verify_error        # X509_V_*, of the certificate itself, ignored or not; 0: none
    uint16_t ca_error            # ... of an authority's
    unsigned long error          # libssl's, of a failed handshake or transfer; 0: none
    uint32_t name_hash           # back: of the server name that was sent
    tls_saved_t* saved           # back: borrowed (the worker), or NULL

# Lets a fresh connection speak TLS with that context: as a server, or as a client. What has been received already belongs to
# the handshake. False when memory is short.
cdef bint tls_begin(conn_t* conn, SSL_CTX* ctx, bint is_server) noexcept nogil
# The hash of a lower-case server name.
cdef uint32_t tls_name_hash(const char* name, uint32_t length) noexcept nogil
# Client: sends `name` (with its NUL) as server name, and offers the saved session if it was made for the same name.
cdef void tls_set_name(conn_t* conn, const char* name, uint32_t length) noexcept nogil
# True when that name was sent on it (NULL: none).
cdef bint tls_has_name(const conn_t* conn, const char* name, uint32_t length) noexcept nogil
# Bytes that leave before the first of the handshake's: a PROXY header.
cdef bint tls_put_before(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil
cdef void tls_set_saved(conn_t* conn, tls_saved_t* saved) noexcept nogil
cdef void tls_forget_saved(tls_saved_t* saved) noexcept nogil
# Goes on with the handshake. CONN_F_HANDSHAKE is clear once it is complete; CONN_F_ERROR is set, and `failure`, when it failed.
cdef void tls_handshake(conn_t* conn) noexcept nogil
# The connection's TLS, or NULL.
cdef inline tls_t* tls_of(const conn_t* conn) noexcept nogil:
    return <tls_t*> conn.secure

# The connection of an SSL object: for callbacks.
cdef conn_t* tls_conn(const SSL* ssl) noexcept nogil
# What is in use, for the search of leaks; and the end of the pools.
cdef uint32_t tls_n_used() noexcept nogil
cdef void tls_destroy_pools() noexcept nogil
