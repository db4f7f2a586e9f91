# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Finds one value in a JSON text. Contract: json_path.pxd.
#
# haproxy: as lenient as its parser is: a comma may stand before a closing bracket, a number may begin with zeros, a string
# may hold control characters except NUL, and an unknown escape is stepped over.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from fastlb_core.base.slice cimport slice_of, slice_t

cdef enum:
    INDEX_MAX = 100000000        # no text that arrives here has as many elements

# Where the walk is. `p` moves towards `end` and never beyond.
cdef struct walk_t:
    const char* p
    const char* end
    uint32_t depth               # containers that were entered on the way


cdef inline void skip_space(walk_t* w) noexcept nogil:
    while w.p < w.end and (w.p[0] == 32 or 9 <= w.p[0] <= 10 or w.p[0] == 13):
        w.p += 1


# The next byte that is not space, or 0 at the end (NUL is nowhere allowed).
cdef inline char peek(walk_t* w) noexcept nogil:
    skip_space(w)
    return w.p[0] if w.p < w.end else 0


cdef inline bint is_escape(char c) noexcept nogil:
    return c in (34, 92, 98, 102, 110, 114, 116)             # " \ b f n r t


cdef inline bint is_digit(char c) noexcept nogil:
    return 48 <= c <= 57


# The string at p, which is a quote.
cdef bint string(walk_t* w, slice_t* token) noexcept nogil:
    cdef const char* start = w.p + 1
    w.p = start
    while w.p < w.end and w.p[0] != 34 and w.p[0] != 0:
        w.p += 2 if w.p[0] == 92 and w.end - w.p > 1 and is_escape(w.p[1]) else 1
    if w.p >= w.end or w.p[0] == 0:
        return False
    token[0] = slice_of(start, <uint32_t> (w.p - start))
    w.p += 1
    return True


cdef void digits(walk_t* w) noexcept nogil:
    while w.p < w.end and is_digit(w.p[0]):
        w.p += 1


cdef void number(walk_t* w, slice_t* token) noexcept nogil:
    cdef const char* start = w.p
    if w.p[0] == 45:
        w.p += 1
    digits(w)
    if w.p < w.end and w.p[0] == 46:
        w.p += 1
        digits(w)
    if w.p < w.end and w.p[0] | 0x20 == 101:
        w.p += 1
        if w.p < w.end and (w.p[0] == 43 or w.p[0] == 45):
            w.p += 1
        digits(w)
    token[0] = slice_of(start, <uint32_t> (w.p - start))


cdef bint word(walk_t* w, const char* text, uint32_t length, slice_t* token) noexcept nogil:
    if <size_t> (w.end - w.p) < length or memcmp(w.p, text, length) != 0:
        return False
    token[0] = slice_of(w.p, length)
    w.p += length
    return True


# A value that is no container.
cdef json_kind_t scalar(walk_t* w, slice_t* token) noexcept nogil:
    cdef char c = peek(w)
    if c == 34:
        return JSON_STRING if string(w, token) else JSON_NOTHING
    if c == 45 or is_digit(c):
        number(w, token)
        return JSON_NUMBER
    if c == 116 and word(w, "true", 4, token):
        return JSON_TRUE
    if c == 102 and word(w, "false", 5, token):
        return JSON_FALSE
    if c == 110 and word(w, "null", 4, token):
        return JSON_NULL
    return JSON_NOTHING


# A name and its colon.
cdef bint name(walk_t* w, slice_t* token) noexcept nogil:
    if peek(w) != 34 or not string(w, token) or peek(w) != 58:
        return False
    w.p += 1
    return True


