# TCP mode: a server is chosen as soon as a client is there, then bytes go both ways until both sides have ended.
# Knows half-closes and the timeouts of section "timeout client-fin"; must not know HTTP.

from fastlb_core.proxy.stream cimport stream_ops_t, stream_t

cdef const stream_ops_t* tcp_stream_ops() noexcept nogil
# Both ways until the end; also what an HTTP stream becomes after 101 or CONNECT. True when the stream has ended.
cdef bint tunnel_run(stream_t* strm) noexcept nogil
