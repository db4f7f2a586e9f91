# Base64 (RFC 4648, sections 4 and 5).
#
# Knows both alphabets and their padding. Must not know where the text comes from.

from libc.stdint cimport int64_t, uint8_t, uint32_t

# Decodes all of `text` into `out`, which must hold length * 3 / 4 + 3 bytes, and returns the number of bytes, or -1 for text
# that is not base64. Standard alphabet; the length must be a multiple of four, with at most two "=" at the end.
cdef int64_t base64_decode(const char* text, uint32_t length, char* out) noexcept nogil
# The URL alphabet without padding, as in JWT (RFC 7515, section 2).
cdef int64_t base64url_decode(const char* text, uint32_t length, char* out) noexcept nogil
# Standard alphabet with padding; `out` must hold (length + 2) / 3 * 4 characters, which is returned.
cdef uint32_t base64_encode(const uint8_t* bytes, uint32_t length, char* out) noexcept nogil
