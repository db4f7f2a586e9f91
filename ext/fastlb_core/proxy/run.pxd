# The worker's life: set-up, the loop, stopping.
# Knows the order of a turn; must not know Python: bridge/engine.pyx calls it without the GIL and handles what it returns for.

from libc.stdint cimport int32_t, uint32_t
from fastlb_core.program.program cimport program_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum run_result_t:
    RUN_ENDED = 0            # soft stop is over, or stopped
    RUN_MESSAGE = 1          # bytes wait on the message socket: take the GIL, then run again
    RUN_MESSAGE_LOST = 2     # the message socket was closed: connect again later
    RUN_TICK = 3             # once a second, only while there is no message socket
    RUN_CHANGES = 4          # rules have logged changes, and there is a message socket
    RUN_QUESTIONS = 5        # rules have asked control, and there is a message socket

# Prepares the worker (index of the arena's slots) in zeroed memory. False when the kernel or memory refuse.
cdef bint worker_init(worker_t* w, const program_t* program, uint32_t index, uint32_t max_fds) noexcept nogil
# What the worker keeps of each server that has come since then. False when memory is short. Between two turns.
cdef bint worker_know_servers(worker_t* w) noexcept nogil
# Polls the message socket (-1: none) and the slot's wake_fd, and begins to listen.
cdef bint worker_start(worker_t* w) noexcept nogil
cdef bint worker_watch_messages(worker_t* w, int fd) noexcept nogil
# Turns until one of run_result_t.
cdef run_result_t worker_run(worker_t* w) noexcept nogil
cdef void worker_destroy(worker_t* w) noexcept nogil
