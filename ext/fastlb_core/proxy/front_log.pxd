# The log line of a connection that never became a stream: its PROXY header, NetScaler's, or its TLS handshake has failed.
#
# Knows the line (manual, 8.2.5) and who wants it. Must not know headers or handshakes.

from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.conn_err cimport conn_err_t
from fastlb_core.proxy.worker cimport worker_t

# Notes why it has failed, and tells so in a line, of `error-log-format` where the frontend has one, unless `dontlognull`
# keeps it back. The connection is the caller's to close.
cdef void front_log_failure(worker_t* w, conn_t* front, conn_err_t err) noexcept nogil
