# Normalizers; contracts in normalize.pxd.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp, memcpy

from fastlb_core.base.slice cimport lower_byte, slice_of, slice_t

cdef enum:
    HASH = 35
    PERCENT = 37
    AMPERSAND = 38
    DOT = 46
    SLASH = 47
    EQUALS = 61


cdef norm_part_t norm_part(int normalizer) noexcept nogil:
    if normalizer == NORM_QUERY_SORT:
        return NORM_QUERY
    return NORM_PATH if NORM_MERGE_SLASHES <= normalizer <= NORM_STRIP_DOTDOT_FULL else NORM_PATH_QUERY


cdef uint32_t norm_room(int normalizer, uint32_t n) noexcept nogil:
    if normalizer == NORM_FRAGMENT_ENCODE:
        return 3 * n
    if normalizer == NORM_STRIP_DOTDOT:
        return n + 1
    if normalizer == NORM_QUERY_SORT:
        # The places of the parameters, then the text.
        return 4 * (n + 1) + n
    return n


# ---- fragments

cdef uint32_t encode_fragment(slice_t text, char* dst) noexcept nogil:
    cdef uint32_t i, at = 0
    for i in range(text.len):
        if text.ptr[i] == HASH:
            memcpy(dst + at, "%23", 3)
            at += 3
        else:
            dst[at] = text.ptr[i]
            at += 1
    return at


cdef uint32_t strip_fragment(slice_t text, char* dst) noexcept nogil:
    cdef const char* mark = <const char*> memchr(text.ptr, HASH, text.len)
    cdef uint32_t n = text.len if mark == NULL else <uint32_t> (mark - text.ptr)
    memcpy(dst, text.ptr, n)
    return n


# ---- paths

cdef uint32_t merge_slashes(slice_t text, char* dst) noexcept nogil:
    cdef uint32_t i, at = 0
    for i in range(text.len):
        if text.ptr[i] == SLASH and at and dst[at - 1] == SLASH:
            continue
        dst[at] = text.ptr[i]
        at += 1
    return at


# The next segment of a path, its slash not included; *at is then behind the slash, or beyond the end.
cdef inline slice_t next_segment(slice_t text, uint32_t* at) noexcept nogil:
    cdef uint32_t start = at[0], end = start
    while end < text.len and text.ptr[end] != SLASH:
        end += 1
    at[0] = end + 1
    return slice_of(text.ptr + start, end - start)


cdef uint32_t strip_dots(slice_t text, char* dst) noexcept nogil:
    cdef uint32_t next = 0, at = 0
    cdef slice_t segment
    while next < text.len:
        segment = next_segment(text, &next)
        if segment.len == 1 and segment.ptr[0] == DOT:
            continue
        memcpy(dst + at, segment.ptr, segment.len)
        at += segment.len
        if next <= text.len:
            dst[at] = SLASH
            at += 1
    return at


# Where the last of the segments that end at `at` (all with their slashes) begins.
cdef inline uint32_t last_segment(const char* dst, uint32_t at) noexcept nogil:
    at -= 1
    while at and dst[at - 1] != SLASH:
        at -= 1
    return at


# The path's first slash is kept; behind it, `floor` is where segments begin that a ".." may take away: what is before it is a
# ".." that found nothing to take.
cdef uint32_t strip_dotdots(slice_t text, char* dst, bint is_full) noexcept nogil:
    cdef uint32_t next = 0, at = 0, floor
    cdef slice_t segment
    if text.ptr[0] == SLASH:
        dst[0] = SLASH
        next = at = 1
    floor = at
    while next < text.len:
        segment = next_segment(text, &next)
        if segment.len == 2 and segment.ptr[0] == DOT and segment.ptr[1] == DOT:
            if at > floor:
                at = last_segment(dst, at)
                continue
            if is_full:
                continue
            # haproxy: such a segment has its slash even at the end.
            memcpy(dst + at, "../", 3)
            at += 3
            floor = at
            continue
        memcpy(dst + at, segment.ptr, segment.len)
        at += segment.len
        if next <= text.len:
            dst[at] = SLASH
            at += 1
    return at


# ---- percent signs

cdef inline int hex_value(uint8_t c) noexcept nogil:
    if 48 <= c <= 57:
        return c - 48
    c = lower_byte(c)
    return c - 87 if 97 <= c <= 102 else -1


# The byte that %XX at text[i] stands for, -1 when it is none.
cdef inline int encoded_byte(slice_t text, uint32_t i) noexcept nogil:
    cdef int high, low
    if text.ptr[i] != PERCENT or text.len - i < 3:
        return -1
    high = hex_value(<uint8_t> text.ptr[i + 1])
    low = hex_value(<uint8_t> text.ptr[i + 2])
    return high * 16 + low if high >= 0 and low >= 0 else -1


# RFC 3986 2.3.
cdef inline bint is_unreserved(int c) noexcept nogil:
    return 97 <= c <= 122 or 65 <= c <= 90 or 48 <= c <= 57 or c == 45 or c == 46 or c == 95 or c == 126


