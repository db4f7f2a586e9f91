# Sample fetches of cookies (manual, section 7.3.6): what HAProxy reads in Cookie and Set-Cookie.

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t, slice_trim
from fastlb_core.http.cookie cimport cookie_end
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.program.expr cimport ARG_STOP, ARG_STR, arg_t, fetch_fn
from fastlb_core.program.http_values cimport (
    seen_request, seen_response, short_number, value_walk_t, values_keep, values_next, values_resume, values_start,
)
from fastlb_core.program.sample cimport (
    EVAL_O_ITERATE, EVAL_O_RESPONSE, SMP_F_MORE, SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_set_int,
    smp_set_own, smp_set_str,
)

cdef fetch_entry_t[16] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_cookie_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# A walk over the cookies of a message: over headers' values, and over the pairs in each.
cdef struct cookie_walk_t:
    value_walk_t values
    slice_t text                 # the value that is looked at
    uint32_t at                  # where its next pair begins; text.len: at its end
    slice_t name                 # ptr NULL: any
    slice_t found                # the last pair's name
    bint is_set_cookie           # attributes stand behind the cookie


cdef void cookies_start(cookie_walk_t* walk, const arg_t* args, bint is_set_cookie) noexcept nogil:
    walk.is_set_cookie = is_set_cookie
    walk.name = args[0].str if args[0].type == ARG_STR and args[0].str.len else slice_of(NULL, 0)
    walk.text = slice_of(NULL, 0)
    walk.at = 0
    values_start(&walk.values, slice_of(b"set-cookie", 10) if is_set_cookie else slice_of(b"cookie", 6), False)


# The next pair of the current value that is a cookie: has a `=` and does not begin with `$`.
cdef bint next_pair(cookie_walk_t* walk, slice_t* value) noexcept nogil:
    cdef uint32_t end, equals
    cdef slice_t pair, name
    # haproxy: a rest that is too short for the name, `=` and one byte more is not looked at, so that `a=` alone is no `a`.
    while walk.at + walk.name.len + 1 < walk.text.len:
        end = cookie_end(walk.text, walk.at)
        pair = slice_trim(slice_of(walk.text.ptr + walk.at, end - walk.at))
        walk.at = walk.text.len if end == walk.text.len else end + 1
        equals = 0
        while equals < pair.len and pair.ptr[equals] != b'=':
            equals += 1
        if equals == pair.len or pair.ptr[0] == b'$':
            continue
        name = slice_trim(slice_of(pair.ptr, equals))
        walk.found = name
        if walk.name.ptr == NULL or slice_eq(name, walk.name.ptr, walk.name.len):
            value[0] = slice_trim(slice_of(pair.ptr + equals + 1, pair.len - equals - 1))
            return True
        # haproxy: behind another name only attributes follow; without a name they are all counted.
        if walk.is_set_cookie:
            walk.at = walk.text.len
    return False


cdef bint cookies_next(const http_msg_t* msg, cookie_walk_t* walk, slice_t* value) noexcept nogil:
    while not next_pair(walk, value):
        if not values_next(msg, &walk.values, &walk.text):
            return False
        walk.at = 0
    return True


# ctx: the header walk, then the rest of its current value.
cdef void cookies_keep(const cookie_walk_t* walk, sample_t* smp) noexcept nogil:
    values_keep(&walk.values, smp)
    smp.ctx[2] = <uint64_t> walk.text.ptr
    smp.ctx[3] = (<uint64_t> walk.text.len << 32) | walk.at


cdef void cookies_resume(cookie_walk_t* walk, const sample_t* smp) noexcept nogil:
    values_resume(&walk.values, smp)
    walk.text = slice_of(<const char*> smp.ctx[2], <uint32_t> (smp.ctx[3] >> 32))
    walk.at = <uint32_t> smp.ctx[3]


