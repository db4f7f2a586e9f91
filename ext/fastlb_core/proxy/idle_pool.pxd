# Idle connections to servers, kept for the next request (`http-reuse`), per worker and server.
#
# Knows keeping, taking and dropping. Must not know requests: backend.pyx decides what may be reused.

from libc.stdint cimport uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.worker cimport worker_t

# The connection last used, or NULL. proven_only: only one that has been reused before (http-reuse aggressive). name: the one
# that the server was asked for (TLS with `sni`), key: conn_t.pool_key; others stay where they are.
cdef conn_t* idle_take(worker_t* w, srv_t* srv, slice_t name, uint64_t key, bint proven_only) noexcept nogil
# Keeps it for anybody; closes it when it cannot be trusted any more (bytes nobody asked for, EOF) or the pool is full.
cdef void idle_give(worker_t* w, srv_t* srv, conn_t* conn) noexcept nogil
# Keeps it for this client only, as one of `most`; closes it where the client has so many already.
cdef void idle_attach(conn_t* front, conn_t* back, uint32_t most) noexcept nogil
# This client's own connection to srv under that name and key, or NULL.
cdef conn_t* idle_take_own(conn_t* front, srv_t* srv, slice_t name, uint64_t key) noexcept nogil
# Closes the client's own ones.
cdef void idle_detach(conn_t* front) noexcept nogil
# Closes those of the client's own ones that go to srv.
cdef void idle_leave(conn_t* front, srv_t* srv) noexcept nogil
# Closes all idle connections to srv (it went down or moved); all servers where NULL.
cdef void idle_drop(worker_t* w, srv_t* srv) noexcept nogil
