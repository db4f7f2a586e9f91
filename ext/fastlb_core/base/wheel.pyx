# The timer wheel's slots and the passing of time.
# Knows ticks; must not read a clock or know what timers sit in. See wheel.pxd for the layout.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.list cimport list_add_tail, list_del, list_init, list_is_empty, list_pop, list_splice_tail

cdef extern from *:
    """
    #define flb_ctz64(x) __builtin_ctzll(x)
    #define flb_clz64(x) __builtin_clzll(x)
    """
    int flb_ctz64(uint64_t x) noexcept nogil
    int flb_clz64(uint64_t x) noexcept nogil

cdef enum:
    BITS = 6
    NEVER = -1


# `link` is the timer's first field.
cdef inline timer_t* timer_of(list_t* link) noexcept nogil:
    return <timer_t*> link


cdef void wheel_init(wheel_t* wheel, uint32_t now_ms) noexcept nogil:
    cdef int level, slot
    memset(wheel, 0, sizeof(wheel_t))
    # One whole turn of the 32-bit clock ahead, so that a deadline before now is never below zero.
    wheel.now = (<uint64_t> 1 << 32) + now_ms
    for level in range(WHEEL_LEVELS):
        for slot in range(WHEEL_SLOTS):
            list_init(&wheel.slots[level][slot])


# The 64-bit tick that a 32-bit one near now stands for.
cdef inline uint64_t tick64(const wheel_t* wheel, uint32_t ms) noexcept nogil:
    return wheel.now + <int64_t> <int32_t> (ms - <uint32_t> wheel.now)


# Puts an unlinked timer into the slot of its deadline; one that has passed goes into the slot of now.
cdef void link_timer(wheel_t* wheel, timer_t* timer) noexcept nogil:
    cdef uint64_t at = tick64(wheel, timer.expires)
    cdef uint64_t differs
    cdef int level
    if at < wheel.now:
        at = wheel.now
    differs = at ^ wheel.now
    level = (63 - flb_clz64(differs)) // BITS if differs else 0
    timer.queued = timer.expires
    timer.level = <uint8_t> level
    timer.slot = <uint8_t> ((at >> (BITS * level)) & (WHEEL_SLOTS - 1))
    list_add_tail(&wheel.slots[level][timer.slot], &timer.link)
    wheel.filled[level] |= <uint64_t> 1 << timer.slot


cdef void unlink_timer(wheel_t* wheel, timer_t* timer) noexcept nogil:
    list_del(&timer.link)
    if list_is_empty(&wheel.slots[timer.level][timer.slot]):
        wheel.filled[timer.level] &= ~(<uint64_t> 1 << timer.slot)


cdef void wheel_set_slow(wheel_t* wheel, timer_t* timer, uint32_t deadline_ms) noexcept nogil:
    if timer.armed:
        unlink_timer(wheel, timer)
    else:
        timer.armed = 1
        wheel.n_armed += 1
    timer.expires = deadline_ms
    link_timer(wheel, timer)


cdef void wheel_cancel(wheel_t* wheel, timer_t* timer) noexcept nogil:
    if not timer.armed:
        return
    unlink_timer(wheel, timer)
    timer.armed = 0
    wheel.n_armed -= 1


# The first filled slot: its level (or NEVER) and the tick at which it comes up.
cdef int next_slot(const wheel_t* wheel, uint64_t* at) noexcept nogil:
    cdef int level, shift
    for level in range(WHEEL_LEVELS):
        if wheel.filled[level]:
            shift = BITS * level
            at[0] = ((wheel.now >> (shift + BITS)) << (shift + BITS)) | (<uint64_t> flb_ctz64(wheel.filled[level]) << shift)
            return level
    return NEVER


# Calls or queues again what stands in `due`. Stops when the budget is spent; what is left stays in `due`.
cdef uint32_t fire(wheel_t* wheel, list_t* due, wheel_cb_t cb, void* arg, uint32_t budget) noexcept nogil:
    cdef uint32_t called = 0
    cdef list_t* link
    cdef timer_t* timer
    while called < budget:
        link = list_pop(due)
        if link == NULL:
            break
        timer = timer_of(link)
        if tick64(wheel, timer.expires) > wheel.now:
            link_timer(wheel, timer)
            continue
        timer.armed = 0
        wheel.n_armed -= 1
        called += 1
        cb(arg, timer)
    return called


cdef uint32_t wheel_run(wheel_t* wheel, uint32_t now_ms, wheel_cb_t cb, void* arg, uint32_t budget) noexcept nogil:
    cdef uint64_t target = tick64(wheel, now_ms)
    cdef uint64_t at = 0
    cdef uint32_t called = 0
    cdef int level, slot
    cdef list_t* head
    if target < wheel.now:
        return 0
    while called < budget:
        level = next_slot(wheel, &at)
        if level < 0 or at > target:
            wheel.now = target
            break
        wheel.now = at
        slot = <int> ((at >> (BITS * level)) & (WHEEL_SLOTS - 1))
        head = &wheel.slots[level][slot]
        if level == 0:
            # Timers stay in the slot while they are called: one that a callback cancels or frees must be linked somewhere known.
            called += fire(wheel, head, cb, arg, budget - called)
        else:
            cascade(wheel, head)
        if list_is_empty(head):
            wheel.filled[level] &= ~(<uint64_t> 1 << slot)
    return called


# Spreads the timers of a slot that has come up over the levels below.
cdef void cascade(wheel_t* wheel, list_t* head) noexcept nogil:
    cdef list_t moved
    cdef list_t* link
    list_init(&moved)
    list_splice_tail(&moved, head)
    while True:
        link = list_pop(&moved)
        if link == NULL:
            return
        link_timer(wheel, timer_of(link))


cdef int32_t wheel_next(const wheel_t* wheel, uint32_t now_ms) noexcept nogil:
    cdef uint64_t at = 0
    cdef uint64_t now = tick64(wheel, now_ms)
    if next_slot(wheel, &at) < 0:
        return NEVER
    return <int32_t> (at - now) if at > now else 0
