# Sample fetches of constants, and those that never have a value (manual, section 7.3.2).
#
# Knows arguments and samples. Must not know traffic: what these give is decided by the configuration alone. `no_value` and
# `always_false` also stand for what only another kind of connection has, TLS for instance (config/samples/fetch_tls.py).

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.http.message cimport method_of
from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.sample cimport (
    SMP_T_BIN, SMP_T_IPV4, SMP_T_IPV6, SMP_T_METH, eval_t, sample_t, smp_set_bool, smp_set_int, smp_set_str,
)

cdef fetch_entry_t[16] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_const_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint always_true(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, True)


cdef bint always_false(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, False)


cdef bint str_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_str(smp, args[0].str.ptr, args[0].str.len)


cdef bint int_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, args[0].num)


cdef bint bool_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, args[0].num != 0)


cdef bint bin_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    smp_set_str(smp, args[0].str.ptr, args[0].str.len)
    smp.type = SMP_T_BIN
    return True


cdef bint ipv4_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    memcpy(smp.ip, args[0].ip, 4)
    smp.type = SMP_T_IPV4
    return True


cdef bint ipv6_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    memcpy(smp.ip, args[0].ip, 16)
    smp.type = SMP_T_IPV6
    return True


cdef bint meth_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    smp_set_str(smp, args[0].str.ptr, args[0].str.len)
    smp.type = SMP_T_METH
    smp.num = method_of(args[0].str.ptr, args[0].str.len)
    return True


cdef bint zero(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, 0)


cdef bint one(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, 1)


cdef bint no_value(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return False


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"always_true", always_true)
add(b"always_false", always_false)
add(b"str", str_)
add(b"int", int_)
add(b"bool", bool_)
add(b"bin", bin_)
add(b"ipv4", ipv4_)
add(b"ipv6", ipv6_)
add(b"meth", meth_)
add(b"zero", zero)
add(b"one", one)
add(b"no_value", no_value)
