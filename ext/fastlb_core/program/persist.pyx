# Servers by cookie; contracts in persist.pxd.

from libc.stdint cimport uint32_t

from fastlb_core.base.hash cimport hash_djb2
from fastlb_core.base.slice cimport same_bytes, slice_t
from fastlb_core.lb.server cimport lb_t, srv_t
from fastlb_core.lb.shared cimport srv_is_reachable


cdef inline uint32_t* slot_of(const persist_t* conf, slice_t value) noexcept nogil:
    return &conf.slots[hash_djb2(value.ptr, value.len) & conf.mask]


cdef void persist_index(persist_t* conf, const lb_t* lb) noexcept nogil:
    cdef uint32_t i = lb.n_servers
    cdef uint32_t* slot
    # From the last one, so that each chain begins with the first.
    while i:
        i -= 1
        if lb.servers[i].cookie.len:
            slot = slot_of(conf, lb.servers[i].cookie)
            conf.next[i] = slot[0]
            slot[0] = i + 1


cdef srv_t* persist_find(
    const persist_t* conf, const lb_t* lb, slice_t value, bint even_down, bint* is_known
) noexcept nogil:
    cdef uint32_t at
    cdef srv_t* srv
    is_known[0] = False
    if value.len == 0:
        return NULL
    at = slot_of(conf, value)[0]
    while at:
        srv = lb.servers[at - 1]
        at = conf.next[at - 1]
        if srv.cookie.len != value.len or not same_bytes(srv.cookie.ptr, value.ptr, value.len):
            continue
        is_known[0] = True
        if even_down or srv_is_reachable(srv.sh):
            return srv
    return NULL
