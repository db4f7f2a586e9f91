# Front connections: accepted, greeted (PROXY protocol), idle between requests, lingering after the last answer.
#
# Knows limits, counters and what to start when bytes come; must not know how requests are handled: stream_tcp and
# stream_http hand in their ops.

from libc.stdint cimport uint32_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.program cimport listener_t, px_t
from fastlb_core.proxy.stream cimport stream_ops_t, stream_t
from fastlb_core.proxy.worker cimport worker_t

# Called once per worker, before the first accept: the protocols' ops, and how a new TCP stream starts.
cdef void front_set_ops(const stream_ops_t* http, const stream_ops_t* tcp) noexcept nogil
# Polls this worker's listeners that have room for a connection; again when room may have come back (a connection
# ended here or in another worker, a frontend was enabled). w.is_full says that some are left out.
cdef void front_listen(worker_t* w) noexcept nogil
cdef void front_unlisten(worker_t* w) noexcept nogil
# Soft stop: lets go of the listening sockets for good, so that the kernel hands this process no connection any more. Whoever
# else holds them (the next generation, the other workers) is not concerned. Once in a worker's life.
cdef void front_close_listeners(worker_t* w) noexcept nogil
# The frontend of a front connection.
cdef px_t* front_px(const conn_t* front) noexcept nogil
# After an answer: waits for the next request, or goes on at once with what the client has sent already. So also during a soft
# stop: the request may be on its way, and an idle connection that was closed now would lose it (stream_is_last).
cdef void front_idle(worker_t* w, conn_t* front) noexcept nogil
# Closes so that the last answer is not lost: FIN, then what still comes is read away for a while.
cdef void front_linger(worker_t* w, conn_t* front) noexcept nogil
# A TCP stream is an HTTP stream from here on, with the bytes that are there; so are those of the connection's further requests.
# One that is HTTP stays as it is. Its caller returns and lets it be processed again.
cdef void front_upgrade(stream_t* strm) noexcept nogil
