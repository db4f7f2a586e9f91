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
# Variables of a new stream, and of one that ends. Only where the worker has_vars.
cdef void eval_open_vars(stream_t* strm) noexcept nogil
cdef void eval_close_vars(stream_t* strm) noexcept nogil
# The answer begins: the request's variables are forgotten, those of the answer may be set.
cdef void eval_begin_answer(stream_t* strm) noexcept nogil
# The front connection goes: with it its session's variables.
cdef void eval_close_session(worker_t* w, conn_t* front) noexcept nogil
# The variables of the process: set as `global` says, before the first connection; freed at the end.
cdef void eval_open_worker(worker_t* w) noexcept nogil
cdef void eval_close_worker(worker_t* w) noexcept nogil
# For `tcp-request connection` and `session`: there is no stream yet.
cdef void eval_front(eval_t* ev, worker_t* w, conn_t* front) noexcept nogil
