# A run of bytes somewhere else: pointer and length.
# Knows ASCII comparison and trimming; must not know who owns the bytes, and never copies or allocates.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

ctypedef struct slice_t:
    const char* ptr         # borrowed: from whoever made the slice; NULL only when len is 0
    uint32_t len            # bytes

cdef inline slice_t slice_of(const char* ptr, uint32_t length) noexcept nogil:
    cdef slice_t s
    s.ptr = ptr
    s.len = length
    return s

cdef inline bint slice_eq(slice_t a, const char* ptr, uint32_t length) noexcept nogil:
    return a.len == length and memcmp(a.ptr, ptr, length) == 0

# A to Z become a to z, every other byte stays: never the locale's, never beyond ASCII.
cdef inline uint8_t lower_byte(uint8_t c) noexcept nogil:
    return c | 0x20 if <uint8_t> (c - 65) < 26 else c

# `lower` must be in lower case already.
cdef inline bint slice_eq_nocase(slice_t a, const char* lower, uint32_t length) noexcept nogil:
    cdef uint32_t i
    if a.len != length:
        return False
    for i in range(length):
        if lower_byte(<uint8_t> a.ptr[i]) != <uint8_t> lower[i]:
            return False
    return True

# `lower` must be in lower case already.
cdef inline bint slice_starts_nocase(slice_t a, const char* lower, uint32_t length) noexcept nogil:
    if a.len < length:
        return False
    return slice_eq_nocase(slice_of(a.ptr, length), lower, length)

# Without the optional white space (SP and TAB only, RFC 9110 5.6.3) at both ends.
cdef inline slice_t slice_trim(slice_t a) noexcept nogil:
    while a.len and (a.ptr[0] == 32 or a.ptr[0] == 9):
        a.ptr += 1
        a.len -= 1
    while a.len and (a.ptr[a.len - 1] == 32 or a.ptr[a.len - 1] == 9):
        a.len -= 1
    return a

# The next element of a comma-separated list (RFC 9110 5.6.1), trimmed, quotes not interpreted; *rest is moved past it.
# Returns False at the end. Empty elements are returned as such.
cdef inline bint slice_next_token(slice_t* rest, slice_t* token) noexcept nogil:
    cdef uint32_t i = 0
    if rest.ptr == NULL:
        return False
    while i < rest.len and rest.ptr[i] != 44:
        i += 1
    token[0] = slice_trim(slice_of(rest.ptr, i))
    if i < rest.len:
        rest.ptr += i + 1
        rest.len -= i + 1
    else:
        rest.ptr = NULL
        rest.len = 0
    return True
