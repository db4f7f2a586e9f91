# How many streams a server may hold right now.
#
# Knows maxconn, minconn, fullconn and slowstart (manual section 5.2). Must not know who asks: algorithms skip full servers,
# balance.pyx refuses a slot. Inline, because a pick asks for each server that it looks at.

from libc.stdint cimport int32_t, int64_t

from fastlb_core.base.atomic cimport load_relaxed_i32
from fastlb_core.lb.server cimport AFFINITY_ALWAYS, AFFINITY_MAXCONN, lb_t, srv_t

# The limit in force, 0 = none: maxconn; or, with minconn, a ramp from minconn to maxconn that follows the backend's load
# up to fullconn; during slowstart that many percent of it, but never less than 1.
cdef inline int32_t srv_limit(const lb_t* lb, const srv_t* srv) noexcept nogil:
    cdef int32_t limit = load_relaxed_i32(&srv.sh.maxconn)
    cdef int32_t load, throttle = srv.sh.throttle
    cdef int64_t ramp
    if limit <= 0:
        return 0
    if srv.minconn > 0 and srv.minconn < limit:
        load = load_relaxed_i32(&lb.sh.be_conns)
        if load >= 0 and <int64_t> load < <int64_t> lb.fullconn:
            ramp = <int64_t> load * limit // lb.fullconn
            limit = <int32_t> ramp if ramp > srv.minconn else srv.minconn
    if 0 < throttle < 100:
        limit = <int32_t> (<int64_t> limit * throttle // 100)
        if limit < 1:
            limit = 1
    return limit

# True when the server may not get one more stream: its slots are taken, or others wait for it already.
cdef inline bint srv_is_full(const lb_t* lb, const srv_t* srv) noexcept nogil:
    cdef int32_t limit = srv_limit(lb, srv)
    if limit == 0:
        return False
    return load_relaxed_i32(&srv.sh.queued) > 0 or load_relaxed_i32(&srv.sh.served) >= limit

# True when a key's own server is passed over, as `hash-preserve-affinity` says.
cdef inline bint srv_is_passed_over(const lb_t* lb, const srv_t* srv) noexcept nogil:
    if lb.affinity == AFFINITY_ALWAYS or not srv_is_full(lb, srv):
        return False
    return lb.affinity == AFFINITY_MAXCONN or srv.maxqueue > 0 and load_relaxed_i32(&srv.sh.queued) >= srv.maxqueue
