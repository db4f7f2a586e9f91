# TLS of streams' two sides: which context a connection gets, which name is sent to a server, what a failed handshake is called.
#
# Knows bind and server lines and sample expressions. Must not know records (net/tls.pxd) or log lines.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.conn_err cimport conn_err_t
from fastlb_core.proxy.stream cimport stream_t

# Begins TLS on an accepted connection of a `bind ... ssl` line. False when memory is short.
cdef bint secure_front(conn_t* front) noexcept nogil
# Why the handshake did not come to its end.
cdef conn_err_t secure_error(const conn_t* front, bint is_timeout) noexcept nogil
# The name that strm.srv is to be asked for (`sni`), with a NUL behind it; empty: none. borrowed from the scratch area.
cdef slice_t secure_name(stream_t* strm) noexcept nogil
# Begins TLS on a new connection to strm.srv. False when memory is short.
cdef bint secure_back(stream_t* strm, conn_t* back, slice_t name) noexcept nogil
