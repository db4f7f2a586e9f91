# Header values, parameters and short numbers; contracts in http_values.pxd.

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_trim
from fastlb_core.http.message cimport (
    HDR_F_DELETED, HDR_OTHER, hdr_id_of, hdr_id_t, msg_find, msg_find_name, msg_find_next, msg_hdr_value,
)
from fastlb_core.http.uri cimport URI_ABSOLUTE, URI_ORIGIN, uri_split
from fastlb_core.program.sample cimport EVAL_O_NO_HTTP, SMP_F_MAY_CHANGE


# ---- header values

cdef void values_start(value_walk_t* walk, slice_t name, bint full) noexcept nogil:
    walk.name = name
    walk.id = hdr_id_of(name.ptr, name.len) if name.len else HDR_OTHER
    walk.full = full
    walk.at = -1
    walk.next = WALK_DONE


cdef int next_header(const http_msg_t* msg, const value_walk_t* walk) noexcept nogil:
    cdef int i = walk.at + 1
    if walk.id != HDR_OTHER:
        return msg_find(msg, <hdr_id_t> walk.id) if walk.at < 0 else msg_find_next(msg, walk.at)
    if walk.name.len:
        return msg_find_name(msg, walk.name, i)
    while i < <int> msg.n_hdrs:
        if not msg.hdrs[i].flags & HDR_F_DELETED:
            return i
        i += 1
    return -1


# The comma that ends the element at `start`, or the end. haproxy: commas in quotes do not count, \ protects inside quotes.
cdef uint32_t element_end(slice_t text, uint32_t start) noexcept nogil:
    cdef uint32_t i = start
    cdef bint quoted = False
    while i < text.len:
        if quoted and text.ptr[i] == b'\\':
            i += 1
        elif text.ptr[i] == b'"':
            quoted = not quoted
        elif text.ptr[i] == b',' and not quoted:
            return i
        i += 1
    return text.len


cdef bint values_next(const http_msg_t* msg, value_walk_t* walk, slice_t* value) noexcept nogil:
    cdef slice_t text
    cdef uint32_t end
    cdef int i
    if walk.next == WALK_DONE:
        i = next_header(msg, walk)
        if i < 0:
            return False
        walk.at = i
        walk.next = 0
    text = msg_hdr_value(msg, walk.at)
    if walk.full:
        value[0] = text
        walk.next = WALK_DONE
        return True
    if walk.next > text.len:     # the header was changed between two calls
        walk.next = text.len
    end = element_end(text, walk.next)
    value[0] = slice_trim(slice_of(text.ptr + walk.next, end - walk.next))
    walk.next = end + 1 if end < text.len else <uint32_t> WALK_DONE
    return True


cdef uint32_t values_count(const http_msg_t* msg, slice_t name, bint full) noexcept nogil:
    cdef value_walk_t walk
    cdef slice_t value
    cdef uint32_t n = 0
    values_start(&walk, name, full)
    while values_next(msg, &walk, &value):
        n += 1
    return n


cdef bint values_find(const http_msg_t* msg, slice_t name, bint full, int64_t occurrence, slice_t* value) noexcept nogil:
    cdef value_walk_t walk
    cdef bint found = False
    if occurrence < -1:
        occurrence += <int64_t> values_count(msg, name, full) + 1
        if occurrence <= 0:
            return False
    values_start(&walk, name, full)
    while values_next(msg, &walk, value):
        found = True
        occurrence -= 1
        if occurrence == 0:
            return True
    # Only "the last one" gets here with a negative number.
    return found and occurrence < 0


cdef void values_keep(const value_walk_t* walk, sample_t* smp) noexcept nogil:
    smp.ctx[0] = <uint64_t> (walk.at + 1)
    smp.ctx[1] = walk.next


cdef void values_resume(value_walk_t* walk, const sample_t* smp) noexcept nogil:
    walk.at = <int32_t> smp.ctx[0] - 1
    walk.next = <uint32_t> smp.ctx[1]


# ---- messages

