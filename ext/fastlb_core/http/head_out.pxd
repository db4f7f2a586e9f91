# The head that leaves: the message with its edits, as slices of the buffer or as one run of bytes.
# Knows how http_msg_t marks its edits; must not know sockets or why the edits were made.
#
# Neighbouring canonical headers are one slice; an untouched head is a single one. See bench/micro for slices against copying.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.sys.socket cimport iovec

cdef enum:
    HEAD_OUT_IOV = 32       # slices of one head; a head in more pieces must be copied (head_copy)

ctypedef struct head_out_t:
    iovec iov[32]           # inline; the bytes are borrowed from the message's area and from static text
    uint32_t n_iov
    uint32_t len            # bytes in all

# The head as slices. False when it is in more than HEAD_OUT_IOV pieces (out.len is right in either case).
cdef bint head_slices(head_out_t* out, const http_msg_t* msg) noexcept nogil
# The head as one run of bytes at dst. Returns its length, 0 when it is larger than size.
cdef uint32_t head_copy(const http_msg_t* msg, char* dst, uint32_t size) noexcept nogil
# True when the bytes that leave are the bytes that came: msg.area[msg.start_off:msg.head_len].
cdef bint head_is_untouched(const http_msg_t* msg) noexcept nogil
# Bytes of the head that leaves.
cdef uint32_t head_len(const http_msg_t* msg) noexcept nogil
