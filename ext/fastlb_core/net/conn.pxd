# A stream socket with what is buffered for it: the front (client) or back (server) side of a stream, or an idle one.
#
# Knows receiving, sending, readiness and closing. Must not know HTTP, streams or proxies: `owner` and `ops` are opaque.
# Edge-triggered: what epoll said stays in CAN_RECV/CAN_SEND until a system call finds the socket drained or full, so that
# no call is made only to learn EAGAIN. A connection is given to epoll once, when somebody first has to wait for it.
#
#     rx: received, not consumed by the owner        tx: to be sent before anything else (what a short write left)

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from fastlb_core.base.buf cimport buf_t
from fastlb_core.base.list cimport list_t
from fastlb_core.base.wheel cimport timer_t
from fastlb_core.net.loop cimport loop_t
from fastlb_core.sys.socket cimport iovec

cdef enum:                       # conn_t.flags
    CONN_F_BACK = 0x0001         # towards a server
    CONN_F_POLLED = 0x0002       # epoll has it
    CONN_F_CAN_RECV = 0x0004     # recv may give bytes
    CONN_F_CAN_SEND = 0x0008     # send may take bytes
    CONN_F_RDHUP = 0x0010        # the peer has sent FIN: what is not yet received is the rest
    CONN_F_EOF = 0x0020          # everything up to the FIN was received
    CONN_F_ERROR = 0x0040        # reset, or any other socket error
    CONN_F_CONNECTING = 0x0080   # connect() has not been answered yet
    CONN_F_SHUT_WR = 0x0100      # we have sent FIN
    CONN_F_CLOSED = 0x0200       # closed; the memory goes at the end of the turn
    CONN_F_BIG_RX = 0x0400       # rx is of the pool of big buffers
    CONN_F_NODELAY = 0x0800      # TCP_NODELAY is set (inherited from the listener, or by conn_send)
    CONN_F_UNIX = 0x1000
    CONN_F_IDLE = 0x2000         # in a server's idle pool
    CONN_F_PROXY_WAIT = 0x4000   # a PROXY header must come first
    CONN_F_REUSED = 0x8000       # has carried a request before this one
    CONN_F_SENT = 0x10000        # something was sent on it already
    CONN_F_PROXY_SEEN = 0x20000  # it began with a PROXY header
    CONN_F_HANDSHAKE = 0x40000   # its transport is not ready; towards a server it counts as connecting until it is
    CONN_F_RAW_RECV = 0x80000    # the socket may give bytes; kept apart from CAN_RECV by a transport, which holds some itself

cdef enum:                       # conn_t.flags, of HTTP
    CONN_F_PRIVATE = 0x100000    # back: one client's, its server ties an identity to it (NTLM)
    CONN_F_PREFERS_LAST = 0x200000  # front: its requests stay at the server of a connection that it has (NTLM)
    CONN_F_CIP_WAIT = 0x400000   # NetScaler's header must come first, behind a PROXY header

ctypedef void (*conn_cb_t)(conn_t* conn) noexcept nogil

# What stands between a connection's bytes and its socket (net/tls.pxd, http/fcgi.pxd). A plain connection has none.
cdef struct transport_t:
    const char* name
    # Flags have changed; before the owner hears of it.
    void (*on_event)(conn_t* conn) noexcept nogil
    # As conn_recv and conn_sendv. The bytes that a send did not take are offered again, first, by the next one.
    int (*recv)(conn_t* conn, char* dst, uint32_t room) noexcept nogil
    int64_t (*sendv)(conn_t* conn, const iovec* iov, uint32_t n_iov) noexcept nogil
    # Says goodbye, before the FIN.
    void (*shut_write)(conn_t* conn) noexcept nogil
    # The socket is about to be closed: frees what it has.
    void (*close)(conn_t* conn) noexcept nogil

# What the owner wants to hear. None may free conn itself: conn_close puts that off to the end of the turn.
cdef struct conn_ops_t:
    const char* name
    conn_cb_t on_io              # flags have changed
    conn_cb_t on_timer           # the timer has expired
    conn_cb_t on_close           # it is being closed, by whomever; may be NULL

cdef union peer_t:               # sockaddr_in, sockaddr_in6, or only the family of a unix socket
    uint16_t family
    uint8_t bytes[28]

