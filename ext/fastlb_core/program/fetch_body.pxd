# Sample fetches: the table of fetch_body.pyx for bridge/registry, and a body without its framing.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.program.expr cimport fetch_entry_t
from fastlb_core.program.sample cimport eval_t, sample_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const fetch_entry_t* fetch_body_entries(uint32_t* n) noexcept nogil
# The body of msg as far as it stands in `raw`, without its framing (chunks are joined in the scratch area); smp gets
# SMP_F_MAY_CHANGE while it is not complete. False: there is no message, or no room.
cdef bint body_buffered(eval_t* ev, const http_msg_t* msg, slice_t raw, sample_t* smp, slice_t* body) noexcept nogil
