# A run of bytes somewhere else: pointer and length.
# Knows ASCII comparison and trimming; must not know who owns the bytes, and never copies or allocates.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
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

cdef extern from *:
    """
    #ifndef FLB_SLICE_H
    #define FLB_SLICE_H
    #include <stdint.h>
    #include <string.h>
    /* Eight bytes at once: bit 7 of each byte that is A to Z, moved to bit 5, is what makes it lower case. */
    static inline uint64_t flb_lower8(uint64_t x)
    {
        uint64_t low = x & 0x7f7f7f7f7f7f7f7fu;
        uint64_t above_z = low + 0x2525252525252525u;
        uint64_t from_a = low + 0x3f3f3f3f3f3f3f3fu;
        return x | ((~x & 0x8080808080808080u & (from_a ^ above_z)) >> 2);
    }
    static inline void flb_lower(char* p, uint32_t n)
    {
        uint64_t x, last;
        uint32_t i;
        if (n < 8) {
            for (i = 0; i < n; i++)
                p[i] |= ((uint8_t)(p[i] - 'A') < 26) << 5;
            return;
        }
        memcpy(&last, p + n - 8, 8);
        for (i = 0; i + 8 < n; i += 8) {
            memcpy(&x, p + i, 8);
            x = flb_lower8(x);
            memcpy(p + i, &x, 8);
        }
        last = flb_lower8(last);
        memcpy(p + n - 8, &last, 8);
    }
    /* memcmp() == 0 without the call, which costs more than a header name's comparison. */
    static inline int flb_same(const char* a, const char* b, uint32_t n)
    {
        uint64_t x, y;
        uint32_t i;
        if (n < 8) {
            for (i = 0; i < n; i++)
                if (a[i] != b[i])
                    return 0;
            return 1;
        }
        for (i = 0; i + 8 < n; i += 8) {
            memcpy(&x, a + i, 8);
            memcpy(&y, b + i, 8);
            if (x != y)
                return 0;
        }
        memcpy(&x, a + n - 8, 8);
        memcpy(&y, b + n - 8, 8);
        return x == y;
    }
    #endif
    """
    # Puts A to Z into lower case in place, no other byte. For names of some ten bytes.
    void lower_in_place "flb_lower" (char* bytes, uint32_t length) noexcept nogil
    # Eight bytes at once, A to Z in lower case.
    uint64_t lower_eight "flb_lower8" (uint64_t eight) noexcept nogil
    # Whether length bytes are the same. For names of some ten bytes.
    bint same_bytes "flb_same" (const char* a, const char* b, uint32_t length) noexcept nogil

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