cdef inline char upper_hex(char c) noexcept nogil:
    return c - 32 if 97 <= c <= 102 else c


cdef norm_status_t percents(slice_t text, char* dst, bint decode, bint is_strict, uint32_t* length) noexcept nogil:
    cdef uint32_t i = 0, at = 0
    cdef int byte
    while i < text.len:
        byte = encoded_byte(text, i)
        if byte < 0:
            if is_strict and text.ptr[i] == PERCENT:
                return NORM_INVALID
            dst[at] = text.ptr[i]
            at += 1
            i += 1
            continue
        if decode and is_unreserved(byte):
            dst[at] = <char> byte
            at += 1
        else:
            dst[at] = PERCENT
            dst[at + 1] = text.ptr[i + 1] if decode else upper_hex(text.ptr[i + 1])
            dst[at + 2] = text.ptr[i + 2] if decode else upper_hex(text.ptr[i + 2])
            at += 3
        i += 3
    length[0] = at
    return NORM_DONE


# ---- the query

# The text from `off` up to a byte that is one of the two, or the end.
cdef inline slice_t until(slice_t text, uint32_t off, char one, char other) noexcept nogil:
    cdef uint32_t end = off
    while end < text.len and text.ptr[end] != one and text.ptr[end] != other:
        end += 1
    return slice_of(text.ptr + off, end - off)


# Whether the parameter at a stands after the one at b: by name, then by place.
cdef bint is_after(slice_t text, uint32_t a, uint32_t b) noexcept nogil:
    cdef slice_t left = until(text, a, AMPERSAND, EQUALS)
    cdef slice_t right = until(text, b, AMPERSAND, EQUALS)
    cdef uint32_t common = left.len if left.len < right.len else right.len
    cdef int order = memcmp(left.ptr, right.ptr, common) if common else 0
    if order == 0:
        if left.len == right.len:
            return a > b
        return left.len > right.len
    return order > 0


cdef void sift(slice_t text, uint32_t* heap, uint32_t n, uint32_t i) noexcept nogil:
    cdef uint32_t child, moved = heap[i]
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and is_after(text, heap[child + 1], heap[child]):
            child += 1
        if not is_after(text, heap[child], moved):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moved


# A heap sort: no more memory than one offset for each parameter, and no input makes it slow.
cdef void sort_parameters(slice_t text, uint32_t* places, uint32_t n) noexcept nogil:
    cdef uint32_t i, last
    for i in range(n // 2, 0, -1):
        sift(text, places, n, i - 1)
    for i in range(n, 1, -1):
        last = places[i - 1]
        places[i - 1] = places[0]
        places[0] = last
        sift(text, places, i - 1, 0)


# haproxy: an empty parameter at the end goes.
cdef uint32_t sort_query(slice_t text, char* dst) noexcept nogil:
    cdef uint32_t* places = <uint32_t*> dst
    cdef uint32_t n = 0, at = 0, off = 0, i
    cdef slice_t piece
    cdef char* out = dst + 4 * (text.len + 1)
    while off < text.len:
        places[n] = off
        n += 1
        off += until(text, off, AMPERSAND, AMPERSAND).len + 1
    sort_parameters(text, places, n)
    for i in range(n):
        piece = until(text, places[i], AMPERSAND, AMPERSAND)
        if i:
            out[at] = AMPERSAND
            at += 1
        memcpy(out + at, piece.ptr, piece.len)
        at += piece.len
    memcpy(dst, out, at)
    return at


cdef norm_status_t norm_apply(int normalizer, slice_t text, char* dst, uint32_t room, uint32_t* length) noexcept nogil:
    if norm_room(normalizer, text.len) > room:
        return NORM_NO_ROOM
    length[0] = 0
    if text.len == 0:
        return NORM_DONE
    if normalizer == NORM_FRAGMENT_ENCODE:
        length[0] = encode_fragment(text, dst)
    elif normalizer == NORM_FRAGMENT_STRIP:
        length[0] = strip_fragment(text, dst)
    elif normalizer == NORM_MERGE_SLASHES:
        length[0] = merge_slashes(text, dst)
    elif normalizer == NORM_STRIP_DOT:
        length[0] = strip_dots(text, dst)
    elif normalizer == NORM_STRIP_DOTDOT or normalizer == NORM_STRIP_DOTDOT_FULL:
        length[0] = strip_dotdots(text, dst, normalizer == NORM_STRIP_DOTDOT_FULL)
    elif normalizer == NORM_QUERY_SORT:
        length[0] = sort_query(text, dst)
    else:
        return percents(
            text, dst, normalizer <= NORM_DECODE_UNRESERVED_STRICT,
            normalizer == NORM_DECODE_UNRESERVED_STRICT or normalizer == NORM_TO_UPPERCASE_STRICT, length,
        )
    return NORM_DONE
