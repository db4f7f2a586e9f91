# TLS of bind and server lines: contexts made of plain values.
#
# Values come from src/fastlb/compile/tls.py; files were read long before. Runs in the master, before the fork.
#
#     listener["tls"]: None or {"certificates": [certificate, ...], "strict_sni": bool, "id": bytes}
#     certificate: {"leaf", "key": DER, "chain": [DER], "dh": PEM, "ocsp": DER, "ocsp_until": int, "sctl": bytes,
#                   "names", "excluded": [bytes],
#                   "is_ecdsa", "is_default": bool, "settings": settings}
#     server["tls"]: None or {"settings": settings, "leaf", "key", "chain", "verify_host": bytes, "reuse": bool,
#                   "sni": expression or None}
#     settings: {"ciphers", "ciphersuites", "curves", "sigalgs", "client_sigalgs": bytes, b"" for libssl's own choice,
#                "min", "max": name of VERSIONS or "", "options": [name of OPTIONS], "alpn": bytes, "verify": name of VERIFY,
#                "authorities", "ca_names", "crls": [DER], "check_crls": bool, "ca_ignore", "crt_ignore": bits or None,
#                "ticket_keys": [bytes], "lifetime_s", "max_record", "hard_max_record", "idle_ms": int,
#                of bind lines also "dh_bits" and "cache_size" (sessions kept without tickets; 0: none), and where a context
#                is made anew while the program runs "ticket_secret": 80 bytes that all workers encrypt tickets with}

from fastlb_core.net.tls_conf cimport tls_bind_t, tls_ctx_t, tls_ticket_t
from fastlb_core.program.program cimport program_t

# Sets `tls` of all listeners and servers. Raises ValueError with what libssl refuses (compile/tls.py has asked for that
# before, see `tls_fault`), MemoryError.
cdef int lay_out_tls(program_t* program, list servers, list listeners) except -1

# A context for a certificate's values, or for a server's, in the program's memory, which owns it. bind: borrowed for its life.
# Raises ValueError with what libssl refuses, MemoryError.
cdef tls_ctx_t* new_certificate(program_t* program, tls_bind_t* bind, bytes identity, dict cert) except NULL
cdef tls_ctx_t* new_client_ctx(program_t* program, dict values) except NULL
# A server's tls_server_t likewise.
cdef void* new_tls_server(program_t* program, dict values) except NULL
# Fills the names and defaults of an empty `bind`: entries ("names", "excluded", "is_default" of a certificate's values), and the
# context of each. Memory: the program's.
cdef int put_certificates(program_t* program, tls_bind_t* bind, list entries, const tls_ctx_t** contexts) except -1
# Writes a key of `tls-ticket-keys`.
cdef int put_ticket_key(tls_ticket_t* ticket, bytes key) except -1
