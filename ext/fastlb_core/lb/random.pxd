# `balance random`: its row.
#
# Must not know the face (balance.pxd), which lists the row.

from fastlb_core.lb.server cimport lb_ops_t

cdef const lb_ops_t* random_ops() noexcept nogil
