# The idle pools' implementation.
#
# An idle connection has its own little ops: what happens on it (bytes, FIN, reset, pool-purge-delay) closes it.

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.base.atomic cimport load_u32
from fastlb_core.base.list cimport list_add_head, list_del, list_entry, list_first, list_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.fcgi cimport fcgi_is_free
from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.conn cimport (
    CONN_F_CAN_RECV, CONN_F_EOF, CONN_F_ERROR, CONN_F_IDLE, CONN_F_RDHUP, CONN_F_REUSED, conn_close, conn_ops_t, conn_poll,
    conn_recv, conn_set_timer, conn_stop_timer, conn_t, conn_trim,
)
from fastlb_core.net.tls cimport tls_has_name
from fastlb_core.proxy.worker cimport srv_local_t, worker_t

cdef conn_ops_t idle_ops
cdef conn_ops_t own_ops


cdef void _left(conn_t* conn) noexcept nogil:
    """conn leaves its server's pool."""
    cdef srv_t* srv = <srv_t*> conn.origin
    cdef worker_t* w = <worker_t*> conn.owner
    (<srv_local_t*> srv.local).n_idle -= 1
    srv.counters[w.index].idle_conns -= 1
    w.slot.n_idle_back -= 1
    list_del(&conn.link)
    conn.flags &= ~(<int> CONN_F_IDLE)
    conn.owner = NULL


cdef void _drop(conn_t* conn) noexcept nogil:
    _left(conn)
    conn_close(conn)


cdef void _leave_front(conn_t* conn) noexcept nogil:
    cdef conn_t** at = &conn.mate.mate
    while at[0] != conn:
        at = &at[0].next_own
    at[0] = conn.next_own
    conn.next_own = NULL
    conn.mate = NULL


cdef void _drop_own(conn_t* conn) noexcept nogil:
    _leave_front(conn)
    conn_close(conn)


cdef bint _is_sound(conn_t* conn) noexcept nogil:
    """Nothing was received that nobody asked for, and the other end is still there."""
    if conn.rx.len or conn.tx.len:
        return False
    if conn.flags & CONN_F_CAN_RECV and not conn.flags & (CONN_F_ERROR | CONN_F_EOF):
        # The last receive filled its buffer to the byte: there may be more.
        if conn_recv(conn, 0) != 0:
            return False
    conn_trim(conn)
    return not conn.flags & (CONN_F_ERROR | CONN_F_EOF | CONN_F_RDHUP)


cdef void _idle_io(conn_t* conn) noexcept nogil:
    """An event may be about bytes that were received before the connection came here, or about room to send."""
    if not _is_sound(conn):
        _drop(conn)


cdef void _own_io(conn_t* conn) noexcept nogil:
    if not _is_sound(conn):
        _drop_own(conn)


idle_ops.name = b"idle"
idle_ops.on_io = _idle_io
idle_ops.on_timer = _drop
own_ops.name = b"idle, private"
own_ops.on_io = _own_io
own_ops.on_timer = _drop_own


cdef inline bint _is_for(const conn_t* conn, slice_t name, uint64_t key) noexcept nogil:
    return conn.pool_key == key and (conn.secure == NULL or tls_has_name(conn, name.ptr, name.len)) and \
        (conn.fcgi == NULL or fcgi_is_free(conn))


cdef conn_t* idle_take(worker_t* w, srv_t* srv, slice_t name, uint64_t key, bint proven_only) noexcept nogil:
    cdef srv_local_t* local = <srv_local_t*> srv.local
    cdef list_t* link
    cdef conn_t* conn
    if local.kill_seq != load_u32(&srv.sh.kill_seq):
        idle_drop(w, srv)
    link = list_first(&local.idle)
    if link == NULL:
        return NULL
    conn = <conn_t*> list_entry(link, <size_t> &(<conn_t*> NULL).link)
    while not _is_for(conn, name, key):
        link = link.next
        if link == &local.idle:
            return NULL
        conn = <conn_t*> list_entry(link, <size_t> &(<conn_t*> NULL).link)
    if proven_only and not conn.flags & CONN_F_REUSED:
        return NULL
    _left(conn)
    conn_stop_timer(conn)
    conn.flags |= CONN_F_REUSED
    return conn


cdef void idle_give(worker_t* w, srv_t* srv, conn_t* conn) noexcept nogil:
    cdef srv_local_t* local = <srv_local_t*> srv.local
    if local.kill_seq != load_u32(&srv.sh.kill_seq):
        idle_drop(w, srv)
    if not _is_sound(conn) or srv.pool_max_conn >= 0 and <int> local.n_idle >= srv.pool_max_conn or not conn_poll(conn):
        conn_close(conn)
        return
    conn.ops = &idle_ops
    conn.owner = w
    conn.flags |= CONN_F_IDLE
    list_add_head(&local.idle, &conn.link)
    local.n_idle += 1
    srv.counters[w.index].idle_conns += 1
    w.slot.n_idle_back += 1
    conn_set_timer(conn, srv.pool_purge_ms)


cdef void idle_attach(conn_t* front, conn_t* back, uint32_t most) noexcept nogil:
    cdef conn_t** at = &front.mate
    cdef uint32_t n = 0
    cdef conn_t* other = front.mate
    while other != NULL:
        n += 1
        other = other.next_own
    if n >= most or not _is_sound(back) or not conn_poll(back):
        conn_close(back)
        return
    if back.own_place == 0:
        front.own_place += 1
        back.own_place = front.own_place
    # haproxy: where a request may choose, the server that was met first comes first.
    while at[0] != NULL and at[0].own_place < back.own_place:
        at = &at[0].next_own
    back.next_own = at[0]
    at[0] = back
    back.ops = &own_ops
    back.owner = NULL
    back.mate = front
    conn_stop_timer(back)


cdef conn_t* idle_take_own(conn_t* front, srv_t* srv, slice_t name, uint64_t key) noexcept nogil:
    cdef conn_t* back = front.mate
    while back != NULL:
        if <srv_t*> back.origin == srv and _is_for(back, name, key):
            _leave_front(back)
            back.flags |= CONN_F_REUSED
            return back
        back = back.next_own
    return NULL


cdef void idle_detach(conn_t* front) noexcept nogil:
    while front.mate != NULL:
        _drop_own(front.mate)


cdef void idle_leave(conn_t* front, srv_t* srv) noexcept nogil:
    cdef conn_t* back = front.mate
    cdef conn_t* next
    while back != NULL:
        next = back.next_own
        if <srv_t*> back.origin == srv:
            _drop_own(back)
        back = next


cdef void idle_drop(worker_t* w, srv_t* srv) noexcept nogil:
    cdef srv_local_t* local
    cdef list_t* link
    cdef size_t i
    if srv == NULL:
        for i in range(w.program.n_servers):
            idle_drop(w, w.program.servers[i])
        return
    local = <srv_local_t*> srv.local
    local.kill_seq = load_u32(&srv.sh.kill_seq)
    while True:
        link = list_first(&local.idle)
        if link == NULL:
            return
        _drop(<conn_t*> list_entry(link, <size_t> &(<conn_t*> NULL).link))
