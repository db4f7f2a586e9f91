# Sending a head, with what is there of the body behind it, in one system call.
# Knows slices, leftovers and the PROXY header that may stand before; must not know which message it is.

from fastlb_core.http.message cimport http_msg_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.stream cimport flow_t

cdef enum head_status_t:
    HEAD_SENT = 0            # it left, or what the socket did not take waits in dst.tx
    HEAD_NOT_YET = 1         # nothing left: dst is not connected or its socket is full
    HEAD_FAILED = 2          # dst has an error
    HEAD_TOO_LARGE = 3       # it does not fit into a buffer, or memory is short
    HEAD_REFUSED = 4         # fcgi_send: an answer of our own is leaving

# Sends msg's head and then flow.n_ready bytes of src.rx, which stand behind the head that was consumed before. Body bytes
# that left are taken from src.rx and added to flow.total.
cdef head_status_t head_send(conn_t* dst, const http_msg_t* msg, flow_t* flow, conn_t* src) noexcept nogil
