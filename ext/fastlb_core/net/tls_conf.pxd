# TLS as the configuration wants it: contexts, which certificate answers which server name, and libssl's callbacks for both.
#
# Immutable once the program is built; bridge/layout_tls fills it before the fork. Must not know connections' bytes.
#
#     server name ──► exact hash ──► wildcard hash (".example.com") ──► default, or a refusal with strict-sni
#                       └── tls_choice_t chain, in the order of the configuration; ECDSA first for clients that take it

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.sys.libssl cimport SSL_CTX

cdef enum:
    TLS_IGNORE_WORDS = 4         # of 64 bits: X509_V_ERR numbers below 256
    TLS_NAME_MAX = 255           # bytes of a server name
    TLS_TICKET_KEYS = 3          # of one bind line

# A key of session tickets (`tls-ticket-keys`).
cdef struct tls_ticket_t:
    uint8_t name[16]
    uint8_t aes[32]
    uint8_t hmac[32]
    uint32_t bits                # 128 or 256, of both

# What a context's callbacks need (its ex_data).
cdef struct tls_ctx_t:
    SSL_CTX* ctx                 # owned
    slice_t alpn                 # protocols as RFC 7301 lists them, borrowed (program memory); empty: none is chosen
    unsigned long long ca_ignore[4]   # X509_V_ERR_* to pass over above the peer's certificate, a bit each
    unsigned long long crt_ignore[4]  # ... and at it
    slice_t sctl                 # the signed certificate timestamps (RFC 6962), borrowed (program memory); empty: none
    slice_t ocsp                 # the response to staple, borrowed (program memory); empty: none
    uint64_t ocsp_until_us       # when it expires, wall clock; 0: never
    tls_ticket_t* tickets        # owned (program memory): [n_tickets]
    uint32_t n_tickets           # 0: libssl's own random keys, which all workers share as they are made before the fork
    uint32_t max_record          # tune.ssl.maxrecord; 0: no limit
    uint32_t hard_record         # tune.ssl.hard-maxrecord; 0: no limit
    uint32_t idle_ms             # tune.idletimer
    bint is_ecdsa
    void (*release)(void* home) noexcept nogil  # called when libssl frees the context; NULL: nothing goes with it
    void* home                   # owned where there is a release: the memory of all this

# One certificate for one name.
cdef struct tls_choice_t:
    tls_choice_t* next           # owned (program memory)
    const tls_ctx_t* tls         # borrowed (program memory)
    slice_t* excluded            # owned (program memory): names that a wildcard shall not match
    uint32_t n_excluded

cdef struct tls_name_t:
    tls_name_t* next             # owned (program memory): of the same bucket
    slice_t name                 # owned (program memory), in lower case; a wildcard without its "*"
    tls_choice_t* choices

cdef struct tls_names_t:
    tls_name_t** buckets         # owned (program memory)
    uint32_t mask                # their number - 1; they are a power of two
    uint32_t n_names

# Of a bind line.
cdef struct tls_bind_t:
    const tls_ctx_t* first       # the default certificate's
    const tls_ctx_t* first_ecdsa  # ... where the default is a pair of both kinds, or NULL
    tls_names_t exact
    tls_names_t wildcards
    bint is_strict               # strict-sni
    bint limits_versions         # certificates differ in the versions that they are shown to
    const tls_ctx_t** made       # owned (program memory): [n_made], as configured, in the line's order
    uint32_t n_made
    void* home                   # owned: memory of the names where they were renewed (bridge/renewal), else NULL

# Of a server line.
cdef struct tls_server_t:
    tls_ctx_t* tls               # owned (program memory)
    slice_t verify_host          # with its NUL behind it; empty: the name that was sent
    bint verifies                # verify required
    bint reuses                  # not no-ssl-reuse
    const void* sni              # owned (program memory): expr_t of program/expr.pxd, or NULL

cdef tls_name_t* tls_find(const tls_names_t* names, const char* name, uint32_t length) noexcept nogil
# The number of the ex_data that holds a context's tls_ctx_t.
cdef int tls_ctx_index() noexcept nogil
# Sets the callbacks of a context whose ex_data is set: of a bind line, of a server.
cdef void tls_set_bind_callbacks(SSL_CTX* ctx, const tls_bind_t* bind, bint has_alpn) noexcept nogil
cdef void tls_set_server_callbacks(SSL_CTX* ctx) noexcept nogil
# Sets the callbacks that encrypt tickets with the keys of its tls_ctx_t, and that staple its response.
cdef void tls_set_tickets(SSL_CTX* ctx) noexcept nogil
cdef void tls_set_staple(SSL_CTX* ctx) noexcept nogil
# Makes it show the timestamps of its tls_ctx_t to clients that ask. False when libssl refuses.
cdef bint tls_set_timestamps(SSL_CTX* ctx) noexcept nogil
# Sets how peers are verified: SSL_VERIFY_* bits.
cdef void tls_set_verify(SSL_CTX* ctx, int mode) noexcept nogil
