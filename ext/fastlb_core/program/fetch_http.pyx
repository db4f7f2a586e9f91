# Sample fetches of start lines and of what a stream remembers of its messages (manual, section 7.3.6).

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t, method_of, msg_slice
from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.http_values cimport seen_request, seen_response, target_pathq
from fastlb_core.program.sample cimport (
    SMP_F_MAY_CHANGE, SMP_T_METH, eval_t, sample_t, smp_set_bool, smp_set_int, smp_set_str,
)

cdef fetch_entry_t[32] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_http_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint method(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef http_msg_t* msg = ev.req
    cdef slice_t name
    if msg != NULL:
        name = msg_slice(msg, msg.method_off, msg.method_len)
    else:                        # the answer's turn, or the log's: what is remembered
        name = ev.log_method
    if name.ptr == NULL:
        seen_request(ev, smp)
        return False
    smp_set_str(smp, name.ptr, name.len)
    smp.type = SMP_T_METH
    smp.num = method_of(name.ptr, name.len)
    return True


# What stands behind the slash of `HTTP/1.1`.
cdef bint version(const http_msg_t* msg, sample_t* smp) noexcept nogil:
    cdef slice_t text
    cdef uint32_t i = 0
    if msg == NULL:
        return False
    text = msg_slice(msg, msg.version_off, msg.version_len)
    while i < text.len and text.ptr[i] != b'/':
        i += 1
    return i < text.len and smp_set_str(smp, text.ptr + i + 1, text.len - i - 1)


cdef bint req_ver(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return version(seen_request(ev, smp), smp)


cdef bint res_ver(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return version(seen_response(ev, smp), smp)


cdef bint status(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    if ev.res != NULL:
        return smp_set_int(smp, ev.res.status)
    if ev.txn_status:            # log lines: the answer has gone
        return smp_set_int(smp, ev.txn_status)
    smp.flags |= SMP_F_MAY_CHANGE
    return False


cdef bint server_status(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.server_status and smp_set_int(smp, ev.server_status)


cdef bint txn_status(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.txn_status and smp_set_int(smp, ev.txn_status)


cdef bint http_first_req(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, ev.front == NULL or ev.front.n_requests <= 1)


# ---- what the stream remembers

cdef bint remembered(slice_t text, sample_t* smp) noexcept nogil:
    return text.ptr != NULL and smp_set_str(smp, text.ptr, text.len)


cdef bint capture_req_hdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    if ev.captures_req == NULL or args[0].num < 0 or args[0].num >= ev.n_captures_req:
        return False
    return remembered(ev.captures_req[args[0].num], smp)


cdef bint capture_res_hdr(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    if ev.captures_res == NULL or args[0].num < 0 or args[0].num >= ev.n_captures_res:
        return False
    return remembered(ev.captures_res[args[0].num], smp)


cdef bint capture_req_method(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return remembered(ev.log_method, smp)


cdef bint capture_req_uri(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t part = target_pathq(ev.log_uri)
    return part.len and smp_set_str(smp, part.ptr, part.len)


cdef bint capture_req_ver(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return remembered(ev.log_ver, smp)


cdef bint capture_res_ver(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return remembered(ev.log_res_ver, smp)


cdef bint cache_hit(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, ev.res_cache.ptr != NULL)


# haproxy: nothing where the answer came from no cache; the manual says an empty string.
cdef bint cache_name(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.res_cache.ptr != NULL and smp_set_str(smp, ev.res_cache.ptr, ev.res_cache.len)


cdef bint comp(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, ev.res_comp.ptr != NULL)


cdef bint comp_algo(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return remembered(ev.res_comp, smp)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"method", method)
add(b"req.ver", req_ver)
add(b"res.ver", res_ver)
add(b"status", status)
add(b"server_status", server_status)
add(b"txn.status", txn_status)
add(b"http_first_req", http_first_req)
add(b"capture.req.hdr", capture_req_hdr)
add(b"capture.res.hdr", capture_res_hdr)
add(b"capture.req.method", capture_req_method)
add(b"capture.req.uri", capture_req_uri)
add(b"capture.req.ver", capture_req_ver)
add(b"capture.res.ver", capture_res_ver)
add(b"res.cache_hit", cache_hit)
add(b"res.cache_name", cache_name)
add(b"res.comp", comp)
add(b"res.comp_algo", comp_algo)
