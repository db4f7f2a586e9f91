# The shared arena: one anonymous MAP_SHARED mapping that the master makes before it forks.
#
# Knows how to map it, hand out zeroed, cache-line aligned pieces while the program is built, and the two things that
# keep it sound when a process dies: locks that record their owner, and worker slots. Must not know what the pieces hold
# (lb/shared.pxd does). Nothing in it is a Python object and nothing in it needs a destructor.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.rate cimport rate_t

cdef enum:
    ARENA_LINE = 64          # cache line: pieces start on one, so that two writers never share one
    ARENA_MAX_WORKERS = 64   # a worker is one bit in the masks of waiters

# A spin lock between processes. `owner` is the pid that holds it, 0 when free. atomic
cdef struct shlock_t:
    int32_t owner
    uint32_t generation      # grows when the master frees the lock of a dead owner: what it guards must be rebuilt

cdef enum worker_state_t:
    WORKER_S_NONE = 0
    WORKER_S_STARTING = 1
    WORKER_S_RUNNING = 2     # polls its listeners
    WORKER_S_STOPPING = 3    # soft stop: finishes what it has
    WORKER_S_GONE = 4

cdef enum worker_command_t:  # what the master asks; set before the worker's wake_fd is written
    WORKER_C_RUN = 0
    WORKER_C_SOFT_STOP = 1   # SIGUSR1: no accept any more, end when idle
    WORKER_C_STOP = 2        # end now
    WORKER_C_PAUSE = 3       # SIGTTOU: stop accepting, keep listening
    WORKER_C_RESUME = 4

# One per worker; written by that worker except where a comment says so.
cdef struct worker_slot_t:
    int32_t pid              # atomic; set by the master after fork
    int32_t state            # atomic; worker_state_t
    int32_t command          # atomic; worker_command_t, written by the master
    int32_t wake_fd          # eventfd, the same number in every process: wakes the worker's poll
    uint64_t heartbeat_ms    # atomic; monotonic time of its last loop turn
    uint64_t n_loops
    uint64_t n_wakeups       # epoll_wait calls that returned events
    uint64_t n_accepted
    uint64_t log_dropped     # log lines that no sink took
    int64_t n_conns          # gauge: connections of both sides; zeroed by the master when the worker dies
    int64_t n_streams        # gauge
    int64_t n_idle_back      # gauge: idle connections to servers
    int64_t n_pipes          # gauge
    uint64_t pool_bytes      # bytes held in buffers and pools
    uint64_t idle_ns         # time slept in epoll_wait, of the last window (written every ~500 ms)
    uint64_t window_ns
    rate_t tls_rate          # connections that begin with a handshake
    rate_t comp_in_rate      # bytes that went into compression
    rate_t comp_out_rate     # and came out of it
    uint64_t spare[2]

# What all workers together may do in a second, 0: no limit. atomic; changed by the runtime API (`set rate-limit`)
cdef struct rate_limits_t:
    uint32_t conn_rate       # `maxconnrate`
    uint32_t sess_rate       # `maxsessrate`
    uint32_t tls_rate        # `maxsslrate`
    uint32_t comp_rate       # `maxcomprate`, in bytes

cdef struct arena_t:
    uint64_t magic
    uint64_t size            # bytes mapped
    uint64_t used            # bytes handed out; only grows, only before the fork
    int32_t master_pid
    int32_t n_workers
    uint64_t start_ms        # monotonic
    uint64_t start_real_ms   # wall clock
    int64_t n_conns          # atomic; front connections of all workers, against global maxconn
    int64_t n_conns_max      # atomic
    uint64_t n_numbered      # atomic; streams that were given a number (%rt)
    int64_t maxconn          # atomic; changed by the runtime API
    rate_limits_t limits     # inline
    uint32_t tls_rate_max    # control; the highest second of the workers' tls_rate together
    uint64_t cum_conns       # atomic
    uint64_t cum_reqs        # folded from dead workers; live ones are in the counters
    uint64_t generation      # of the configuration, grows with a reload
    int32_t observed_fd      # eventfd, the same number in every process: tells control of srv_shared_t.observed; 0: none
    worker_slot_t workers[64]
    # pieces follow

# Maps `size` bytes (rounded up to pages); NULL when the kernel refuses. owned by the master, never unmapped while it lives.
cdef arena_t* arena_map(uint64_t size, int32_t n_workers) noexcept nogil
cdef void arena_unmap(arena_t* arena) noexcept nogil
# `size` zeroed bytes on a line of their own; NULL when the arena is full.
cdef void* arena_alloc(arena_t* arena, uint64_t size) noexcept nogil

# The workers' rate_t at `offset` of worker_slot_t, added up: events per second at monotonic time now_ms.
cdef uint32_t arena_rate(const arena_t* arena, size_t offset, uint64_t now_ms) noexcept nogil
# What of it was counted in a second that is over, or in the present one.
cdef uint64_t arena_rate_in(const arena_t* arena, size_t offset, uint32_t second) noexcept nogil

# Takes the lock for this process (`pid` = its getpid, cached by the caller). Spins with cpu_relax, yields after a while.
# If the generation differs from the one the guarded state was built with, that state must be rebuilt, see shlock_t.
cdef void shlock_lock(shlock_t* lock, int32_t pid) noexcept nogil
cdef bint shlock_trylock(shlock_t* lock, int32_t pid) noexcept nogil
cdef void shlock_unlock(shlock_t* lock) noexcept nogil
# Frees the lock if the dead process `pid` holds it; true when it did (the guarded state must be rebuilt by the caller).
cdef bint shlock_free_of(shlock_t* lock, int32_t pid) noexcept nogil
# shlock_lock for the parent of all others: never waits for an owner that has ended, reaped or not. True when it took the lock
# from a dead one (rebuild). Makes system calls while it waits.
cdef bint shlock_lock_parent(shlock_t* lock, int32_t pid) noexcept nogil
