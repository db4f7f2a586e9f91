# An answer's body on its way through a packer: what flow_run (forward.pxd) is for bytes that pass as they are.
#
# Knows flows, buffers and chunks; must not know which answers are compressed. What waits for the client is what fits into
# dst.tx, so that a slow client stops the server.

from libc.stdint cimport uint64_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.forward cimport flow_status_t
from fastlb_core.proxy.stream cimport stream_t

# Puts the head into dst.tx, so that it leaves with the first chunk. False: it does not fit, or something waits there; send it
# alone.
cdef bint packed_head(conn_t* dst, const http_msg_t* msg) noexcept nogil
# Moves what can be moved of strm.res through strm.packer, `most` bytes of it at most. packer.has_moved: some byte did.
cdef flow_status_t packed_run(stream_t* strm, uint64_t most) noexcept nogil
