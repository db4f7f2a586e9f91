# A message's body on its way through a packer: what flow_run (forward.pxd) is for bytes that pass as they are.
#
# Knows flows, buffers and chunks; must not know which messages are compressed. What waits for the receiver is what fits into
# dst.tx, so that a slow one stops the sender.

from libc.stdint cimport uint64_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.http.packer cimport packer_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.proxy.forward cimport flow_status_t
from fastlb_core.proxy.stream cimport stream_t

# Puts the head into dst.tx, so that it leaves with the first chunk. False: it does not fit, or something waits there; send it
# alone.
cdef bint packed_head(conn_t* dst, const http_msg_t* msg) noexcept nogil
# Moves what can be moved of one direction through its packer, `most` bytes of it at most. packer.has_moved: some byte did.
# packer.drops_trailers: the message ends without those that came.
cdef flow_status_t packed_run(stream_t* strm, bint is_response, uint64_t most) noexcept nogil
# The message's trailers shall not pass: takes a packer that changes nothing else, unless there is one already. False: memory is
# short.
cdef bint packed_drop_trailers(stream_t* strm, bint is_response) noexcept nogil
# The message has been packed to its end; the last bytes may still be in dst.tx.
cdef bint packed_is_done(const packer_t* packer) noexcept nogil
