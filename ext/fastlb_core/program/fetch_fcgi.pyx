# Sample fetches of a backend's FastCGI application. haproxy: not in its manual.

from libc.stdint cimport uint32_t

from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.fcgi_app cimport fcgi_app_t
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_str

cdef fetch_entry_t[2] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_fcgi_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef const fcgi_app_t* app_of(const eval_t* ev) noexcept nogil:
    return <const fcgi_app_t*> ev.be.fcgi_app if ev.be != NULL else NULL


cdef bint fcgi_docroot(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const fcgi_app_t* app = app_of(ev)
    return app != NULL and smp_set_str(smp, app.docroot.ptr, app.docroot.len)


cdef bint fcgi_index(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const fcgi_app_t* app = app_of(ev)
    return app != NULL and app.index_name.len > 0 and smp_set_str(smp, app.index_name.ptr, app.index_name.len)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"fcgi.docroot", fcgi_docroot)
add(b"fcgi.index", fcgi_index)
