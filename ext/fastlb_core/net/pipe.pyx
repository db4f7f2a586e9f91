# Pipes' implementation.

from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastlb_core.net.pipe cimport pipe_pool_t, pipe_t
from fastlb_core.sys.splice cimport F_GETPIPE_SZ, F_SETPIPE_SZ, O_CLOEXEC, O_NONBLOCK, close, fcntl, pipe2

cdef enum:
    PIPE_MAX = 1048576           # what an unprivileged process may ask for (fs.pipe-max-size)
    PIPE_MIN = 65536
    FREE_PIPES = 32              # kept for the next transfers


cdef void pipe_pool_init(pipe_pool_t* pool, uint32_t max_used) noexcept nogil:
    memset(pool, 0, sizeof(pipe_pool_t))
    pool.max_used = max_used


cdef pipe_t* _open(pipe_pool_t* pool) noexcept nogil:
    cdef int fds[2]
    cdef int size = PIPE_MAX
    cdef pipe_t* pipe = <pipe_t*> malloc(sizeof(pipe_t))
    if pipe == NULL:
        return NULL
    if pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0:
        free(pipe)
        return NULL
    # The kernel limits what one user may hold in large pipes (fs.pipe-user-pages-soft): take less when it says no.
    while size > PIPE_MIN and fcntl(fds[1], F_SETPIPE_SZ, size) < 0:
        size //= 2
    size = fcntl(fds[1], F_GETPIPE_SZ)
    pipe.fd_read = fds[0]
    pipe.fd_write = fds[1]
    pipe.size = <uint32_t> size if size > 0 else PIPE_MIN
    pool.n_opened += 1
    return pipe


cdef void _close(pipe_t* pipe) noexcept nogil:
    close(pipe.fd_read)
    close(pipe.fd_write)
    free(pipe)


cdef pipe_t* pipe_take(pipe_pool_t* pool) noexcept nogil:
    cdef pipe_t* pipe = pool.free_list
    if pool.n_used >= pool.max_used:
        return NULL
    if pipe != NULL:
        pool.free_list = pipe.next
        pool.n_free -= 1
    else:
        pipe = _open(pool)
    if pipe != NULL:
        pipe.next = NULL
        pool.n_used += 1
    return pipe


cdef void pipe_give(pipe_pool_t* pool, pipe_t* pipe, uint32_t n_left) noexcept nogil:
    if pipe == NULL:
        return
    pool.n_used -= 1
    if n_left or pool.n_free >= FREE_PIPES:
        _close(pipe)
        return
    pipe.next = pool.free_list
    pool.free_list = pipe
    pool.n_free += 1


cdef void pipe_pool_destroy(pipe_pool_t* pool) noexcept nogil:
    cdef pipe_t* pipe
    while pool.free_list != NULL:
        pipe = pool.free_list
        pool.free_list = pipe.next
        _close(pipe)
    pool.n_free = 0
