# Converters of numbers (manual, section 7.3.1). Arguments are constants or variables; results saturate where HAProxy's do.

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint32_t

from fastlb_core.program.expr cimport arg_t, conv_fn
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_bool, smp_set_int
from fastlb_core.program.vars cimport arg_int

cdef conv_entry_t[20] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_number_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef extern from *:
    bint add_overflows "__builtin_add_overflow"(int64_t a, int64_t b, int64_t* sum) noexcept nogil
    bint mul_overflows "__builtin_mul_overflow"(int64_t a, int64_t b, int64_t* product) noexcept nogil


# ---- arithmetic

cdef int64_t sum_of(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t result = 0
    if add_overflows(a, b, &result):
        return INT64_MAX if b > 0 else INT64_MIN
    return result


cdef bint plus(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value
    return arg_int(ev, args, &value) and smp_set_int(smp, sum_of(smp.num, value))


cdef bint minus(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value
    if not arg_int(ev, args, &value):
        return False
    if value != INT64_MIN:
        return smp_set_int(smp, sum_of(smp.num, -value))
    # haproxy: its opposite does not exist; INT64_MAX is added instead, and one more below zero.
    return smp_set_int(smp, INT64_MAX if smp.num >= 0 else sum_of(sum_of(smp.num, INT64_MAX), 1))


cdef bint times(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value, result = 0
    if not arg_int(ev, args, &value):
        return False
    if mul_overflows(smp.num, value, &result):
        result = INT64_MAX if (smp.num < 0) == (value < 0) else INT64_MIN
    return smp_set_int(smp, result)


cdef bint divided(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value
    if not arg_int(ev, args, &value):
        return False
    if value == 0 or (value == -1 and smp.num == INT64_MIN):
        return smp_set_int(smp, INT64_MAX)
    return smp_set_int(smp, smp.num // value)


cdef bint modulo(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value
    if not arg_int(ev, args, &value):
        return False
    # C has no result for INT64_MIN % -1.
    if value == 0 or value == -1:
        return smp_set_int(smp, 0)
    return smp_set_int(smp, smp.num % value)


cdef bint negated(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, INT64_MAX if smp.num == INT64_MIN else -smp.num)


# ---- bits

cdef bint and_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value
    return arg_int(ev, args, &value) and smp_set_int(smp, smp.num & value)


cdef bint or_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value
    return arg_int(ev, args, &value) and smp_set_int(smp, smp.num | value)


cdef bint xor(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t value
    return arg_int(ev, args, &value) and smp_set_int(smp, smp.num ^ value)


cdef bint complement(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, ~smp.num)


# ---- tests

cdef bint is_not_zero(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, smp.num != 0)


cdef bint is_zero(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, smp.num == 0)


cdef bint is_odd(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, smp.num & 1 == 1)


cdef bint is_even(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, smp.num & 1 == 0)


cdef void enter(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


enter(b"add", plus)
enter(b"sub", minus)
enter(b"mul", times)
enter(b"div", divided)
enter(b"mod", modulo)
enter(b"neg", negated)
enter(b"and", and_)
enter(b"or", or_)
enter(b"xor", xor)
enter(b"cpl", complement)
enter(b"bool", is_not_zero)
enter(b"not", is_zero)
enter(b"odd", is_odd)
enter(b"even", is_even)
