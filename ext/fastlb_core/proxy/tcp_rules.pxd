# Rules of TCP mode: `tcp-request content` and `tcp-response content` with their inspect delays, and the rules at the accept.
#
# Knows when bytes are waited for. Must not know actions. A rule that needs bytes that have not come waits for them, at most
# `inspect-delay`; then it is decided with what is there.

from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.rules cimport rule_set_t
from fastlb_core.proxy.http_rules cimport rules_result_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport worker_t

# The content rules of frontend and backend and the switch between them; RULES_R_GO: strm.next_be is chosen, or a rule has
# switched the stream to HTTP (strm.ops). The stream has ended after RULES_R_ENDED.
cdef rules_result_t content_rules(stream_t* strm) noexcept nogil
# `tcp-response content` of the backend, before the first byte of the answer is passed on.
cdef rules_result_t response_content_rules(stream_t* strm) noexcept nogil
# `tcp-request connection` or `session`. False: the connection is refused (and counted): close it.
cdef bint front_rules(worker_t* w, conn_t* front, rule_set_t set) noexcept nogil
