# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Base64. Contracts: base64.pxd.

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef enum:
    NO_DIGIT = 255

cdef const char* LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef uint8_t[256] standard
cdef uint8_t[256] url


cdef int64_t decode(const uint8_t* digits, const char* text, uint32_t length, char* out) noexcept nogil:
    cdef uint32_t i, bits = 0, have = 0
    cdef int64_t n = 0
    cdef uint8_t digit
    if length % 4 == 1:
        return -1
    for i in range(length):
        digit = digits[<uint8_t> text[i]]
        if digit == NO_DIGIT:
            return -1
        bits = bits << 6 | digit
        have += 6
        if have >= 8:
            have -= 8
            out[n] = <char> (bits >> have & 0xFF)
            n += 1
    return n


cdef inline uint32_t unpadded(const char* text, uint32_t length) noexcept nogil:
    if length and text[length - 1] == 61:
        length -= 1
        if length and text[length - 1] == 61:
            length -= 1
    return length


cdef int64_t base64_decode(const char* text, uint32_t length, char* out) noexcept nogil:
    if length % 4:
        return -1
    return decode(standard, text, unpadded(text, length), out)


cdef int64_t base64url_decode(const char* text, uint32_t length, char* out) noexcept nogil:
    return decode(url, text, length, out)


cdef uint32_t base64_encode(const uint8_t* bytes, uint32_t length, char* out) noexcept nogil:
    cdef uint32_t i = 0, n = 0, word, have, at
    while i < length:
        have = length - i if length - i < 3 else 3
        word = <uint32_t> bytes[i] << 16
        if have > 1:
            word |= <uint32_t> bytes[i + 1] << 8
        if have > 2:
            word |= bytes[i + 2]
        for at in range(4):
            out[n + at] = LETTERS[word >> (18 - 6 * at) & 63] if at <= have else 61
        i += 3
        n += 4
    return n


cdef void fill() noexcept nogil:
    cdef uint32_t i
    for i in range(256):
        standard[i] = url[i] = NO_DIGIT
    for i in range(26):
        standard[65 + i] = url[65 + i] = <uint8_t> i
        standard[97 + i] = url[97 + i] = <uint8_t> (26 + i)
    for i in range(10):
        standard[48 + i] = url[48 + i] = <uint8_t> (52 + i)
    standard[43] = url[45] = 62
    standard[47] = url[95] = 63


fill()
