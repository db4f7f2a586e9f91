# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
"""Certificates of this process's bind and server lines while it runs: contexts are made one by one, then switched to at once.

Knows which contexts a line has and who holds them. Must not know names of files, nor who asked (supervisor/renewed.py).

    made by the master     the program's, to its end; of a bind line they have the ids 0, 1, ... in the line's order
    make_*                 held here until a switch takes them, or `forget`
    switch                 the line has them; what it had before and does not keep is let go of: it ends with its last connection

A bind line's tls_bind_t stays where it is: handshakes that are under way look into the new tables.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memset

from fastlb_core.bridge.builder cimport Program
from fastlb_core.bridge.layout_expr cimport take
from fastlb_core.bridge.layout_tls cimport new_certificate, new_client_ctx, put_certificates, put_ticket_key
from fastlb_core.net.tls cimport tls_forget_saved
from fastlb_core.net.tls_conf cimport tls_bind_t, tls_ctx_t, tls_server_t, tls_ticket_t
from fastlb_core.program.program cimport program_free, program_new, program_t
from fastlb_core.proxy.worker cimport srv_local_t
from fastlb_core.sys.libssl cimport (
    BIO, BIO_free, BIO_get_mem_data, BIO_new, BIO_s_mem, ERR_clear_error, OCSP_RESPONSE, OCSP_RESPONSE_free,
    OCSP_RESPONSE_print, SSL_CTX_free, d2i_OCSP_RESPONSE,
)


cdef void release_home(void* home) noexcept nogil:
    program_free(<program_t*> home)


cdef program_t* new_home() except NULL:
    cdef program_t* home = program_new()
    if home == NULL:
        raise MemoryError("no memory for certificates")
    return home


cdef size_t on_its_own(program_t* home, tls_ctx_t* tls):
    """A context that ends with its last reference, and its memory with it."""
    home.owned = NULL
    tls.home = home
    tls.release = release_home
    return <size_t> tls


cdef class Renewal:
    """Numbers of listeners and servers are the program's; of a bind line it is one of its listeners, always the same.

    All methods raise ValueError for what does not fit, and then change nothing.
    """

    cdef Program program
    cdef dict fresh      # (is server, number, id): address of a tls_ctx_t that no line has yet; a reference each
    cdef dict current    # the same of those that lines have; without those of the master

    def __init__(self, Program program):
        self.program = program
        self.fresh, self.current = {}, {}

    cdef tls_bind_t* bind(self, number) except NULL:
        if not 0 <= number < self.program.ptr.n_listeners or self.program.ptr.listeners[<uint32_t> number].tls == NULL:
            raise ValueError(f"listener {number} has no TLS")
        return <tls_bind_t*> self.program.ptr.listeners[<uint32_t> number].tls

    cdef tls_server_t* server(self, number) except NULL:
        if not 0 <= number < self.program.ptr.n_servers or self.program.ptr.servers[<uint32_t> number].tls == NULL:
            raise ValueError(f"server {number} has no TLS")
        return <tls_server_t*> self.program.ptr.servers[<uint32_t> number].tls

    def make_certificate(self, listener, id, bytes identity, dict values):
        """A context for a certificate's values (layout_tls.pxd). identity: of the line."""
        cdef tls_bind_t* bind = self.bind(listener)
        cdef program_t* home = new_home()
        try:
            made = on_its_own(home, new_certificate(home, bind, identity, values))
        except BaseException:
            program_free(home)
            raise
        self._hold((False, listener, id), made)

    def make_client(self, server, id, dict values):
        """A context for a server's values (layout_tls.pxd)."""
        cdef program_t* home
        self.server(server)
        home = new_home()
        try:
            made = on_its_own(home, new_client_ctx(home, values))
        except BaseException:
            program_free(home)
            raise
        self._hold((True, server, id), made)

    def _hold(self, key, made):
        self._let_go(self.fresh, key)
        self.fresh[key] = made

    def _let_go(self, known, key):
        cdef size_t address = known.pop(key, 0)
        if address:
            SSL_CTX_free((<tls_ctx_t*> address).ctx)

    def forget(self):
        """Lets go of what was made and not switched to."""
        for key in list(self.fresh):
            self._let_go(self.fresh, key)

    def forget_server(self, server):
        """Lets go of what was made for a server that is gone, whether switched to or not."""
        self._keep_only(True, server, ())
        for key in [key for key in self.fresh if key[:2] == (True, server)]:
            self._let_go(self.fresh, key)

    def switch(self, list binds, list servers, list keys):
        """binds: [(listener, entries)], an entry {"id", "names", "excluded", "is_default"} for each certificate of the line.
        servers: [(server, id)]. keys: [(listener, ticket keys)], as many as the line has.
        """
        for listener, entries in binds:
            for entry in entries:
                self._certificate(listener, entry["id"])
        for server, id in servers:
            self._client(server, id)
        for listener, entries in binds:
            self._switch_bind(listener, entries)
        for server, id in servers:
            self._switch_server(server, id)
        for listener, line_keys in keys:
            self._set_keys(listener, line_keys)
        self.forget()

    def _certificate(self, listener, id):
        """The address of a context; raises ValueError for one that is not known."""
        cdef tls_bind_t* bind = self.bind(listener)
        key = (False, listener, id)
        found = self.fresh.get(key) or self.current.get(key)
        if not found:
            if not 0 <= id < bind.n_made:
                raise ValueError(f"listener {listener} has no certificate {id}")
            found = <size_t> bind.made[<uint32_t> id]
        return found

    def _client(self, server, id):
        self.server(server)
        key = (True, server, id)
        found = self.fresh.get(key) or self.current.get(key)
        if not found:
            raise ValueError(f"server {server} has no context {id}")
        return found

    def _switch_bind(self, listener, list entries):
        cdef tls_bind_t* bind = self.bind(listener)
        cdef program_t* home = new_home()
        cdef program_t* old = <program_t*> bind.home
        cdef const tls_ctx_t** contexts
        cdef tls_bind_t renewed
        cdef uint32_t i
        memset(&renewed, 0, sizeof(renewed))
        try:
            contexts = <const tls_ctx_t**> take(home, sizeof(void*) * len(entries))
            for i, entry in enumerate(entries):
                contexts[i] = <const tls_ctx_t*> <size_t> self._certificate(listener, entry["id"])
            put_certificates(home, &renewed, entries, contexts)
        except BaseException:
            program_free(home)
            raise
        bind.first, bind.first_ecdsa = renewed.first, renewed.first_ecdsa
        bind.exact, bind.wildcards = renewed.exact, renewed.wildcards
        bind.limits_versions = renewed.limits_versions
        bind.home = home
        program_free(old)
        self._keep_only(False, listener, {entry["id"] for entry in entries})

    def _switch_server(self, server, id):
        cdef tls_server_t* conf = self.server(server)
        cdef srv_local_t* local = <srv_local_t*> self.program.ptr.servers[<uint32_t> server].local
        conf.tls = <tls_ctx_t*> <size_t> self._client(server, id)
        if local != NULL:
            # A session carries what was verified before: the next connection begins one of its own.
            tls_forget_saved(&local.tls)
        self._keep_only(True, server, {id})

    def _keep_only(self, is_server, number, ids):
        for key in [key for key in self.fresh if key[:2] == (is_server, number) and key[2] in ids]:
            self._let_go(self.current, key)
            self.current[key] = self.fresh.pop(key)
        for key in [key for key in self.current if key[:2] == (is_server, number) and key[2] not in ids]:
            self._let_go(self.current, key)

    def _set_keys(self, listener, list line_keys):
        cdef tls_bind_t* bind = self.bind(listener)
        cdef uint32_t i
        for i in range(bind.n_made):
            put_keys(<tls_ctx_t*> bind.made[i], line_keys)
        for key, address in self.current.items():
            if key[0] is False and key[1] == listener:
                put_keys(<tls_ctx_t*> <size_t> address, line_keys)


