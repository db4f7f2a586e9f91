# The converter `json`: text as the inside of a JSON string, in ASCII (manual, section 7.3.1).
#
# Knows UTF-8 and what HAProxy finds wrong with it. Must not know JSON documents.

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport ARG_SINT, arg_t
from fastlb_core.program.sample cimport SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_set_own

cdef enum:                       # the argument, made by the row's check
    JSON_UTF8 = 1                # decode, else each byte is a character
    JSON_SILENT = 2              # leave out what is wrong, else fail
    JSON_PERMISSIVE = 4          # overlong forms are read

cdef uint32_t BAD = 0x80000000u  # code_of(): no such character
cdef conv_entry_t[1] entries


cdef const conv_entry_t* conv_json_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef uint32_t sequence_length(uint8_t first) noexcept nogil:
    """Bytes that a sequence with this first byte has; haproxy: the old forms of up to six are known."""
    cdef uint32_t n = 0
    if first < 0x80:
        return 1
    while n < 8 and first & (0x80 >> n):
        n += 1
    return n if 2 <= n <= 6 else 0


cdef uint32_t code_of(slice_t text, uint32_t* at, bint is_permissive) noexcept nogil:
    """The next character; *at goes behind it, or behind the bytes that belong to no character (BAD)."""
    cdef uint8_t first = <uint8_t> text.ptr[at[0]]
    cdef uint32_t n = sequence_length(first), code, left
    at[0] += 1
    if n == 0:
        return BAD
    if n == 1:
        return first
    code = first & (0x7f >> n)
    left = n - 1
    while left:
        if at[0] == text.len or <uint8_t> text.ptr[at[0]] & 0xc0 != 0x80:
            return BAD
        code = code << 6 | <uint8_t> text.ptr[at[0]] & 0x3f
        at[0] += 1
        left -= 1
    if not is_permissive and (code < 0x80 or code >> (5 * n - 4) == 0):
        return BAD
    if code > 0xffff or 0xd800 <= code <= 0xdfff or code == 0xfffe or code == 0xffff:
        return BAD
    return code


cdef char short_escape(uint32_t code) noexcept nogil:
    """The letter behind the backslash, or 0."""
    if code == 34 or code == 92 or code == 47:
        return <char> code
    if code == 8:
        return b'b'
    if code == 12:
        return b'f'
    if code == 10:
        return b'n'
    if code == 13:
        return b'r'
    return b't' if code == 9 else 0


cdef uint32_t put_code(char* out, uint32_t code) noexcept nogil:
    """At most six bytes."""
    cdef char letter = short_escape(code)
    cdef int i
    if letter:
        out[0] = b'\\'
        out[1] = letter
        return 2
    if 32 <= code < 127:
        out[0] = <char> code
        return 1
    out[0] = b'\\'
    out[1] = b'u'
    for i in range(4):
        out[2 + i] = b"0123456789abcdef"[code >> (12 - 4 * i) & 15]
    return 6


cdef bint json(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t text = smp.str
    cdef uint32_t flags = <uint32_t> args[0].num if args[0].type == ARG_SINT else 0
    cdef uint32_t room, at = 0, i = 0, code
    cdef char* out = scratch_rest(ev, &room)
    while i < text.len:
        if flags & JSON_UTF8:
            code = code_of(text, &i, flags & JSON_PERMISSIVE != 0)
        else:
            code = <uint8_t> text.ptr[i]
            i += 1
        if code == BAD:
            if not flags & JSON_SILENT:
                return False
            continue
        if room - at < 6:
            return False
        at += put_code(out + at, code)
    scratch_take(ev, at)
    return smp_set_own(smp, SMP_T_STR, out, at, at)


entries[0].name = b"json"
entries[0].fn = json
