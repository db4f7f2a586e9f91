# Converters of names (manual, section 7.3.1): `nbsrv`, `srv_queue`, `srv_is_up`, `fe_exists`, `capture-req`, `capture-res`.

from libc.string cimport memset

from fastlb_core.base.slice cimport same_bytes, slice_of
from fastlb_core.lb.server cimport SRV_F_INTERNAL, srv_t
from fastlb_core.program.expr cimport ARG_PROXY, ARG_SERVER, arg_t, conv_fn, fetch_fn
from fastlb_core.program.program cimport PX_CAP_BE, PX_CAP_FE
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_bool
from fastlb_core.proxy.capture cimport capture_keep, capture_open
from fastlb_core.proxy.fetch_proxy cimport nbsrv, srv_is_up, srv_queue
from fastlb_core.proxy.stream cimport stream_t

cdef conv_entry_t[6] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_names_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline bint _is(slice_t name, slice_t wanted) noexcept nogil:
    return name.len == wanted.len and same_bytes(name.ptr, wanted.ptr, name.len)


cdef px_t* proxy_named(const program_t* program, slice_t name, uint8_t caps) noexcept nogil:
    cdef uint32_t i
    cdef px_t* px
    for i in range(program.n_proxies):
        px = program.proxies[i]
        if px.caps & caps and _is(px.name, name):
            return px
    return NULL


cdef const srv_t* _server_named(eval_t* ev, slice_t name) noexcept nogil:
    """`[backend/]server`; without a backend that of the stream, if there is one."""
    cdef const px_t* px = ev.be if ev.be != NULL else ev.fe
    cdef const srv_t* srv
    cdef uint32_t i
    for i in range(name.len):
        if name.ptr[i] == b'/':
            px = proxy_named(ev.program, slice_of(name.ptr, i), PX_CAP_BE)
            name = slice_of(name.ptr + i + 1, name.len - i - 1)
            break
    if px == NULL:
        return NULL
    for i in range(px.lb.n_servers):
        srv = px.lb.servers[i]
        if not srv.flags & SRV_F_INTERNAL and _is(srv.name, name):
            return srv
    return NULL


# What the fetch of that name says of the thing.
cdef bint _fetched(eval_t* ev, fetch_fn fetch, uint8_t kind, const void* thing, sample_t* smp) noexcept nogil:
    cdef arg_t arg
    if thing == NULL:
        return False
    memset(&arg, 0, sizeof(arg))
    arg.type = kind
    arg.ptr = <void*> thing
    return fetch(ev, &arg, smp)


cdef bint conv_nbsrv(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _fetched(ev, nbsrv, ARG_PROXY, proxy_named(ev.program, smp.str, PX_CAP_BE), smp)


cdef bint conv_srv_queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _fetched(ev, srv_queue, ARG_SERVER, _server_named(ev, smp.str), smp)


cdef bint conv_srv_is_up(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _fetched(ev, srv_is_up, ARG_SERVER, _server_named(ev, smp.str), smp)


cdef bint fe_exists(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, proxy_named(ev.program, smp.str, PX_CAP_FE) != NULL)


# ---- captures: the sample goes on as it is. haproxy: not where the frontend has no such slot.

cdef bint capture_of_request(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef uint32_t slot = <uint32_t> args[0].num
    if strm == NULL or slot >= strm.fe.n_captures_req or not capture_open(strm):
        return False
    capture_keep(strm, &strm.fe.captures_req[slot], &strm.captures_req[slot], smp.str)
    ev.captures_req = strm.captures_req
    ev.n_captures_req = strm.fe.n_captures_req
    return True


cdef bint capture_of_answer(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef uint32_t slot = <uint32_t> args[0].num
    if strm == NULL or slot >= strm.fe.n_captures_res or not capture_open(strm):
        return False
    capture_keep(strm, &strm.fe.captures_res[slot], &strm.captures_res[slot], smp.str)
    ev.captures_res = strm.captures_res
    ev.n_captures_res = strm.fe.n_captures_res
    return True


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"nbsrv", conv_nbsrv)
add(b"srv_queue", conv_srv_queue)
add(b"srv_is_up", conv_srv_is_up)
add(b"fe_exists", fe_exists)
add(b"capture-req", capture_of_request)
add(b"capture-res", capture_of_answer)
