# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# `json_query(path[,int])` (manual, section 7.3.1): what a value that json_path found becomes.
#
#   string   STR, unescaped       number   STR, six significant digits as printf's %g; with "int" SINT
#   boolean  BOOL                 array    STR, as written (haproxy: from 2.7 on, 2.6 has no value)
#   null, object                  no value

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdio cimport snprintf
from libc.stdlib cimport strtod
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport ARG_STR, arg_t, conv_fn
from fastlb_core.program.json_path cimport (
    JSON_ARRAY, JSON_FALSE, JSON_NUMBER, JSON_STRING, JSON_TRUE, json_find, json_kind_t,
)
from fastlb_core.program.sample cimport (
    SMP_T_STR, eval_t, sample_t, scratch_take, smp_set_bool, smp_set_int, smp_set_own, smp_set_str,
)

cdef enum:
    NUMBER_MAX = 512             # characters; a double has not as many digits before its point
    PRINTED_MAX = 32
    SAFE_BITS = 53               # haproxy: no integer that a double could not hold (RFC 8259, section 6)

cdef conv_entry_t[1] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_json_query_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline int hex_digit(char c) noexcept nogil:
    if 48 <= c <= 57:
        return c - 48
    c |= 0x20
    return c - 87 if 97 <= c <= 102 else -1


# The byte that the escape at text[1] stands for, or -1. haproxy: \u0000 to \u00ff only, as one byte.
cdef int escaped(const char* text, uint32_t left, uint32_t* used) noexcept nogil:
    cdef char c
    cdef int high, low
    used[0] = 2
    if left < 2:
        return -1
    c = text[1]
    if c == 34 or c == 92:
        return c
    if c == 98:
        return 8
    if c == 102:
        return 12
    if c == 110:
        return 10
    if c == 114:
        return 13
    if c == 116:
        return 9
    if c != 117 or left < 6 or text[2] != 48 or text[3] != 48:
        return -1
    used[0] = 6
    high, low = hex_digit(text[4]), hex_digit(text[5])
    return high << 4 | low if high >= 0 and low >= 0 else -1


cdef bint put_string(eval_t* ev, slice_t token, sample_t* smp) noexcept nogil:
    cdef char* out = scratch_take(ev, token.len)
    cdef uint32_t i = 0, n = 0, used = 0
    cdef int c
    if out == NULL:
        return False
    while i < token.len:
        if token.ptr[i] == 92:
            c = escaped(token.ptr + i, token.len - i, &used)
            if c < 0:
                return False
            out[n] = <char> c
            i += used
        else:
            out[n] = token.ptr[i]
            i += 1
        n += 1
    return smp_set_own(smp, SMP_T_STR, out, n, token.len)


# haproxy: the integer that the number begins with, octal when it begins with 0.
cdef bint put_int(slice_t token, sample_t* smp) noexcept nogil:
    cdef bint is_negative = token.len > 0 and token.ptr[0] == 45
    cdef uint32_t i = 1 if is_negative else 0
    cdef int64_t number = 0
    cdef uint8_t base = 8 if i < token.len and token.ptr[i] == 48 else 10
    while i < token.len and 48 <= token.ptr[i] < 48 + base:
        number = number * base + (token.ptr[i] - 48)
        if number >> SAFE_BITS:
            return False
        i += 1
    return smp_set_int(smp, -number if is_negative else number)


cdef bint put_number(eval_t* ev, slice_t token, sample_t* smp) noexcept nogil:
    cdef char[NUMBER_MAX] text
    cdef char* out = scratch_take(ev, PRINTED_MAX)
    cdef int n
    if out == NULL or token.len >= NUMBER_MAX:
        return False
    memcpy(text, token.ptr, token.len)
    text[token.len] = 0
    n = snprintf(out, PRINTED_MAX, "%g", strtod(text, NULL))
    return 0 < n < PRINTED_MAX and smp_set_own(smp, SMP_T_STR, out, <uint32_t> n, PRINTED_MAX)


cdef bint json_answer(eval_t* ev, slice_t text, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t token
    cdef json_kind_t kind = json_find(text, args[0].str, &token)
    if kind == JSON_STRING:
        return put_string(ev, token, smp)
    if kind == JSON_NUMBER:
        return put_int(token, smp) if args[1].type == ARG_STR else put_number(ev, token, smp)
    if kind == JSON_TRUE or kind == JSON_FALSE:
        return smp_set_bool(smp, kind == JSON_TRUE)
    if kind == JSON_ARRAY:
        return smp_set_str(smp, token.ptr, token.len)
    return False


cdef bint json_query(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return json_answer(ev, smp.str, args, smp)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"json_query", json_query)
