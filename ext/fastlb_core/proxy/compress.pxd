# Which messages are compressed, and how their heads change (manual, section 4.2 "compression").
#
# Knows Accept-Encoding, content types, entity tags; must not know how bytes become compressed (http/packer) or move (packed).
# Like haproxy the answer is judged before the rules see it, and changed after them.

from libc.stdint cimport uint32_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum comp_stage_t:          # stream_t.comp_stage
    COMP_NONE = 0
    COMP_ASKED = 1               # the request allows strm.coding
    COMP_CHOSEN = 2              # and the answer will be compressed with it

# Bytes that went into compression within the last second, in all workers.
cdef uint32_t comp_rate(const worker_t* w) noexcept nogil
# The request is about to leave: chooses a coding, takes Accept-Encoding away where `offload` says so.
cdef void compress_request(stream_t* strm) noexcept nogil
# The request's own body, after compress_request: takes strm.req_packer and edits the head where it is to be compressed.
cdef void compress_body(stream_t* strm) noexcept nogil
# COMP_ASKED, the answer's head has come, no rule has run: COMP_CHOSEN or COMP_NONE.
cdef void compress_judge(stream_t* strm) noexcept nogil
# COMP_CHOSEN, the answer's head is about to leave: takes a packer and edits the head. Without memory, room for the edits or a
# body nothing is changed, and strm.packer stays NULL.
cdef void compress_begin(stream_t* strm) noexcept nogil
# The stream ends: counts, gives the packers back.
cdef void compress_end(stream_t* strm) noexcept nogil
