# Pipes for splice(2): a pool per worker, so that a transfer costs no pipe() of its own.
# Knows pipes only; must not know what flows through them. A pipe that is not empty is closed, never pooled.

from libc.stdint cimport uint32_t, uint64_t

ctypedef struct pipe_t:
    pipe_t* next             # owned: chain of the pool's free pipes
    int fd_read              # owned
    int fd_write             # owned
    uint32_t size            # bytes it can hold

ctypedef struct pipe_pool_t:
    pipe_t* free_list        # owned
    uint32_t n_free
    uint32_t n_used
    uint32_t max_used        # pipes at once; 0: none, splice is off
    uint64_t n_opened

cdef void pipe_pool_init(pipe_pool_t* pool, uint32_t max_used) noexcept nogil
# An empty pipe, as large as the kernel allows (1 MiB at most); NULL when there is none to be had: copy instead.
cdef pipe_t* pipe_take(pipe_pool_t* pool) noexcept nogil
# Gives a pipe back; `n_left` bytes are still in it. NULL is allowed.
cdef void pipe_give(pipe_pool_t* pool, pipe_t* pipe, uint32_t n_left) noexcept nogil
cdef void pipe_pool_destroy(pipe_pool_t* pool) noexcept nogil
