# Building a format's bytes; contracts in logformat.pxd.

from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memchr, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport expr_eval
from fastlb_core.program.lf_encode cimport (
    lf_out_t, lf_put, lf_put_byte, lf_put_cbor_byte, lf_put_cbor_head, lf_put_cbor_text, lf_put_escaped, lf_put_hex, lf_put_int,
    lf_put_json, lf_put_percent,
)
from fastlb_core.program.sample cimport (
    SMP_T_BOOL, SMP_T_SINT, SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_cast,
)

cdef enum:                       # RFC 8949, 3.3 and 3.1
    CBOR_FALSE = 0xf4
    CBOR_TRUE = 0xf5
    CBOR_NULL = 0xf6
    CBOR_MAP_OPEN = 0xbf
    CBOR_BREAK = 0xff
    CBOR_UNSIGNED = 0
    CBOR_NEGATIVE = 1


cdef void _text(lf_out_t* out, slice_t text, uint16_t flags) noexcept nogil:
    if flags & LF_F_JSON:
        lf_put_json(out, text)
        return
    if flags & LF_F_CBOR:
        lf_put_cbor_text(out, text, bool(flags & LF_F_BINARY))
        return
    if flags & LF_F_QUOTE:
        lf_put_byte(out, b'"')
    if flags & LF_F_ESCAPE:
        lf_put_escaped(out, text)
    else:
        lf_put(out, text)
    if flags & LF_F_QUOTE:
        lf_put_byte(out, b'"')


cdef void _missing(lf_out_t* out, uint16_t flags) noexcept nogil:
    if flags & LF_F_JSON:
        lf_put(out, slice_of(b"null", 4))
    elif flags & LF_F_CBOR:
        lf_put_cbor_byte(out, CBOR_NULL, bool(flags & LF_F_BINARY))
    elif flags & LF_F_QUOTE:
        lf_put(out, slice_of(b'""', 2))
    elif not flags & LF_F_HTTP:
        lf_put_byte(out, b'-')


cdef void _integer(lf_out_t* out, const lf_value_t* value, uint16_t flags) noexcept nogil:
    if flags & LF_F_CBOR:
        if value.num < 0:
            lf_put_cbor_head(out, CBOR_NEGATIVE, -1 - value.num, bool(flags & LF_F_BINARY))
        else:
            lf_put_cbor_head(out, CBOR_UNSIGNED, value.num, bool(flags & LF_F_BINARY))
    elif flags & LF_F_JSON:
        lf_put_int(out, value.num)
    elif flags & LF_F_HEX and value.hex_width:
        lf_put_hex(out, value.num, value.hex_width)
    else:
        if value.is_plus:
            lf_put_byte(out, b'+')
        lf_put_int(out, value.num)


cdef void _digits(eval_t* ev, lf_value_t* value) noexcept nogil:
    """The number as a text."""
    cdef lf_out_t out
    cdef char* start = scratch_take(ev, 20)
    if start == NULL:
        return
    out.at = start
    out.end = start + 20
    lf_put_int(&out, value.num)
    value.kind = LF_V_TEXT
    value.text = slice_of(start, <uint32_t> (out.at - start))


cdef void _alias(eval_t* ev, const lf_item_t* item, lf_out_t* out) noexcept nogil:
    cdef lf_value_t value
    cdef uint16_t flags = item.flags
    memset(&value, 0, sizeof(lf_value_t))
    item.alias(ev, item, &value)
    if value.kind == LF_V_INT and flags & LF_F_ENCODE and flags & LF_F_AS_STR:
        _digits(ev, &value)
    if value.kind == LF_V_INT:
        _integer(out, &value, flags)
    elif value.kind == LF_V_TEXT:
        _text(out, value.text, flags)
    elif value.kind == LF_V_PLAIN or value.kind == LF_V_READY:
        if flags & LF_F_ENCODE:
            _text(out, value.text, flags)
        else:
            lf_put(out, value.text)
    elif value.kind == LF_V_MISSING or flags & LF_F_ENCODE:
        _missing(out, flags)


cdef bint _cast(eval_t* ev, sample_t* smp, uint16_t flags) noexcept nogil:
    """The type that the item's name asks for. False: the value cannot have it."""
    if flags & LF_F_AS_STR:
        return smp_cast(ev, smp, SMP_T_STR)
    if flags & LF_F_AS_INT:
        return smp_cast(ev, smp, SMP_T_SINT)
    return not flags & LF_F_AS_BOOL or smp_cast(ev, smp, SMP_T_BOOL)


