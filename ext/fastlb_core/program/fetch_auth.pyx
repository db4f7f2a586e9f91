# Sample fetches of the Authorization header (manual, section 7.3.6). What is decoded stands in the scratch area.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memchr

from fastlb_core.base.slice cimport slice_eq_nocase, slice_of, slice_t
from fastlb_core.http.message cimport http_msg_t, msg_target
from fastlb_core.program.expr cimport ARG_STR, arg_t, fetch_fn
from fastlb_core.program.http_values cimport seen_request, values_find
from fastlb_core.program.program cimport PX_H_PROXY_HEADER
from fastlb_core.program.sample cimport eval_t, sample_t, scratch_take, smp_set_bool, smp_set_str
from fastlb_core.program.userlist cimport user_t, userlist_check, userlist_t

cdef fetch_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_auth_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef struct auth_t:
    bint is_bearer               # else Basic
    slice_t user                 # Basic; borrowed (scratch area)
    slice_t password
    slice_t token                # Bearer; borrowed (message)


# Six bits of a base64 digit, 64 for another byte.
cdef uint32_t six_bits(uint8_t c) noexcept nogil:
    if 65 <= c <= 90:
        return c - 65
    if 97 <= c <= 122:
        return c - 71
    if 48 <= c <= 57:
        return c + 4
    return 62 if c == b'+' else 63 if c == b'/' else 64


# haproxy: padding must be there, and nothing but digits before it.
cdef bint decode64(eval_t* ev, slice_t text, slice_t* decoded) noexcept nogil:
    cdef uint32_t i, n = 0, bits = 0, digit, padding = 0
    cdef char* bytes
    if text.len == 0 or text.len % 4 != 0:
        return False
    while padding < 2 and text.ptr[text.len - 1 - padding] == b'=':
        padding += 1
    bytes = scratch_take(ev, text.len // 4 * 3)
    if bytes == NULL:
        return False
    for i in range(text.len):
        digit = 0 if i >= text.len - padding else six_bits(<uint8_t> text.ptr[i])
        if digit > 63:
            return False
        bits = bits << 6 | digit
        if i % 4 == 3:
            bytes[n] = <char> (bits >> 16 & 255)
            bytes[n + 1] = <char> (bits >> 8 & 255)
            bytes[n + 2] = <char> (bits & 255)
            n += 3
    decoded[0] = slice_of(bytes, n - padding)
    return True


# Splits `scheme rest`; False without a space.
cdef bint split_scheme(slice_t value, slice_t* scheme, slice_t* rest) noexcept nogil:
    cdef uint32_t i = 0
    while i < value.len and value.ptr[i] != b' ':
        i += 1
    if i == 0 or i == value.len:
        return False
    scheme[0] = slice_of(value.ptr, i)
    while i < value.len and value.ptr[i] == b' ':
        i += 1
    rest[0] = slice_of(value.ptr + i, value.len - i)
    return True


cdef bint read_basic(eval_t* ev, slice_t text, auth_t* auth) noexcept nogil:
    cdef slice_t pair
    cdef const char* colon
    if not decode64(ev, text, &pair) or pair.len == 0:
        return False
    colon = <const char*> memchr(pair.ptr, b':', pair.len)
    if colon == NULL:
        return False
    auth.user = slice_of(pair.ptr, <uint32_t> (colon - pair.ptr))
    auth.password = slice_of(colon + 1, pair.len - auth.user.len - 1)
    return True


# haproxy: with `option http-use-proxy-header` a target that is no path asks for a proxy's login; Authorization is the rule.
cdef bint is_proxied(const px_t* fe, const http_msg_t* msg) noexcept nogil:
    cdef slice_t target = msg_target(msg)
    return fe.http_options & PX_H_PROXY_HEADER and target.len and target.ptr[0] != b'/' and target.ptr[0] != b'*'


cdef bint read_auth(eval_t* ev, sample_t* smp, auth_t* auth) noexcept nogil:
    cdef http_msg_t* msg = seen_request(ev, smp)
    cdef slice_t value, scheme, rest
    cdef slice_t name = slice_of(b"authorization", 13)
    if msg == NULL:
        return False
    if ev.fe != NULL and is_proxied(ev.fe, msg):
        name = slice_of(b"proxy-authorization", 19)
    if not values_find(msg, name, False, 1, &value):
        return False
    if not split_scheme(value, &scheme, &rest):
        return False
    auth.is_bearer = slice_eq_nocase(scheme, b"bearer", 6)
    if auth.is_bearer:
        auth.token = rest
        return True
    return slice_eq_nocase(scheme, b"basic", 5) and read_basic(ev, rest, auth)


cdef const user_t* authenticated(const auth_t* auth, const arg_t* args) noexcept nogil:
    if args[0].ptr == NULL or auth.is_bearer:
        return NULL
    return userlist_check(<const userlist_t*> args[0].ptr, auth.user, auth.password)


cdef bint http_auth(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef auth_t auth
    return read_auth(ev, smp, &auth) and not auth.is_bearer and smp_set_bool(smp, authenticated(&auth, args) != NULL)


# The user's name; ctx[0] is the user_t for an ACL that asks for groups.
cdef bint http_auth_group(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef auth_t auth
    cdef const user_t* user
    if not read_auth(ev, smp, &auth):
        return False
    user = authenticated(&auth, args)
    if user == NULL:
        return False
    smp.ctx[0] = <uint64_t> user
    return smp_set_str(smp, user.name.ptr, user.name.len)


cdef bint http_auth_type(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef auth_t auth
    if not read_auth(ev, smp, &auth):
        return False
    return smp_set_str(smp, b"Bearer" if auth.is_bearer else b"Basic", 6 if auth.is_bearer else 5)


cdef bint http_auth_user(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef auth_t auth
    return read_auth(ev, smp, &auth) and not auth.is_bearer and smp_set_str(smp, auth.user.ptr, auth.user.len)


cdef bint http_auth_pass(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef auth_t auth
    return read_auth(ev, smp, &auth) and not auth.is_bearer and smp_set_str(smp, auth.password.ptr, auth.password.len)


# haproxy: with a header's name there is always a value, empty where the header or the scheme is not there.
cdef bint http_auth_bearer(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef http_msg_t* msg
    cdef auth_t auth
    cdef slice_t value, scheme, rest
    if args[0].type != ARG_STR:
        return read_auth(ev, smp, &auth) and auth.is_bearer and smp_set_str(smp, auth.token.ptr, auth.token.len)
    msg = seen_request(ev, smp)
    if msg == NULL:
        return False
    if (
        values_find(msg, args[0].str, False, 1, &value) and split_scheme(value, &scheme, &rest)
        and slice_eq_nocase(scheme, b"bearer", 6)
    ):
        return smp_set_str(smp, rest.ptr, rest.len)
    return smp_set_str(smp, b"", 0)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"http_auth", http_auth)
add(b"http_auth_group", http_auth_group)
add(b"http_auth_type", http_auth_type)
add(b"http_auth_user", http_auth_user)
add(b"http_auth_pass", http_auth_pass)
add(b"http_auth_bearer", http_auth_bearer)
