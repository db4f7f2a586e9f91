# `balance static-rr`: its row.
#
# Must not know the face (balance.pxd), which lists the row.

from fastlb_core.lb.server cimport lb_ops_t

cdef const lb_ops_t* static_rr_ops() noexcept nogil
