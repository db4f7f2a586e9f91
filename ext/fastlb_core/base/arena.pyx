# The shared arena: mapping, handing out pieces, and locks between processes.
#
# Knows mmap and what it takes to keep a lock sound when its owner dies. Must not know what the pieces hold.
# Everything is handed out before the fork, by one process: arena_alloc needs no lock.
#
#     ┌─────────┬───────────────────┬─────────┬─────────┬────────────┐
#     │ arena_t │ worker_slot_t[64] │ piece 0 │ piece 1 │ zero pages │   every piece starts on a cache line
#     └─────────┴───────────────────┴─────────┴─────────┴────────────┘
#     base                                     base + used    base + size

from libc.errno cimport ESRCH, errno
from libc.stdint cimport int32_t, uint32_t, uint64_t
from posix.mman cimport MAP_ANONYMOUS, MAP_FAILED, MAP_NORESERVE, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.signal cimport kill, siginfo_t
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, nanosleep, timespec
from posix.unistd cimport getpid
from posix.wait cimport P_PID, waitid

from fastlb_core.base.atomic cimport cas_i32, cpu_relax, load_i32, load_relaxed_i32, store_i32
from fastlb_core.base.rate cimport rate_in, rate_t

cdef extern from "sched.h" nogil:
    int sched_yield()

cdef extern from "sys/wait.h" nogil:
    enum:
        WEXITED
        WNOHANG
        WNOWAIT

cdef enum:
    ARENA_PAGE = 4096
    SPIN_RELAX = 200         # pauses before the first yield: the longest critical section is a few hundred ns
    SPIN_YIELD = 200         # yields before sleeping: then the owner is preempted, stopped, or dead

cdef extern from *:
    """
    #define FLB_ARENA_MAGIC 0x616e657261626c66ULL
    """
    const uint64_t ARENA_MAGIC "FLB_ARENA_MAGIC"


cdef inline uint64_t _round_up(uint64_t size, uint64_t unit) noexcept nogil:
    return (size + unit - 1) & ~(unit - 1)


cdef uint64_t _clock_ms(int clock) noexcept nogil:
    cdef timespec ts
    clock_gettime(clock, &ts)
    return <uint64_t> ts.tv_sec * 1000 + <uint64_t> ts.tv_nsec // 1000000


cdef arena_t* arena_map(uint64_t size, int32_t n_workers) noexcept nogil:
    cdef arena_t* arena
    if n_workers < 0 or n_workers > ARENA_MAX_WORKERS:
        return NULL
    size = _round_up(size + sizeof(arena_t) + ARENA_LINE, ARENA_PAGE)
    # NORESERVE: a map sized for the worst case costs only the pages that are touched.
    arena = <arena_t*> mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if <void*> arena == MAP_FAILED:
        return NULL
    arena.magic = ARENA_MAGIC
    arena.size = size
    arena.used = _round_up(sizeof(arena_t), ARENA_LINE)
    arena.master_pid = getpid()
    arena.n_workers = n_workers
    arena.start_ms = _clock_ms(CLOCK_MONOTONIC)
    arena.start_real_ms = _clock_ms(CLOCK_REALTIME)
    return arena


cdef void arena_unmap(arena_t* arena) noexcept nogil:
    if arena != NULL:
        munmap(arena, arena.size)


cdef void* arena_alloc(arena_t* arena, uint64_t size) noexcept nogil:
    cdef uint64_t at = arena.used
    cdef uint64_t need = _round_up(size if size else 1, ARENA_LINE)
    if need < size or need > arena.size - at:
        return NULL
    arena.used = at + need
    return <char*> arena + at       # zeroed: fresh anonymous pages


cdef uint64_t arena_rate_in(const arena_t* arena, size_t offset, uint32_t second) noexcept nogil:
    cdef uint64_t sum = 0
    cdef int32_t worker
    for worker in range(arena.n_workers):
        sum += rate_in(<const rate_t*> (<const char*> &arena.workers[worker] + offset), second)
    return sum


cdef uint32_t arena_rate(const arena_t* arena, size_t offset, uint64_t now_ms) noexcept nogil:
    cdef uint32_t second = <uint32_t> (now_ms // 1000), left = 1000 - <uint32_t> (now_ms % 1000)
    return <uint32_t> (arena_rate_in(arena, offset, second) + arena_rate_in(arena, offset, second - 1) * left // 1000)


cdef bint shlock_trylock(shlock_t* lock, int32_t pid) noexcept nogil:
    cdef int32_t free = 0
    return cas_i32(&lock.owner, &free, pid)


cdef void shlock_lock(shlock_t* lock, int32_t pid) noexcept nogil:
    cdef uint32_t tries = 0
    while not shlock_trylock(lock, pid):
        # Looking before the next swap keeps the line shared while the owner works.
        while load_relaxed_i32(&lock.owner) != 0:
            _wait(tries)
            tries += 1


cdef void _wait(uint32_t tries) noexcept nogil:
    """One turn of waiting for a lock, longer the more turns there were."""
    cdef timespec pause
    if tries < SPIN_RELAX:
        cpu_relax()
    elif tries < SPIN_RELAX + SPIN_YIELD:
        sched_yield()
    else:
        pause.tv_sec = 0
        pause.tv_nsec = 100000
        nanosleep(&pause, NULL)


cdef void shlock_unlock(shlock_t* lock) noexcept nogil:
    store_i32(&lock.owner, 0)


cdef bint shlock_free_of(shlock_t* lock, int32_t pid) noexcept nogil:
    if load_i32(&lock.owner) != pid:
        return False
    # The generation is visible before the lock is: whoever takes it next sees that it must rebuild.
    lock.generation += 1
    store_i32(&lock.owner, 0)
    return True


cdef bint _has_ended(int32_t pid) noexcept nogil:
    """True for a child that is dead, even before it is reaped, and for a pid that nobody has."""
    cdef siginfo_t end
    end.si_pid = 0
    if waitid(P_PID, pid, &end, WEXITED | WNOHANG | WNOWAIT) == 0:
        return end.si_pid == pid
    return kill(pid, 0) != 0 and errno == ESRCH


cdef bint shlock_lock_parent(shlock_t* lock, int32_t pid) noexcept nogil:
    cdef uint32_t tries = 0
    cdef int32_t owner
    cdef bint freed = False
    while not shlock_trylock(lock, pid):
        owner = load_i32(&lock.owner)
        if tries > SPIN_RELAX and owner != 0 and _has_ended(owner) and shlock_free_of(lock, owner):
            freed = True
            continue
        _wait(tries)
        tries += 1
    return freed
