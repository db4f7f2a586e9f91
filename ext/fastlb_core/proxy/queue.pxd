# Queues of streams that wait for a server's slot (maxconn), one per server and one per backend in every worker.
#
# Knows order and wake-ups. Must not know what a stream does with its slot. The arena holds how many wait in all workers and
# a mask of the workers they wait in: who frees a slot wakes one of them.

from libc.stdint cimport uint64_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.program.program cimport px_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport queue_t, worker_t

cdef void queue_init(queue_t* queue, srv_t* srv) noexcept nogil
# Puts the stream behind those that wait for srv (or, NULL, for any server of its backend) and notes how many those were.
cdef void queue_add(stream_t* strm, srv_t* srv) noexcept nogil
# Takes it out, wherever it waits. Idempotent.
cdef void queue_remove(stream_t* strm) noexcept nogil
# The first in line of its queue may try: true for it alone.
cdef bint queue_is_first(const stream_t* strm) noexcept nogil
# True when somebody, in any worker, waits for any server of this backend.
cdef bint queue_is_busy(const px_t* be) noexcept nogil
# A slot of srv was freed, and lb_release said who waits: wakes the first in line here, or another worker.
cdef void queue_offer(worker_t* w, px_t* be, srv_t* srv, uint64_t waiters) noexcept nogil
# Another worker has freed something: the first of every queue tries.
cdef void queue_wake_all(worker_t* w) noexcept nogil
