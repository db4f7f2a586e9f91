# Fills persist_t (program/persist.pxd) from plain values. Knows the struct; must not know keywords.

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.layout_expr cimport keep, take
from fastlb_core.lb.server cimport srv_t
from fastlb_core.program.persist cimport (
    PERSIST_INDIRECT, PERSIST_INSERT, PERSIST_NOCACHE, PERSIST_POSTONLY, PERSIST_PREFIX, PERSIST_PRESERVE, PERSIST_REWRITE,
    persist_hash, persist_index, persist_t,
)
from fastlb_core.program.program cimport program_t, px_t
from fastlb_core.proxy.stream cimport PRST_F_FORCE, PRST_F_IGNORE

# Words of `cookie`, and what the two kinds of rules set on a stream.
PERSIST_FLAGS = {
    "rewrite": <int> PERSIST_REWRITE, "insert": <int> PERSIST_INSERT, "prefix": <int> PERSIST_PREFIX,
    "indirect": <int> PERSIST_INDIRECT, "nocache": <int> PERSIST_NOCACHE, "postonly": <int> PERSIST_POSTONLY,
    "preserve": <int> PERSIST_PRESERVE,
}
PERSIST_RULES = {"force-persist": <int> PRST_F_FORCE, "ignore-persist": <int> PRST_F_IGNORE}


cdef int lay_out_persist(program_t* program, px_t* px, dict values) except -1:
    cdef persist_t* conf
    if values is None:
        return 0
    conf = <persist_t*> take(program, sizeof(persist_t))
    keep(program, &conf.name, values["name"])
    keep(program, &conf.attributes, values["attributes"])
    conf.flags = values["flags"]
    conf.max_idle_s = values["max_idle_s"]
    conf.max_life_s = values["max_life_s"]
    px.persist = conf
    index_cookies(program, px)
    if values["dynamic_key"]:
        lay_out_dynamic(px, values["dynamic_key"])
    return 0


cdef int index_cookies(program_t* program, px_t* px) except -1:
    cdef persist_t* conf = <persist_t*> px.persist
    cdef uint32_t slots = 2
    cdef uint32_t* next
    while slots < 2 * px.lb.n_servers:
        slots *= 2
    if conf.slots == NULL or slots > conf.mask + 1:
        # As many servers as the slots are enough for, so that the memory is taken a few times only.
        next = <uint32_t*> take(program, sizeof(uint32_t) * (slots // 2))
        conf.slots = <uint32_t*> take(program, sizeof(uint32_t) * slots)
        conf.next = next
        conf.mask = slots - 1
    memset(conf.slots, 0, sizeof(uint32_t) * (conf.mask + 1))
    persist_index(conf, &px.lb)
    return 0


cdef int lay_out_dynamic(px_t* px, bytes key) except -1:
    cdef srv_t* srv
    cdef uint32_t i
    for i in range(px.lb.n_servers):
        srv = px.lb.servers[i]
        if srv.cookie.len == 0:
            srv.sh.cookie = persist_hash(slice_of(<const char*> key, len(key)), srv)
    return 0
