# Streams of this worker for engine.pyx; see sessions.pyx.

from libc.stdint cimport uint64_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.proxy.worker cimport worker_t

cdef list list_streams(worker_t* w, start, most)
cdef int shut_streams(worker_t* w, uint64_t id, const srv_t* srv)
cdef list list_bad_messages(worker_t* w, start, most)
# Closes the idle connections to a server and forgets all that names it; how many streams use it: then nothing is done.
cdef int leave_server(worker_t* w, srv_t* srv)