cdef http_msg_t* seen_request(eval_t* ev, sample_t* smp) noexcept nogil:
    if ev.req == NULL and not ev.options & EVAL_O_NO_HTTP:
        smp.flags |= SMP_F_MAY_CHANGE
    return ev.req


cdef http_msg_t* seen_response(eval_t* ev, sample_t* smp) noexcept nogil:
    if ev.res == NULL:
        smp.flags |= SMP_F_MAY_CHANGE
    return ev.res


# ---- targets

cdef slice_t target_pathq(slice_t target) noexcept nogil:
    cdef uri_t uri = uri_split(target)
    if (uri.form != URI_ORIGIN and uri.form != URI_ABSOLUTE) or uri.path.len == 0:
        return slice_of(NULL, 0)
    return slice_of(uri.path.ptr, <uint32_t> (target.ptr + target.len - uri.path.ptr))


cdef slice_t target_path(slice_t target) noexcept nogil:
    cdef uri_t uri = uri_split(target)
    if (uri.form != URI_ORIGIN and uri.form != URI_ABSOLUTE) or uri.path.len == 0:
        return slice_of(NULL, 0)
    return uri.path


cdef bint is_separator(uint8_t c, uint8_t delimiter) noexcept nogil:
    return c == b'&' or (delimiter and (c == b';' or c == delimiter))


# Where the value of the parameter at `start` begins, or text.len + 1 when that is not the one.
cdef uint32_t param_value(slice_t text, uint32_t start, slice_t name, uint8_t delimiter) noexcept nogil:
    cdef uint32_t i = start
    if name.ptr != NULL:         # haproxy: the name is compared before separators are looked for
        if text.len - start > name.len and text.ptr[start + name.len] == b'=' and (
            slice_eq(slice_of(text.ptr + start, name.len), name.ptr, name.len)
        ):
            return start + name.len + 1
        return text.len + 1
    while i < text.len and text.ptr[i] != b'=' and not is_separator(<uint8_t> text.ptr[i], delimiter):
        i += 1
    return i + 1 if i < text.len and text.ptr[i] == b'=' else text.len + 1


cdef bint param_next(slice_t text, uint32_t* at, slice_t name, uint8_t delimiter, slice_t* value) noexcept nogil:
    cdef uint32_t begin, end
    while at[0] < text.len:
        begin = param_value(text, at[0], name, delimiter)
        end = begin if begin <= text.len else at[0]
        while end < text.len and not is_separator(<uint8_t> text.ptr[end], delimiter):
            end += 1
        at[0] = end + 1
        if begin <= text.len:
            value[0] = slice_of(text.ptr + begin, end - begin)
            return True
    return False


# ---- numbers and addresses

cdef int64_t short_number(slice_t text) noexcept nogil:
    cdef bint is_negative = text.len > 0 and text.ptr[0] == b'-'
    cdef uint32_t i = 1 if is_negative else 0, number = 0
    cdef int32_t digit
    while i < text.len:
        digit = <int32_t> <signed char> text.ptr[i] - 48
        if digit > 9:
            break
        number = number * 10 + <uint32_t> digit
        i += 1
    return <int64_t> <int32_t> (0 - number if is_negative else number)


cdef bint read_quad(slice_t text, uint8_t* address, uint32_t* length) noexcept nogil:
    cdef uint32_t i = 0, part, number, digits
    for part in range(4):
        if part:
            if i >= text.len or text.ptr[i] != b'.':
                return False
            i += 1
        number = 0
        digits = 0
        while i < text.len and 48 <= text.ptr[i] <= 57:
            number = number * 10 + <uint32_t> <uint8_t> text.ptr[i] - 48
            if number > 255:
                return False
            digits += 1
            i += 1
        if digits == 0:
            return False
        address[part] = <uint8_t> number
    length[0] = i
    return True


cdef int32_t read_port(slice_t text) noexcept nogil:
    cdef uint32_t i
    cdef int32_t port = 0
    if text.len == 0:
        return -1
    for i in range(text.len):
        if not 48 <= text.ptr[i] <= 57:
            return -1
        port = port * 10 + <int32_t> text.ptr[i] - 48
        if port > 65535:
            return -1
    return port
