# Sample fetches of constants (manual, section 7.3.2).

from libc.stdint cimport uint32_t

from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.sample cimport SMP_T_BIN, eval_t, sample_t, smp_set_bool, smp_set_int, smp_set_str

cdef fetch_entry_t[8] entries
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
