# Where streams and front connections keep their tracked counters, and the moments at which they are counted.
#
# Knows streams and connections. Must not know data types (track.pxd does) nor rules.
# Without stick tables every function here returns at once.

from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.track cimport stkctr_t, trackers_t
from fastlb_core.proxy.worker cimport worker_t

# What a stream sees: its own counters and its connection's. NULL without tables. Valid until the next call.
cdef trackers_t* tracking_of(stream_t* strm) noexcept nogil
# The same for a connection that has no stream yet.
cdef trackers_t* tracking_of_front(worker_t* w, conn_t* front) noexcept nogil
# The connection's own counters, made at the first use; NULL when memory is short or there are no tables.
cdef stkctr_t* tracking_session(worker_t* w, conn_t* front) noexcept nogil
# `tcp-request connection` and `session` rules have passed.
cdef void tracking_accepted(worker_t* w, conn_t* front) noexcept nogil
# The connection ended before its first request. haproxy: that counts as a request and an error.
cdef void tracking_silent(worker_t* w, conn_t* front) noexcept nogil
# A request begins; a bad one, or one that never came, is an error as well.
cdef void tracking_request(stream_t* strm) noexcept nogil
cdef void tracking_error(stream_t* strm) noexcept nogil
# The server's answer, by its status; and one that was bad, cut or never came.
cdef void tracking_status(stream_t* strm, int status) noexcept nogil
cdef void tracking_failure(stream_t* strm) noexcept nogil
# The stream ends: its bytes are counted, its counters are given back.
cdef void tracking_end_stream(stream_t* strm) noexcept nogil
# The connection is being closed.
cdef void tracking_end_front(worker_t* w, conn_t* front) noexcept nogil
