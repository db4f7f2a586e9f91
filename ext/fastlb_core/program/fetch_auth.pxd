# Sample fetches: the table of fetch_auth.pyx for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.program.expr cimport arg_t, fetch_entry_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.sample cimport eval_t, sample_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const fetch_entry_t* fetch_auth_entries(uint32_t* n) noexcept nogil
# Two of them, for whoever needs the facts themselves. As fetch_fn; they take no arguments.
cdef bint http_auth_type(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil
cdef bint http_auth_user(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil
# A request to a proxy, as `option http-use-proxy-header` of the frontend sees it: its login is in Proxy-Authorization.
cdef bint is_proxied(const px_t* fe, const http_msg_t* msg) noexcept nogil
