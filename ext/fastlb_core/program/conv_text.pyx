# Converters of a whole text (manual, section 7.3.1): letters, ends, length. Each gets a sample of its row's input type
# (config/samples/convert_text.py).

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.slice cimport lower_byte, slice_t
from fastlb_core.program.expr cimport ARG_STR, arg_t, conv_fn
from fastlb_core.program.sample cimport (
    SMP_T_STR, eval_t, sample_t, scratch_take, smp_make_writable, smp_set_bool, smp_set_int, smp_set_own,
)

cdef conv_entry_t[16] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_text_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint lower(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef char* text
    cdef uint32_t i
    if not smp_make_writable(ev, smp):
        return False
    text = <char*> smp.str.ptr
    for i in range(smp.str.len):
        text[i] = <char> lower_byte(<uint8_t> text[i])
    return True


cdef bint upper(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef char* text
    cdef uint32_t i
    if not smp_make_writable(ev, smp):
        return False
    text = <char*> smp.str.ptr
    for i in range(smp.str.len):
        if 97 <= text[i] <= 122:
            text[i] = <char> (text[i] - 32)
    return True


cdef bint length(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, smp.str.len)


cdef bint has_ctl(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t i
    for i in range(smp.str.len):
        if <uint8_t> smp.str.ptr[i] < 32 or smp.str.ptr[i] == 127:
            return smp_set_bool(smp, True)
    return smp_set_bool(smp, False)


# ---- ends

cdef void keep(sample_t* smp, uint32_t start, uint32_t end) noexcept nogil:
    """The bytes from start to end, where they stand."""
    smp.room -= start if smp.room > start else smp.room
    smp.str.ptr += start
    smp.str.len = end - start


cdef bint is_in(char c, const arg_t* arg) noexcept nogil:
    cdef uint32_t i
    if arg.type == ARG_STR:
        for i in range(arg.str.len):
            if arg.str.ptr[i] == c:
                return True
    return False


cdef bint cut_crlf(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t end = 0
    while end < smp.str.len and smp.str.ptr[end] != b'\r' and smp.str.ptr[end] != b'\n':
        end += 1
    keep(smp, 0, end)
    return True


cdef bint ltrim(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t start = 0
    while start < smp.str.len and is_in(smp.str.ptr[start], args):
        start += 1
    keep(smp, start, smp.str.len)
    return True


cdef bint rtrim(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef uint32_t end = smp.str.len
    while end and is_in(smp.str.ptr[end - 1], args):
        end -= 1
    keep(smp, 0, end)
    return True


# ---- backwards

cdef bint reverse(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef slice_t text = smp.str
    cdef char* out = scratch_take(ev, text.len)
    cdef uint32_t i
    if out == NULL:
        return False
    for i in range(text.len):
        out[i] = text.ptr[text.len - 1 - i]
    return smp_set_own(smp, SMP_T_STR, out, text.len, text.len)


cdef bint reverse_dom(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """The labels of a domain name in reverse order: www.example.com, com.example.www."""
    cdef slice_t text = smp.str
    cdef char* out = scratch_take(ev, text.len)
    cdef uint32_t at = 0, end = text.len, start, i
    if out == NULL:
        return False
    while at < text.len:
        start = end
        while start and text.ptr[start - 1] != b'.':
            start -= 1
        for i in range(start, end):
            out[at] = text.ptr[i]
            at += 1
        if start == 0:
            break
        out[at] = b'.'
        at += 1
        end = start - 1
    return smp_set_own(smp, SMP_T_STR, out, text.len, text.len)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"lower", lower)
add(b"upper", upper)
add(b"length", length)
add(b"has_ctl", has_ctl)
add(b"cut_crlf", cut_crlf)
add(b"ltrim", ltrim)
add(b"rtrim", rtrim)
add(b"reverse", reverse)
add(b"reverse_dom", reverse_dom)
