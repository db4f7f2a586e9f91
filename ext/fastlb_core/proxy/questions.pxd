# Questions of rules to control, which knows what a worker must not wait for: addresses of names (do-resolve).
#
# Knows who waits, and the log of questions that bridge/engine sends. Must not know sockets, nor the DNS. One question a stream.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum question_state_t:      # stream_t.question_state
    QUESTION_NONE = 0
    QUESTION_WAITS = 1
    QUESTION_ANSWERED = 2

cdef enum:
    QUESTION_NAME_MAX = 255      # bytes: no name of the DNS is longer (RFC 1035 2.3.4)

# Asks for an address of `name` by the section `resolvers`, of this family (4 or 6) before the other one. False: nobody is there
# to ask, or it is no name. The stream is woken by the answer.
cdef bint question_ask(stream_t* strm, slice_t resolvers, uint32_t family, slice_t name) noexcept nogil
# The stream waits no longer; a late answer finds nobody. Idempotent.
cdef void question_end(stream_t* strm) noexcept nogil
# The answer to one question: an address of 4 or 16 bytes; none: length 0.
cdef void question_answer(worker_t* w, uint32_t number, const uint8_t* address, uint32_t length) noexcept nogil
# Control is gone: no question will be answered.
cdef void question_answer_none(worker_t* w) noexcept nogil