cdef int put_keys(tls_ctx_t* tls, list line_keys) except -1:
    cdef uint32_t i
    cdef tls_ticket_t* tickets = tls.tickets
    if len(line_keys) != tls.n_tickets:
        raise ValueError(f"{tls.n_tickets} ticket keys expected")
    for i in range(tls.n_tickets):
        put_ticket_key(&tickets[i], line_keys[i])
    return 0


def ocsp_text(bytes response):
    """An OCSP response (DER) as `openssl ocsp -text` shows it: bytes. Raises ValueError."""
    cdef const uint8_t* data = <const uint8_t*> <const char*> response
    cdef OCSP_RESPONSE* found = d2i_OCSP_RESPONSE(NULL, &data, len(response))
    cdef BIO* out = NULL
    cdef char* text = NULL
    cdef long length
    if found == NULL:
        ERR_clear_error()
        raise ValueError("not an OCSP response")
    try:
        out = BIO_new(BIO_s_mem())
        if out == NULL or OCSP_RESPONSE_print(out, found, 0) != 1:
            ERR_clear_error()
            raise ValueError("an OCSP response that cannot be shown")
        length = BIO_get_mem_data(out, &text)
        return text[:length]
    finally:
        BIO_free(out)
        OCSP_RESPONSE_free(found)
