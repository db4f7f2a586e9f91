# The poller's implementation: epoll, slots, clock.
#
# Knows Linux's epoll and the timer wheel; must not know what its owners are.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.buf cimport opool_destroy, opool_init, pool_destroy, pool_init
from fastlb_core.base.list cimport list_init
from fastlb_core.base.wheel cimport timer_t, wheel_init, wheel_next, wheel_run
from fastlb_core.net.loop cimport LOOP_BIG_BUFFER, LOOP_EVENTS, LOOP_TIMERS, loop_t, slot_cb_t, slot_t
from fastlb_core.sys.epoll cimport (
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, epoll_create1, epoll_ctl, epoll_event, epoll_wait,
)
from fastlb_core.sys.splice cimport close
from fastlb_core.sys.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

cdef extern from "<sys/mman.h>" nogil:
    enum:
        PROT_READ
        PROT_WRITE
        MAP_PRIVATE
        MAP_ANONYMOUS
        MAP_NORESERVE
    void* MAP_FAILED
    void* mmap(void* addr, size_t length, int prot, int flags, int fd, long offset)
    int munmap(void* addr, size_t length)

cdef enum:
    CACHED_BUFFERS = 64          # free standard buffers a worker keeps
    CACHED_BIG_BUFFERS = 4
    CONNS_PER_SLAB = 64


cdef bint loop_init(loop_t* loop, uint32_t max_fds, uint32_t bufsize, uint32_t conn_size) noexcept nogil:
    cdef void* table
    memset(loop, 0, sizeof(loop_t))
    loop.epfd = epoll_create1(EPOLL_CLOEXEC)
    if loop.epfd < 0:
        return False
    # No memory is reserved: a page of the table exists once a descriptor in it was used.
    table = mmap(NULL, <size_t> max_fds * sizeof(slot_t), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if table == MAP_FAILED:
        close(loop.epfd)
        loop.epfd = -1
        return False
    loop.slots = <slot_t*> table
    loop.n_slots = max_fds
    pool_init(&loop.bufs, bufsize, CACHED_BUFFERS)
    pool_init(&loop.big_bufs, LOOP_BIG_BUFFER, CACHED_BIG_BUFFERS)
    opool_init(&loop.conns, conn_size, CONNS_PER_SLAB)
    list_init(&loop.dead)
    loop_tick(loop)
    wheel_init(&loop.wheel, <uint32_t> loop.now_ms)
    return True


cdef void loop_destroy(loop_t* loop) noexcept nogil:
    if loop.slots != NULL:
        munmap(loop.slots, <size_t> loop.n_slots * sizeof(slot_t))
        loop.slots = NULL
        close(loop.epfd)
        pool_destroy(&loop.bufs)
        pool_destroy(&loop.big_bufs)
        opool_destroy(&loop.conns)


cdef void loop_tick(loop_t* loop) noexcept nogil:
    cdef timespec ts
    clock_gettime(CLOCK_MONOTONIC, &ts)
    loop.now_ms = <uint64_t> ts.tv_sec * 1000 + <uint64_t> ts.tv_nsec // 1000000
    loop.second = <uint32_t> ts.tv_sec
    clock_gettime(CLOCK_REALTIME, &ts)
    loop.real_us = <uint64_t> ts.tv_sec * 1000000 + <uint64_t> ts.tv_nsec // 1000


cdef bint loop_add(loop_t* loop, int fd, uint32_t events, void* owner, slot_cb_t on_event) noexcept nogil:
    cdef epoll_event ev
    cdef slot_t* slot
    if <uint32_t> fd >= loop.n_slots:
        return False
    slot = &loop.slots[fd]
    slot.owner = owner
    slot.on_event = on_event
    ev.events = events
    ev.data.u64 = <uint64_t> slot.generation << 32 | <uint32_t> fd
    return epoll_ctl(loop.epfd, EPOLL_CTL_ADD, fd, &ev) == 0


cdef void loop_del(loop_t* loop, int fd) noexcept nogil:
    epoll_ctl(loop.epfd, EPOLL_CTL_DEL, fd, NULL)
    loop_forget(loop, fd)


cdef void loop_forget(loop_t* loop, int fd) noexcept nogil:
    cdef slot_t* slot
    if <uint32_t> fd < loop.n_slots:
        slot = &loop.slots[fd]
        slot.owner = NULL
        slot.generation += 1


cdef void _expired(void* arg, timer_t* timer) noexcept nogil:
    cdef loop_t* loop = <loop_t*> arg
    loop.on_timer[timer.kind](timer)


cdef int loop_turn(loop_t* loop, int timeout_ms) noexcept nogil:
    cdef epoll_event events[LOOP_EVENTS]
    cdef slot_t* slot
    cdef uint64_t data, before
    cdef timespec ts
    cdef int i, n
    n = epoll_wait(loop.epfd, events, LOOP_EVENTS, 0) if timeout_ms == 0 else -2
    if n == -2:
        clock_gettime(CLOCK_MONOTONIC, &ts)
        before = <uint64_t> ts.tv_sec * 1000000000 + <uint64_t> ts.tv_nsec
        n = epoll_wait(loop.epfd, events, LOOP_EVENTS, timeout_ms)
        clock_gettime(CLOCK_MONOTONIC, &ts)
        loop.slept_ns += <uint64_t> ts.tv_sec * 1000000000 + <uint64_t> ts.tv_nsec - before
    loop_tick(loop)
    loop.n_turns += 1
    if n > 0:
        loop.n_waits_with_events += 1
    for i in range(n):
        data = events[i].data.u64
        slot = &loop.slots[<uint32_t> data]
        if slot.owner != NULL and slot.generation == <uint32_t> (data >> 32):
            slot.on_event(slot.owner, events[i].events)
    wheel_run(&loop.wheel, <uint32_t> loop.now_ms, _expired, loop, LOOP_TIMERS)
    return n


cdef int loop_sleep(const loop_t* loop) noexcept nogil:
    return wheel_next(&loop.wheel, <uint32_t> loop.now_ms)
