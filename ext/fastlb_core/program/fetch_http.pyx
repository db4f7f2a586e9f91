# Sample fetches of HTTP messages (manual, section 7.3.6). They see the message as the rules before have left it.

from libc.stdint cimport uint32_t

from fastlb_core.http.message cimport msg_target
from fastlb_core.http.uri cimport uri_split, uri_t
from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_int, smp_set_str

cdef fetch_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_http_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint path(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uri_t uri
    if ev.req == NULL:
        return False
    uri = uri_split(msg_target(ev.req))
    if uri.path.len == 0:
        return False
    return smp_set_str(smp, uri.path.ptr, uri.path.len)


cdef bint status(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.res != NULL and smp_set_int(smp, ev.res.status)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"path", path)
add(b"status", status)
