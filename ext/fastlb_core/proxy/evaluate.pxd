# What a stream's rules may look at: fills an eval_t from a stream or from a connection that has no stream yet.
#
# Knows where the facts of eval_t are. Must not know rules or fetches.

from libc.stdint cimport uint32_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport worker_t

# For the rules of a stream. options: EVAL_O_*.
cdef void eval_stream(eval_t* ev, stream_t* strm, uint32_t options) noexcept nogil
# For `tcp-request connection` and `session`: there is no stream yet.
cdef void eval_front(eval_t* ev, worker_t* w, conn_t* front) noexcept nogil