# haproxy: with a name the last one, without one the first.
cdef bint pick(eval_t* ev, const http_msg_t* msg, const arg_t* args, bint is_set, sample_t* smp, slice_t* value) noexcept nogil:
    cdef uint16_t has_begun = smp.flags & SMP_F_MORE
    cdef cookie_walk_t walk
    cdef slice_t later
    if msg == NULL:
        return False
    smp.flags = 0
    cookies_start(&walk, args, is_set)
    if has_begun and ev.options & EVAL_O_ITERATE:
        cookies_resume(&walk, smp)
    if not cookies_next(msg, &walk, value):
        return False
    if ev.options & EVAL_O_ITERATE:
        cookies_keep(&walk, smp)
        smp.flags |= SMP_F_MORE
        return True
    while walk.name.ptr != NULL and cookies_next(msg, &walk, &later):
        value[0] = later
    return True


cdef bint cookie_text(eval_t* ev, const http_msg_t* msg, const arg_t* args, bint is_set, sample_t* smp) noexcept nogil:
    cdef slice_t value
    return pick(ev, msg, args, is_set, smp, &value) and smp_set_str(smp, value.ptr, value.len)


cdef bint cookie_number(eval_t* ev, const http_msg_t* msg, const arg_t* args, bint is_set, sample_t* smp) noexcept nogil:
    cdef slice_t value
    return pick(ev, msg, args, is_set, smp, &value) and smp_set_int(smp, short_number(value))


cdef bint cookie_count(const http_msg_t* msg, const arg_t* args, bint is_set, sample_t* smp) noexcept nogil:
    cdef cookie_walk_t walk
    cdef slice_t value
    cdef uint32_t n = 0
    if msg == NULL:
        return False
    cookies_start(&walk, args, is_set)
    while cookies_next(msg, &walk, &value):
        n += 1
    return smp_set_int(smp, n)


# The names of all cookies, joined by a comma or the argument's first byte.
cdef bint cookie_names(eval_t* ev, const http_msg_t* msg, const arg_t* args, bint is_set, sample_t* smp) noexcept nogil:
    cdef uint32_t room = 0, used = 0
    cdef char* text = scratch_rest(ev, &room)
    cdef char delimiter = args[0].str.ptr[0] if args[0].type == ARG_STR and args[0].str.len else b','
    cdef cookie_walk_t walk
    cdef slice_t name, value
    cdef arg_t any_name
    if msg == NULL:
        return False
    any_name.type = ARG_STOP
    cookies_start(&walk, &any_name, is_set)
    while cookies_next(msg, &walk, &value):
        name = walk.found
        if room - used < name.len + 1:
            return False
        if used:
            text[used] = delimiter
            used += 1
        if name.len:
            memcpy(text + used, name.ptr, name.len)
        used += name.len
    scratch_take(ev, used)
    return smp_set_own(smp, SMP_T_STR, text, used, used)


# ---- one function per name and direction

cdef bint req_cook(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_text(ev, seen_request(ev, smp), args, False, smp)


cdef bint res_cook(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_text(ev, seen_response(ev, smp), args, True, smp)


cdef bint cookie(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    if ev.options & EVAL_O_RESPONSE:
        return res_cook(ev, args, smp)
    return req_cook(ev, args, smp)


cdef bint req_cook_val(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_number(ev, seen_request(ev, smp), args, False, smp)


cdef bint res_cook_val(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_number(ev, seen_response(ev, smp), args, True, smp)


cdef bint req_cook_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_count(seen_request(ev, smp), args, False, smp)


cdef bint res_cook_cnt(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_count(seen_response(ev, smp), args, True, smp)


cdef bint req_cook_names(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_names(ev, seen_request(ev, smp), args, False, smp)


cdef bint res_cook_names(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return cookie_names(ev, seen_response(ev, smp), args, True, smp)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"req.cook", req_cook)
add(b"req.cook_val", req_cook_val)
add(b"req.cook_cnt", req_cook_cnt)
add(b"req.cook_names", req_cook_names)
add(b"res.cook", res_cook)
add(b"res.cook_val", res_cook_val)
add(b"res.cook_cnt", res_cook_cnt)
add(b"res.cook_names", res_cook_names)
add(b"cookie", cookie)
