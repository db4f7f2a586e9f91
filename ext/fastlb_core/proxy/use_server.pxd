# `use-server`, `monitor fail` and the rules of persistence: rules whose only action is to be true.
#
# Knows how such a rule is tried. Must not know balancing or replies: the callers ask, and do what follows.

from fastlb_core.lb.server cimport srv_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport rule_set_t, rule_t
from fastlb_core.proxy.stream cimport stream_t

# The server of strm.be that the first applying `use-server` rule names and that may be used, or NULL: balancing decides.
# Called while the request's head is there.
cdef srv_t* use_server(stream_t* strm) noexcept nogil
# The first rule of that set of px that applies, or NULL.
cdef const rule_t* rule_that_holds(stream_t* strm, const px_t* px, rule_set_t set) noexcept nogil
