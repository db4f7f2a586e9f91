# `observe`: implementation. All workers count together: one that saw a success ends the others' row of errors.

from libc.stdint cimport uint64_t

from fastlb_core.base.atomic cimport add_fetch_i32, add_fetch_u32, load_relaxed_i32, store_i32
from fastlb_core.lb.server cimport srv_t
from fastlb_core.proxy.worker cimport worker_t
from fastlb_core.sys.splice cimport write


cdef bint _is_error(observed_t what) noexcept nogil:
    return what != OBSERVED_CONNECTED and what != OBSERVED_GOOD_STATUS


cdef bint _counts(const srv_t* srv, observed_t what) noexcept nogil:
    if what == OBSERVED_NOT_CONNECTED:
        return True
    # haproxy: with layer7 a connection that stands ends no row of errors.
    return (what == OBSERVED_CONNECTED) == (srv.observe == OBSERVE_LAYER4)


cdef void observe_count(worker_t* w, srv_t* srv, observed_t what) noexcept nogil:
    cdef uint64_t one = 1
    if not _counts(srv, what):
        return
    if not _is_error(what):
        if load_relaxed_i32(&srv.sh.consecutive_errors):
            store_i32(&srv.sh.consecutive_errors, 0)
        return
    if add_fetch_i32(&srv.sh.consecutive_errors, 1) != srv.error_limit:
        # Above it: another worker is about to begin a new row.
        return
    store_i32(&srv.sh.consecutive_errors, 0)
    store_i32(&srv.sh.observed_why, what)
    add_fetch_u32(&srv.sh.observed, 1)
    # Without room in its counter it is readable already.
    write(w.arena.observed_fd, &one, sizeof(one))
