# Timers in milliseconds: a hierarchical wheel whose entries are checked when their slot comes up.
# Knows a tick count that its owner hands in; must not read a clock. One wheel belongs to one worker.
#
# Seven levels of 64 slots; level n holds timers whose 64-bit tick differs from now first in its n-th group of six
# bits, so the earliest timer is always in the first filled slot of the first filled level:
#
#     level 0: 64 slots of 1 ms    level 1: 64 of 64 ms    level 2: 64 of 4.1 s    level 3: 64 of 4.4 min ...
#
# Putting a deadline off is one store into `expires`: the entry stays in its slot and is queued again when that
# slot comes up (at most one such visit per old deadline).

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from fastlb_core.base.list cimport list_t

# WHEEL_LEVELS groups of six bits; 64-bit ticks never wrap, callers' 32-bit ones may.
cdef enum:
    WHEEL_LEVELS = 7
    WHEEL_SLOTS = 64

# Zeroed memory is a valid, unarmed timer.
ctypedef struct timer_t:
    list_t link             # inline: in a slot of the wheel while armed
    uint32_t expires        # the deadline, ms ticks; may be moved later by a plain store while armed
    uint32_t queued         # the deadline it was queued under
    uint8_t armed           # 1 while in the wheel
    uint8_t level           # where it is queued
    uint8_t slot
    uint8_t kind            # the owner's: tells the callback what the timer sits in

ctypedef struct wheel_t:
    uint64_t now            # ticks; its low 32 bits are the callers' clock
    uint64_t filled[7]      # one bit per slot that holds timers, by level
    uint32_t n_armed
    list_t slots[7][64]     # inline heads; timers are borrowed from their owners

# Called for an expired timer, which is no longer armed: it may be armed again, or its owner freed.
ctypedef void (*wheel_cb_t)(void* arg, timer_t* timer) noexcept nogil

# now_ms: the clock, any 32-bit value.
cdef void wheel_init(wheel_t* wheel, uint32_t now_ms) noexcept nogil
# Arms the timer, or moves its deadline. deadline_ms at most 2^31 - 1 ms after now; one that has passed expires in the
# wheel_run under way, or the next.
cdef void wheel_set_slow(wheel_t* wheel, timer_t* timer, uint32_t deadline_ms) noexcept nogil
# Unarms. Idempotent.
cdef void wheel_cancel(wheel_t* wheel, timer_t* timer) noexcept nogil
# Lets time go on to now_ms and calls cb for what has expired, at most `budget` times. Returns how many were called;
# when that is `budget`, more may be due and wheel_next answers 0. A clock that went backwards changes nothing.
cdef uint32_t wheel_run(wheel_t* wheel, uint32_t now_ms, wheel_cb_t cb, void* arg, uint32_t budget) noexcept nogil
# Milliseconds from now_ms to the next slot that wants a look, never later than the next expiry and at most six looks early;
# 0 when one is due, -1 when no timer is armed.
cdef int32_t wheel_next(const wheel_t* wheel, uint32_t now_ms) noexcept nogil

# Arms the timer or moves its deadline; a later deadline of an armed timer is one store.
cdef inline void wheel_set(wheel_t* wheel, timer_t* timer, uint32_t deadline_ms) noexcept nogil:
    if timer.armed and <int32_t> (deadline_ms - timer.queued) >= 0:
        timer.expires = deadline_ms
    else:
        wheel_set_slow(wheel, timer, deadline_ms)