cdef struct conn_t:
    int fd                       # owned
    uint32_t flags               # CONN_F_*
    const conn_ops_t* ops        # borrowed (static)
    void* owner                  # borrowed: a stream, or NULL while idle
    void* origin                 # borrowed (program): listener_t of a front, srv_t of a back connection
    loop_t* loop                 # borrowed (the worker)
    const transport_t* transport  # borrowed (static), the topmost one, or NULL
    void* secure                 # owned by its transport: tls_t of net/tls.pxd, or NULL
    void* fcgi                   # owned by its transport: fcgi_t of http/fcgi.pxd, or NULL
    buf_t rx
    buf_t tx
    timer_t timer
    list_t link                  # in one list: idle pool, all fronts, dead
    peer_t peer                  # the other end
    peer_t local                 # our end; family 0 until conn_local asked the kernel
    uint8_t err                  # front: conn_err_t of conn_err.pxd, once its greeting or handshake has failed
    uint32_t n_requests          # messages that have begun on it
    uint64_t since_ms            # monotonic: accepted, connected, or idle since
    uint8_t* pp_tlvs             # owned (heap): the extensions of its PROXY header, or NULL; freed with the connection
    uint32_t pp_tlvs_len
    uint32_t handshake_ms        # front: of since_ms, how long the PROXY header took
    uint64_t since_real_us       # wall clock of since_ms
    list_t all                   # in the worker's list of front connections
    void* session                # owned by proxy/evaluate: a front's session variables, or NULL
    void* trackers               # front: owned (a pool of the worker): stkctr_t[n] of proxy/track.pxd, or NULL
    conn_t* mate                 # front: its first private idle back connection (owned); those: their front (borrowed)
    conn_t* next_own             # back, private and idle: the next one of its front
    uint32_t own_place           # back, private: its number among those of its front, from 1; a front: how many there were
    uint64_t pool_key            # back: what else idle ones are told apart by (proxy/link.pxd), 0 for nothing

# A conn_t around a connected or connecting socket; takes over fd. NULL (and fd closed) when memory is short.
cdef conn_t* conn_new(loop_t* loop, int fd, uint32_t flags) noexcept nogil
# Gives it to epoll if it is not there yet. False when the kernel refuses: close it.
cdef bint conn_poll(conn_t* conn) noexcept nogil
# Receives once into rx, leaving `reserve` bytes of the buffer free. Bytes received; 0: nothing now (or no room);
# -1: EOF or ERROR is set now. Takes a buffer if rx has none and gives an empty one back.
cdef int conn_recv(conn_t* conn, uint32_t reserve) noexcept nogil
# Receives and throws away. As conn_recv.
cdef int conn_drain(conn_t* conn) noexcept nogil
# Sends n slices in one system call (nothing may wait in tx). Bytes taken, or -1 with ERROR set.
cdef int64_t conn_sendv(conn_t* conn, iovec* iov, uint32_t n_iov) noexcept nogil
cdef int64_t conn_send(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil
# Receives from the socket itself, for transports. As transport_t.recv.
cdef int conn_recv_raw(conn_t* conn, char* dst, uint32_t room) noexcept nogil
# Sends to the socket itself, for transports. As conn_send.
cdef int64_t conn_send_raw(conn_t* conn, const char* bytes, uint32_t length) noexcept nogil
# Sends what waits in tx. False on error; tx.len tells whether all went.
cdef bint conn_flush(conn_t* conn) noexcept nogil
# Copies bytes `skip` to `until` of the slices behind tx. False when they do not fit into one buffer.
cdef bint conn_keep(conn_t* conn, const iovec* iov, uint32_t n_iov, uint64_t skip, uint64_t until) noexcept nogil
# FIN after what was sent. Once.
cdef void conn_shut_write(conn_t* conn) noexcept nogil
# Frees rx if it is empty.
cdef void conn_trim(conn_t* conn) noexcept nogil
# Closes the socket, timers and buffers; no callback follows. Idempotent.
cdef void conn_close(conn_t* conn) noexcept nogil
# Fills conn.local (getsockname, once). The address, for log lines and the PROXY protocol.
cdef const void* conn_local(conn_t* conn) noexcept nogil
# Keeps a copy of its PROXY header's extensions; without memory it has none.
cdef void conn_keep_tlvs(conn_t* conn, const uint8_t* tlvs, uint32_t length) noexcept nogil
# Frees what was closed in this turn.
cdef void conn_bury_dead(loop_t* loop) noexcept nogil
# Starts the timer `ms` from now; 0 stops it.
cdef void conn_set_timer(conn_t* conn, uint32_t ms) noexcept nogil
cdef void conn_stop_timer(conn_t* conn) noexcept nogil
# The connection that a TIMER_CONN timer sits in.
cdef conn_t* conn_of_timer(timer_t* timer) noexcept nogil
