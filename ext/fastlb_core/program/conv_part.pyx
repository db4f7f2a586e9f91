# Converters that take a part of the text or bytes they get (manual, section 7.3.1). The result stays where it stands.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport ARG_STOP, ARG_STR, ARG_UNSET, arg_t, conv_fn
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_str
from fastlb_core.program.vars cimport arg_int

cdef conv_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_part_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint is_in(char c, slice_t set) noexcept nogil:
    cdef uint32_t i
    for i in range(set.len):
        if set.ptr[i] == c:
            return True
    return False


cdef bint keep(sample_t* smp, uint32_t start, uint32_t end) noexcept nogil:
    smp.room -= start if smp.room > start else smp.room
    smp.str.ptr += start
    smp.str.len = end - start
    return True


cdef bint is_given(const arg_t* arg) noexcept nogil:
    return arg.type != ARG_STOP and arg.type != ARG_UNSET


cdef bint bytes_(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: offset, length. haproxy: beyond the end, and before the start, is an empty value; a negative length is all."""
    cdef int64_t offset, length = -1
    if not arg_int(ev, &args[0], &offset) or (is_given(&args[0]) and is_given(&args[1]) and not arg_int(ev, &args[1], &length)):
        return False
    if offset < 0 or offset >= smp.str.len:
        return keep(smp, 0, 0)
    if length < 0 or length > smp.str.len - offset:
        length = smp.str.len - offset
    return keep(smp, <uint32_t> offset, <uint32_t> (offset + length))


# ---- field and word
#
# Both walk from the end that the index counts from. `at` runs over positions of that walk; peek() turns them into bytes.

cdef char peek(slice_t text, uint32_t at, bint from_end) noexcept nogil:
    return text.ptr[text.len - 1 - at] if from_end else text.ptr[at]


cdef bint keep_walked(sample_t* smp, uint32_t start, uint32_t end, bint from_end) noexcept nogil:
    if from_end:
        return keep(smp, smp.str.len - end, smp.str.len - start)
    return keep(smp, start, end)


cdef bint field(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: index, delimiters, count (0: all the rest). Fields may be empty; False where there is none with that index."""
    cdef slice_t text = smp.str, delimiters = args[1].str
    cdef bint from_end = args[0].num < 0
    cdef uint64_t wanted = <uint64_t> args[0].num if not from_end else 0 - <uint64_t> args[0].num
    cdef int64_t count = args[2].num if is_given(&args[2]) else 1
    cdef uint32_t start = 0, at = 0
    cdef uint64_t index = 1
    while index < wanted and at < text.len:
        if is_in(peek(text, at, from_end), delimiters):
            index += 1
            start = at + 1
        at += 1
    if index < wanted:
        return False
    at = start
    while at < text.len:
        if is_in(peek(text, at, from_end), delimiters):
            count -= 1
            if count == 0:
                break
        at += 1
    return keep_walked(smp, start, at, from_end)


cdef bint word(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: index, delimiters, count (0: all the rest). Words are never empty; where there is none the result is.

    haproxy: fewer words than `count` take the delimiters behind the last one along."""
    cdef slice_t text = smp.str, delimiters = args[1].str
    cdef bint from_end = args[0].num < 0, is_delimiter
    cdef bint in_word = False
    cdef uint64_t wanted = <uint64_t> args[0].num if not from_end else 0 - <uint64_t> args[0].num
    cdef int64_t count = args[2].num if is_given(&args[2]) else 1
    cdef uint32_t start = 0, at = 0
    cdef uint64_t index = 0
    while at < text.len:
        is_delimiter = is_in(peek(text, at, from_end), delimiters)
        if not is_delimiter and not in_word:
            index += 1
            if index == wanted:
                start = at
        elif is_delimiter and in_word and index >= wanted:
            count -= 1
            if count == 0:
                break
        in_word = not is_delimiter
        at += 1
    return keep_walked(smp, start, at, from_end) if index >= wanted else keep(smp, 0, 0)


# ---- parameters

cdef bint param(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: name, delimiter (`&`). The value of the first `name=value`; a name without `=` has an empty one."""
    cdef slice_t text = smp.str, name = args[0].str
    cdef char delimiter = args[1].str.ptr[0] if args[1].type == ARG_STR and args[1].str.len else b'&'
    cdef uint32_t start = 0, end, i
    while start <= text.len:
        end = start
        while end < text.len and text.ptr[end] != delimiter:
            end += 1
        i = 0
        while i < name.len and start + i < end and text.ptr[start + i] == name.ptr[i]:
            i += 1
        if i == name.len and start + i == end:
            return keep(smp, end, end)
        if i == name.len and text.ptr[start + i] == b'=':
            return keep(smp, start + i + 1, end)
        start = end + 1
    return False


# ---- language

cdef slice_t next_part(slice_t* rest, char delimiter) noexcept nogil:
    """Up to the next delimiter; *rest goes behind it, and is empty at the end."""
    cdef uint32_t end = 0
    cdef slice_t part
    while end < rest.len and rest.ptr[end] != delimiter:
        end += 1
    part = slice_of(rest.ptr, end)
    if end < rest.len:
        end += 1
    rest.ptr += end
    rest.len -= end
    return part


cdef bint is_blank(char c) noexcept nogil:
    return c == b' ' or c == b'\t'


cdef slice_t without_blanks(slice_t text) noexcept nogil:
    while text.len and is_blank(text.ptr[0]):
        text.ptr += 1
        text.len -= 1
    while text.len and is_blank(text.ptr[text.len - 1]):
        text.len -= 1
    return text


cdef uint32_t quality(slice_t parameter, bint* is_bare_zero) noexcept nogil:
    """Thousandths of `q=0.5`. haproxy: 1000 for what is no weight."""
    cdef slice_t text = without_blanks(parameter)
    cdef uint32_t value, unit = 100, i
    is_bare_zero[0] = False
    if text.len == 0 or text.ptr[0] != b'q':
        return 1000
    text = without_blanks(slice_of(text.ptr + 1, text.len - 1))
    if text.len == 0 or text.ptr[0] != b'=':
        return 1000
    text = without_blanks(slice_of(text.ptr + 1, text.len - 1))
    if text.len == 0 or text.ptr[0] != b'0':
        return 1000
    if text.len == 1:
        is_bare_zero[0] = parameter.ptr[parameter.len - 1] == b'0'
        return 0
    value = 0
    if text.ptr[1] == b'.':
        for i in range(2, text.len if text.len < 5 else 5):
            if <uint8_t> (text.ptr[i] - 48) > 9:
                break
            value += <uint32_t> (text.ptr[i] - 48) * unit
            unit //= 10
    return value


cdef slice_t supported(slice_t language, slice_t list) noexcept nogil:
    """The first of the list that is this language or its base ("en" of "en-US"); empty for none."""
    cdef slice_t one
    cdef uint32_t i
    while list.len:
        one = next_part(&list, b';')
        if one.len == 0 or one.len > language.len:
            continue
        i = 0
        while i < one.len and one.ptr[i] == language.ptr[i]:
            i += 1
        if i == one.len and (i == language.len or language.ptr[i] == b'-'):
            return one
    return slice_of(NULL, 0)


cdef bint language(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: the supported ones between semicolons, the default. The sample is an Accept-Language value."""
    cdef slice_t rest = smp.str, item, parameter, found, best = slice_of(NULL, 0)
    cdef uint32_t weight, best_weight = 0
    cdef bint is_bare_zero = False
    cdef const char* end
    if args[0].type == ARG_STR:
        while rest.len:
            item = next_part(&rest, b',')
            found = supported(without_blanks(next_part(&item, b';')), args[0].str)
            if found.len == 0:
                continue
            end = item.ptr + item.len
            parameter = next_part(&item, b';')
            weight = quality(parameter, &is_bare_zero)
            if weight > best_weight:
                best_weight = weight
                best = found
            if is_bare_zero and parameter.ptr + parameter.len == end:
                # haproxy: `q=0` takes the comma along, so that what stands behind it is not looked at.
                next_part(&rest, b',')
    if best_weight == 0 and is_given(&args[0]) and args[1].type == ARG_STR:
        best = args[1].str
    elif best_weight == 0:
        return False
    return smp_set_str(smp, best.ptr, best.len)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"bytes", bytes_)
add(b"field", field)
add(b"word", word)
add(b"param", param)
add(b"language", language)
