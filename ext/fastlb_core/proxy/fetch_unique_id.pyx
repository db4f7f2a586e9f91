# The sample fetch `unique-id` (manual, section 7.3.6): the first one that asks has the id made. Must not know formats.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_str
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.unique_id cimport unique_id_of

cdef fetch_entry_t[1] entries


cdef const fetch_entry_t* fetch_unique_id_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef bint unique_id(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t id
    if ev.strm == NULL:
        return False
    id = unique_id_of(<stream_t*> ev.strm)
    if id.ptr == NULL:
        return False
    # Making it may have gathered facts for its own format.
    ev.facts = NULL
    ev.unique_id = id
    return smp_set_str(smp, id.ptr, id.len)


entries[0].name = b"unique-id"
entries[0].fn = unique_id