cdef slice_t _up_to_nul(slice_t text) noexcept nogil:
    """haproxy: a text ends at its first NUL."""
    cdef const char* nul = <const char*> memchr(text.ptr, 0, text.len) if text.len else NULL
    return text if nul == NULL else slice_of(text.ptr, <uint32_t> (nul - text.ptr))


cdef void _expression(eval_t* ev, const lf_item_t* item, lf_out_t* out) noexcept nogil:
    cdef sample_t smp
    cdef lf_value_t value
    cdef uint16_t flags = item.flags
    cdef bint is_http = flags & (LF_F_HTTP | LF_F_RAW | LF_F_ENCODE) == LF_F_HTTP
    if is_http:
        # haproxy: where a value goes into a message it is not quoted.
        flags &= <uint16_t> ~LF_F_QUOTE
    if flags & LF_F_STREAM and ev.strm == NULL or not expr_eval(ev, &item.expr, &smp) or not _cast(ev, &smp, flags):
        _missing(out, flags)
        return
    if flags & LF_F_ENCODE and (smp.type == SMP_T_BOOL or smp.type == SMP_T_SINT):
        memset(&value, 0, sizeof(lf_value_t))
        value.num = smp.num
        if smp.type == SMP_T_SINT:
            _integer(out, &value, flags)
        elif flags & LF_F_JSON:
            lf_put(out, slice_of(b"true", 4) if smp.num else slice_of(b"false", 5))
        else:
            lf_put_cbor_byte(out, CBOR_TRUE if smp.num else CBOR_FALSE, bool(flags & LF_F_BINARY))
        return
    if not smp_cast(ev, &smp, SMP_T_STR) or not flags & LF_F_ENCODE and (smp.str.len == 0 or smp.str.ptr[0] == 0):
        # haproxy: an empty value looks like none at all.
        _missing(out, flags)
        return
    if is_http:
        lf_put_percent(out, smp.str, bool(flags & LF_F_ESCAPE))
    else:
        _text(out, smp.str if flags & (LF_F_ENCODE | LF_F_BINARY) else _up_to_nul(smp.str), flags)


cdef void _item(eval_t* ev, const lf_item_t* item, lf_out_t* out) noexcept nogil:
    cdef uint32_t mark = ev.scratch.used
    if item.kind == LF_TEXT:
        lf_put(out, item.text)
    elif item.kind == LF_EXPR:
        _expression(ev, item, out)
    elif item.kind == LF_ALIAS:
        _alias(ev, item, out)
    ev.scratch.used = mark


cdef void _line(eval_t* ev, const logformat_t* format, lf_out_t* out) noexcept nogil:
    cdef const lf_item_t* item = format.items
    cdef const lf_item_t* end = item + format.n_items
    cdef char* before
    cdef bint is_behind_space = True
    while item < end and out.at < out.end:
        if item.kind == LF_SPACE:
            if not is_behind_space:
                lf_put_byte(out, b' ')
                is_behind_space = True
        else:
            before = out.at
            _item(ev, item, out)
            # haproxy: what shows nothing does not part two spaces.
            if out.at > before:
                is_behind_space = False
        item += 1


cdef void _map(eval_t* ev, const logformat_t* format, lf_out_t* out) noexcept nogil:
    """`%{+json}o` and `%{+cbor}o`: one map of the items that have a name."""
    cdef const lf_item_t* item = format.items
    cdef const lf_item_t* end = item + format.n_items
    cdef bint is_json = bool(format.flags & LF_F_JSON)
    cdef bint is_binary = bool(format.flags & LF_F_BINARY)
    cdef bint is_first = True
    if is_json:
        lf_put_byte(out, b'{')
    else:
        lf_put_cbor_byte(out, CBOR_MAP_OPEN, is_binary)
    while item < end:
        if item.name.len and (item.kind == LF_EXPR or item.kind == LF_ALIAS):
            if is_json:
                if not is_first:
                    lf_put(out, slice_of(b", ", 2))
                lf_put_json(out, item.name)
                lf_put(out, slice_of(b": ", 2))
            else:
                lf_put_cbor_text(out, item.name, is_binary)
            _item(ev, item, out)
            is_first = False
        item += 1
    if is_json:
        lf_put_byte(out, b'}')
    else:
        lf_put_cbor_byte(out, CBOR_BREAK, is_binary)


cdef uint32_t lf_build(eval_t* ev, const logformat_t* format, char* dst, uint32_t room) noexcept nogil:
    cdef lf_out_t out
    out.at = dst
    out.end = dst + room
    ev.facts = NULL
    if format.flags & LF_F_ENCODE:
        _map(ev, format, &out)
    else:
        _line(ev, format, &out)
    return <uint32_t> (out.at - dst)


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
