# Building a format's bytes; contracts in logformat.pxd.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport expr_eval_as
from fastlb_core.program.sample cimport SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take


cdef uint32_t put(char* dst, uint32_t room, slice_t text) noexcept nogil:
    cdef uint32_t n = text.len if text.len < room else room
    if n:
        memcpy(dst, text.ptr, n)
    return n


cdef uint32_t put_expr(eval_t* ev, const lf_item_t* item, char* dst, uint32_t room) noexcept nogil:
    cdef sample_t smp
    if not expr_eval_as(ev, &item.expr, SMP_T_STR, &smp):
        return 0 if item.flags & LF_F_HTTP else put(dst, room, slice_of(b"-", 1))
    return put(dst, room, smp.str)


cdef uint32_t lf_build(eval_t* ev, const logformat_t* format, char* dst, uint32_t room) noexcept nogil:
    cdef const lf_item_t* item = format.items
    cdef const lf_item_t* end = item + format.n_items
    cdef uint32_t at = 0, n
    while item < end and at < room:
        if item.kind == LF_TEXT:
            n = put(dst + at, room - at, item.text)
        elif item.kind == LF_EXPR:
            n = put_expr(ev, item, dst + at, room - at)
        else:
            n = item.alias(ev, item, dst + at, room - at)
            if n > room - at:
                break
        at += n
        item += 1
    return at


cdef bint lf_text(eval_t* ev, const logformat_t* format, uint32_t most, slice_t* text) noexcept nogil:
    cdef uint32_t room = 0, length
    cdef char* dst
    if format.n_items == 1 and format.items[0].kind == LF_TEXT:
        text[0] = format.items[0].text
        return True
    # Expressions need the area as well while they run: the text is built at its end, half of what is left.
    dst = scratch_rest(ev, &room)
    room //= 2
    if room > most:
        room = most
    dst = scratch_take(ev, room)
    if dst == NULL:
        return False
    length = lf_build(ev, format, dst, room)
    text[0] = slice_of(dst, length)
    return True
