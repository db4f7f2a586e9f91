# Converters of text (manual, section 7.3.1). Each gets a sample of its row's input type (config/samples/convert_text.py).

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.slice cimport lower_byte
from fastlb_core.program.expr cimport arg_t, conv_fn
from fastlb_core.program.sample cimport eval_t, sample_t, smp_make_writable

cdef conv_entry_t[8] entries
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


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"lower", lower)
add(b"upper", upper)
