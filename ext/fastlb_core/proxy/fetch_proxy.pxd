# Sample fetches of proxies' and servers' live state: their table for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.program.expr cimport arg_t, fetch_entry_t
from fastlb_core.program.sample cimport eval_t, sample_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const fetch_entry_t* fetch_proxy_entries(uint32_t* n) noexcept nogil
# Those that converters look up by a name.
cdef bint nbsrv(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil
cdef bint srv_queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil
cdef bint srv_is_up(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil
