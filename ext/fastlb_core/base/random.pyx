# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# splitmix64. Contract: random.pxd.

from libc.stdint cimport int32_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from "<sys/random.h>" nogil:
    long getrandom(void* into, size_t n, unsigned int flags)

cdef uint64_t state = 0
cdef int32_t state_pid = 0       # the process that `state` was made for


cdef void _seed(int32_t pid) noexcept nogil:
    global state, state_pid
    cdef timespec now
    if getrandom(&state, sizeof(state), 0) != sizeof(state):
        clock_gettime(CLOCK_MONOTONIC, &now)
        state = <uint64_t> now.tv_nsec * <uint64_t> 0x9E3779B97F4A7C15 ^ <uint64_t> pid << 32
    state_pid = pid


cdef uint64_t random_u64(int32_t pid) noexcept nogil:
    global state
    cdef uint64_t z
    if state_pid != pid:
        _seed(pid)
    state += <uint64_t> 0x9E3779B97F4A7C15
    z = state
    z = (z ^ z >> 30) * <uint64_t> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
    return z ^ (z >> 31)
