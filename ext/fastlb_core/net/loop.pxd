# The poller: one epoll loop with its clock, timers and pools. One per worker.
#
# Knows descriptors and what to call for them. Must not know connections' meaning: a slot is an owner and a function.
# The event's user data carries the slot's generation, so that a late event for a recycled descriptor is seen and dropped.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.buf cimport opool_t, pool_t
from fastlb_core.base.list cimport list_t
from fastlb_core.base.wheel cimport timer_t, wheel_t

cdef enum:
    LOOP_EVENTS = 256            # events of one turn
    LOOP_TIMERS = 256            # timers of one turn
    LOOP_BIG_BUFFER = 262144     # bytes of a buffer of a transfer under way

cdef enum timer_kind_t:          # timer_t.kind: index of loop_t.on_timer
    TIMER_CONN = 1
    TIMER_STREAM = 2
    TIMER_WORKER = 3
    TIMER_FILTERS = 4

# An event of a descriptor: epoll's bits.
ctypedef void (*slot_cb_t)(void* owner, uint32_t events) noexcept nogil
ctypedef void (*timer_cb_t)(timer_t* timer) noexcept nogil

cdef struct slot_t:
    void* owner                  # borrowed, until loop_forget
    slot_cb_t on_event
    uint32_t generation
    uint32_t reserved

cdef struct loop_t:
    int epfd                     # owned
    uint32_t n_slots
    slot_t* slots                # owned: one per possible descriptor, pages appear when touched
    uint64_t now_ms              # monotonic, of this turn
    uint64_t real_us             # wall clock, of this turn
    uint32_t second              # now_ms / 1000
    wheel_t wheel                # inline
    timer_cb_t on_timer[5]       # by timer_kind_t
    pool_t bufs                  # tune.bufsize
    pool_t big_bufs              # LOOP_BIG_BUFFER
    opool_t conns                # conn_t
    list_t dead                  # conns closed in this turn, freed at its end
    uint64_t slept_ns            # in epoll_wait since the start
    uint64_t n_turns
    uint64_t n_waits_with_events

# Opens epoll and the slot table for `max_fds` descriptors. False when the kernel refuses.
cdef bint loop_init(loop_t* loop, uint32_t max_fds, uint32_t bufsize, uint32_t conn_size) noexcept nogil
cdef void loop_destroy(loop_t* loop) noexcept nogil
# Polls `fd` for `events`, edge- or level-triggered as they say. False when the kernel refuses.
cdef bint loop_add(loop_t* loop, int fd, uint32_t events, void* owner, slot_cb_t on_event) noexcept nogil
# Polls it no more (it stays open), and its late events are void.
cdef void loop_del(loop_t* loop, int fd) noexcept nogil
# Makes late events of `fd` void; the caller closes it.
cdef void loop_forget(loop_t* loop, int fd) noexcept nogil
# Reads both clocks.
cdef void loop_tick(loop_t* loop) noexcept nogil
# Waits at most timeout_ms (-1: for ever) and calls what has events, then what has expired. Returns the number of events.
cdef int loop_turn(loop_t* loop, int timeout_ms) noexcept nogil
# ms that the next turn may sleep: 0 when timers are due, -1 when there are none.
cdef int loop_sleep(const loop_t* loop) noexcept nogil
