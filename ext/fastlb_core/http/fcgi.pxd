# FastCGI under a connection to a server (specification 1.0, role Responder): a request leaves as records, and what comes back as
# STDOUT is made an HTTP/1 answer again. Rules, logs, retries and timeouts above see no difference.
#
# Knows records and one request at a time; must not know streams or applications' settings: the parameters are written by its user
# (proxy/fcgi_params.pyx). TLS may stand below it.
#
#     fcgi_begin ... fcgi_params_done, then conn_sendv(body) ─► BEGIN PARAMS STDIN in `out` ──► one send()
#     conn.rx ◄── head (http/cgi.pyx), body ◄── STDOUT ◄── records in `raw` ◄── one recv()
#
#     state:  FREE ─► HEAD ─► BODY ─► LAST ─► TAIL ─► FREE        HEAD, BODY ─► SPOILED: what came is no answer
#
# What is no answer is told as one: bytes that no parser above takes (502 with PH), or chunks that are none.

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from fastlb_core.base.buf cimport buf_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.cgi cimport cgi_framing_t
from fastlb_core.net.conn cimport conn_t, transport_t

cdef enum fcgi_state_t:
    FCGI_FREE = 0                # no request is under way
    FCGI_HEAD = 1                # the head of its answer is awaited
    FCGI_BODY = 2
    FCGI_LAST = 3                # the last chunk is to be told
    FCGI_TAIL = 4                # the answer is complete, END_REQUEST is still to come
    FCGI_SPOILED = 5             # nothing more is taken from this connection

cdef enum:                       # fcgi_t.flags
    FCGI_F_BEGUN = 0x01          # a request is in `out`, or has left
    FCGI_F_BELOW_RECV = 0x02     # what is below may give bytes
    FCGI_F_BELOW_EOF = 0x04      # it has ended
    FCGI_F_ENDED = 0x08          # END_REQUEST has come for the request at hand
    FCGI_F_EOF = 0x10            # the end is to be told as the connection's: there is no more of the answer
    FCGI_F_GREETED = 0x20        # FCGI_GET_VALUES was sent
    FCGI_F_KEEP = 0x40           # the application was asked to keep the connection
    FCGI_F_HEAD_ASKED = 0x80     # the method was HEAD
    FCGI_F_HTTP10 = 0x100        # the request's version

# A message on STDERR: the content of one record, or its beginning.
ctypedef void (*fcgi_stderr_t)(conn_t* conn, slice_t message) noexcept nogil

cdef struct fcgi_t:
    const transport_t* below     # borrowed (static): TLS, or NULL
    fcgi_stderr_t on_stderr      # may be NULL
    const void* app              # borrowed (program), opaque here: whose STDERR it is
    uint8_t state                # fcgi_state_t
    uint8_t framing              # cgi_framing_t of the answer under way
    uint8_t record_type          # of the record that is being read
    uint8_t record_is_ours       # it belongs to our request
    uint32_t record_left         # bytes of its content
    uint32_t padding_left
    uint32_t flags               # FCGI_F_*
    int32_t uncounted            # of the answer's head, see cgi_head_t
    uint32_t head_seen           # bytes of `head` that were looked at; behind the head: where its body begins
    uint32_t n_queued            # bytes of the request's body that stand in `out` and are still in the user's buffer
    uint64_t body_left           # bytes of the request's body that are to come
    uint64_t answer_left         # of the answer's, where its length was announced
    bint has_length
    buf_t raw                    # received, not read yet; of the loop's bufs
    buf_t head                   # STDOUT up to the end of the head, and what came along; of the loop's bufs
    buf_t message                # STDERR of a record that did not come at once; of the loop's bufs
    buf_t out                    # records to be sent; of the pool of this file

# Puts FastCGI on top of a fresh connection, behind tls_begin where it has TLS. False when memory is short.
cdef bint fcgi_attach(conn_t* conn, const void* app, fcgi_stderr_t on_stderr) noexcept nogil
# Bytes that leave before the first record: a PROXY header. False when memory is short.
cdef bint fcgi_put_before(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil
# Begins a request: returns where the parameters go (fcgi_put_pair), and in *room for how many bytes, at most `most`. NULL when
# memory is short. asks_values: FCGI_GET_VALUES goes first, once a connection.
cdef char* fcgi_begin(conn_t* conn, bint keep, bint asks_values, uint32_t most, uint32_t* room) noexcept nogil
# Takes it back: a parameter could not be written.
cdef void fcgi_cancel(conn_t* conn) noexcept nogil
# The parameters are written, `length` bytes. body: how many bytes of a body will follow. flags: FCGI_F_HEAD_ASKED, FCGI_F_HTTP10.
cdef void fcgi_params_done(conn_t* conn, uint32_t length, uint64_t body, uint32_t flags) noexcept nogil
# Puts bytes of the body behind that; returns how many found room.
cdef uint32_t fcgi_put_body(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil
# Sends what waits in `out`. Bytes that left, or -1 with CONN_F_ERROR.
cdef int fcgi_flush(conn_t* conn) noexcept nogil
# One pair of name and value at dst (specification, 3.4). Returns its length, 0 where it does not fit into `room`.
cdef uint32_t fcgi_put_pair(char* dst, uint32_t room, slice_t name, slice_t value) noexcept nogil
# The connection's FastCGI, or NULL.
cdef inline fcgi_t* fcgi_of(const conn_t* conn) noexcept nogil:
    return <fcgi_t*> conn.fcgi

# Another request may be sent on it.
cdef inline bint fcgi_is_free(const conn_t* conn) noexcept nogil:
    return (<const fcgi_t*> conn.fcgi).state == FCGI_FREE and (<const fcgi_t*> conn.fcgi).out.len == 0

# Areas and objects in use, for the search of leaks; and the end of the pools.
cdef uint32_t fcgi_n_used() noexcept nogil
cdef void fcgi_destroy_pools() noexcept nogil
