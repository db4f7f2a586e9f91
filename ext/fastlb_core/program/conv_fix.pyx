# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Financial Information eXchange (manual, section 7.3.1 "fix_is_valid", "fix_tag_value"): a message is a row of `tag=value`,
# each ended by a byte 1.
#
#     8=FIX.4.4 | 9=<length of the body> | 35=<type> | ... | 10=<sum of all bytes before, modulo 256, three digits> |
#                                          \__ body ___/
#
# Knows the first message of a payload only. haproxy: the same; an empty value is accepted, whatever the manual says.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t
from fastlb_core.program.expr cimport arg_t, conv_fn
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, SMP_F_MAY_CHANGE, SMP_T_BIN, eval_t, sample_t, smp_set_bool, smp_set_str,
)

cdef enum:
    SOH = 1                      # ends a field
    TAG_BEGIN_STRING = 8
    TAG_BODY_LENGTH = 9
    TAG_CHECK_SUM = 10
    TAG_MSG_TYPE = 35
    TAG_MAX = 0x0FFFFFFF         # before the next digit
    MESSAGE_MIN = 26             # bytes of the shortest one that is complete

cdef enum found_t:
    FIELD_BROKEN = 0
    FIELD_CUT = 1                # the bytes end within it
    FIELD_READ = 2

cdef conv_entry_t[2] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_fix_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# The field at text[*at]; *at is moved behind it.
cdef found_t next_field(slice_t text, uint32_t* at, uint32_t* tag, slice_t* value) noexcept nogil:
    cdef uint32_t i = at[0], number = 0
    cdef uint8_t digit
    cdef const char* end
    while i < text.len and text.ptr[i] != 61:
        digit = <uint8_t> text.ptr[i] - 48
        if digit > 9 or number > TAG_MAX:
            return FIELD_BROKEN
        number = number * 10 + digit
        i += 1
    if i >= text.len:
        return FIELD_CUT
    if number == 0:
        return FIELD_BROKEN
    i += 1
    end = <const char*> memchr(text.ptr + i, SOH, text.len - i)
    if end == NULL:
        return FIELD_CUT
    tag[0] = number
    value[0] = slice_of(text.ptr + i, <uint32_t> (end - text.ptr) - i)
    at[0] = i + value.len + 1
    return FIELD_READ


cdef bint is_version(slice_t value) noexcept nogil:
    if value.len == 7 and slice_eq(slice_of(value.ptr, 6), "FIX.4.", 6):
        return 48 <= value.ptr[6] <= 52
    return slice_eq(value, "FIXT.1.1", 8)


# A decimal number, or 2^32 - 1 for what is none or larger.
cdef uint32_t decimal(slice_t value) noexcept nogil:
    cdef uint32_t number = 0, i
    cdef uint8_t digit
    for i in range(value.len):
        digit = <uint8_t> value.ptr[i] - 48
        if digit > 9 or number > TAG_MAX:
            return 0xFFFFFFFFU
        number = number * 10 + digit
    return number if value.len else 0xFFFFFFFFU


cdef bint is_sum(slice_t before, slice_t value) noexcept nogil:
    cdef uint8_t total = 0
    cdef uint32_t i
    for i in range(before.len):
        total += <uint8_t> before.ptr[i]
    return value.len == 3 and decimal(value) == total


# FIELD_READ: a valid message. FIELD_CUT: it may become one.
cdef found_t check_message(slice_t text) noexcept nogil:
    cdef uint32_t at = 0, tag = 0, body_length = 0, body = 0, start, position = 0
    cdef slice_t value
    cdef found_t found
    if text.len < MESSAGE_MIN:
        return FIELD_CUT
    while True:
        start = at
        found = next_field(text, &at, &tag, &value)
        if found != FIELD_READ:
            return found
        if position == 0:
            if tag != TAG_BEGIN_STRING or not is_version(value):
                return FIELD_BROKEN
        elif position == 1:
            if tag != TAG_BODY_LENGTH:
                return FIELD_BROKEN
            body_length, body = decimal(value), at
        elif position == 2:
            if tag != TAG_MSG_TYPE:
                return FIELD_BROKEN
        elif tag == TAG_CHECK_SUM:
            if start - body != body_length or not is_sum(slice_of(text.ptr, start), value):
                return FIELD_BROKEN
            return FIELD_READ
        position += 1


cdef bint fix_is_valid(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef found_t found = check_message(smp.str)
    if found == FIELD_CUT:
        if not ev.options & EVAL_O_FINAL:
            smp.flags |= SMP_F_MAY_CHANGE
        return False
    return smp_set_bool(smp, found == FIELD_READ)


# args[0]: the tag's number.
cdef bint fix_tag_value(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t at = 0, tag = 0
    cdef slice_t value
    cdef found_t found
    while True:
        found = next_field(smp.str, &at, &tag, &value)
        if found == FIELD_CUT and not ev.options & EVAL_O_FINAL:
            smp.flags |= SMP_F_MAY_CHANGE
        if found != FIELD_READ:
            return False
        if tag == args[0].num:
            smp_set_str(smp, value.ptr, value.len)
            smp.type = SMP_T_BIN
            return value.len > 0
        if tag == TAG_CHECK_SUM:
            return False


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"fix_is_valid", fix_is_valid)
add(b"fix_tag_value", fix_tag_value)
