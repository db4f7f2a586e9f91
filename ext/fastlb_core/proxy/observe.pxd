# `observe`: what streams find out about their servers counts for these servers' health (manual, 5.2 "observe").
#
# Knows which findings are errors in which mode, and how control is told of the one that reaches `error-limit`. What follows from
# it is control's (control/checks/observed.py). A server without `observe` costs one branch.

from libc.stdint cimport uint16_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum observed_t:            # srv_shared_t.observed_why; control has HAProxy's words for them, in this order
    OBSERVED_CONNECTED = 0       # or found a connection that stands
    OBSERVED_NOT_CONNECTED = 1
    OBSERVED_GOOD_STATUS = 2
    OBSERVED_BAD_STATUS = 3
    OBSERVED_BAD_HEAD = 4
    OBSERVED_READ_ERROR = 5
    OBSERVED_TIMEOUT = 6
    OBSERVED_CLOSED = 7          # before the head of its answer was there

cdef enum observe_t:             # srv_t.observe
    OBSERVE_NOTHING = 0
    OBSERVE_LAYER4 = 1
    OBSERVE_LAYER7 = 2

cdef void observe_count(worker_t* w, srv_t* srv, observed_t what) noexcept nogil

cdef inline void observe(stream_t* strm, observed_t what) noexcept nogil:
    if strm.srv.observe:
        observe_count(strm.w, strm.srv, what)

cdef inline void observe_status(stream_t* strm, uint16_t status) noexcept nogil:
    if strm.srv.observe:
        observe_count(strm.w, strm.srv,
                      OBSERVED_GOOD_STATUS if 100 <= status < 500 or status == 501 or status == 505 else OBSERVED_BAD_STATUS)
