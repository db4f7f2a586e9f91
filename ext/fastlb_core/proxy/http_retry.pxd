# `retry-on`: sending a request again that has been sent already (manual, section 4.2).
#
# Knows where the request is kept and which failures count. Must not know how a failure is noticed (http_response) or how a
# server is chosen (backend).

from libc.stdint cimport uint16_t, uint32_t
from fastlb_core.proxy.stream cimport stream_t

# The RETRY_* bit of an answer's status, 0: such an answer is never a reason.
cdef uint32_t retry_reason(uint16_t status) noexcept nogil
# Goes back to the backend with the same request if `reason` is one and tries are left. False: the failure stands.
cdef bint retry_for(stream_t* strm, uint32_t reason) noexcept nogil