# Steps over the value at p whatever it is. The stack holds the brackets that are open.
cdef json_kind_t value(walk_t* w, slice_t* token) noexcept nogil:
    cdef char[JSON_DEPTH] stack
    cdef slice_t inner
    cdef const char* start
    cdef json_kind_t kind
    cdef uint32_t open_ones = 0
    cdef char c = peek(w)
    if c != 91 and c != 123:
        return scalar(w, token)
    start = w.p
    kind = JSON_ARRAY if c == 91 else JSON_OBJECT
    while True:
        c = peek(w)
        if c == 91 or c == 123:
            if w.depth + open_ones >= JSON_DEPTH:
                return JSON_NOTHING
            stack[open_ones] = c
            open_ones += 1
            w.p += 1
        elif scalar(w, &inner) == JSON_NOTHING:
            return JSON_NOTHING
        elif not separator(w, stack[open_ones - 1]):
            return JSON_NOTHING
        while peek(w) == stack[open_ones - 1] + 2:           # "]" and "}" stand two behind their openings in ASCII
            w.p += 1
            open_ones -= 1
            if open_ones == 0:
                token[0] = slice_of(start, <uint32_t> (w.p - start))
                return kind
            if not separator(w, stack[open_ones - 1]):
                return JSON_NOTHING
        if stack[open_ones - 1] == 123 and not name(w, &inner):
            return JSON_NOTHING


# Behind an element: a comma, which is stepped over, or the closing bracket, which is not.
cdef bint separator(walk_t* w, char opening) noexcept nogil:
    cdef char c = peek(w)
    if c == 44:
        w.p += 1
        return True
    return c == opening + 2


# Whether the path's next name, at path.ptr, is `key`; its length goes to *length.
cdef bint is_named(slice_t path, slice_t key, uint32_t* length) noexcept nogil:
    cdef uint32_t i = 0, at = 0
    while i < path.len and path.ptr[i] != 46 and path.ptr[i] != 91:
        if path.ptr[i] == 92 and i + 1 < path.len:
            i += 1
        if at >= key.len or path.ptr[i] != key.ptr[at]:
            return False
        at += 1
        i += 1
    length[0] = i
    return at == key.len


# Enters the object at p up to the value of the path's next name.
cdef bint enter_object(walk_t* w, slice_t* path) noexcept nogil:
    cdef slice_t key, ignored
    cdef uint32_t length = 0
    w.p += 1
    while peek(w) != 125:
        if not name(w, &key):
            return False
        if is_named(slice_of(path.ptr + 1, path.len - 1), key, &length):
            path[0] = slice_of(path.ptr + 1 + length, path.len - 1 - length)
            return True
        if value(w, &ignored) == JSON_NOTHING or not separator(w, 123):
            return False
    return False


# Enters the array at p up to the element of the path's next index.
cdef bint enter_array(walk_t* w, slice_t* path) noexcept nogil:
    cdef slice_t ignored
    cdef uint32_t index = 0, i = 1
    while i < path.len and is_digit(path.ptr[i]) and index < INDEX_MAX:
        index = index * 10 + <uint8_t> (path.ptr[i] - 48)
        i += 1
    if i == 1 or i >= path.len or path.ptr[i] != 93:
        return False
    w.p += 1
    while peek(w) != 93:
        if index == 0:
            path[0] = slice_of(path.ptr + i + 1, path.len - i - 1)
            return True
        if value(w, &ignored) == JSON_NOTHING or not separator(w, 91):
            return False
        index -= 1
    return False


cdef json_kind_t json_find(slice_t text, slice_t path, slice_t* token) noexcept nogil:
    cdef walk_t w
    cdef char c
    cdef bint found
    w.p = text.ptr
    w.end = text.ptr + text.len
    w.depth = 0
    if text.len == 0 or path.len == 0 or path.ptr[0] != 36:
        return JSON_NOTHING
    path = slice_of(path.ptr + 1, path.len - 1)
    while path.len:
        c = peek(&w)
        if w.depth >= JSON_DEPTH:
            return JSON_NOTHING
        w.depth += 1
        if path.ptr[0] == 46 and c == 123:
            found = enter_object(&w, &path)
        elif path.ptr[0] == 91 and c == 91:
            found = enter_array(&w, &path)
        else:
            found = False
        if not found:
            return JSON_NOTHING
    return value(&w, token)
