# Normalizers of request targets (`http-request normalize-uri`, manual, section 4.2).
#
# Knows RFC 3986 6.2.2 and HAProxy's choice of steps. Must not know messages or rules. Each takes a piece of the target (its
# path, its query, or both) and writes what it becomes; no input takes more than n log n steps.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t

cdef enum normalizer_t:          # the numbers are those of config/actions/request_line.py
    NORM_FRAGMENT_ENCODE = 0
    NORM_FRAGMENT_STRIP = 1
    NORM_MERGE_SLASHES = 2
    NORM_STRIP_DOT = 3
    NORM_STRIP_DOTDOT = 4
    NORM_STRIP_DOTDOT_FULL = 5
    NORM_DECODE_UNRESERVED = 6
    NORM_DECODE_UNRESERVED_STRICT = 7
    NORM_TO_UPPERCASE = 8
    NORM_TO_UPPERCASE_STRICT = 9
    NORM_QUERY_SORT = 10

cdef enum norm_part_t:           # what a normalizer works on
    NORM_PATH = 0
    NORM_QUERY = 1
    NORM_PATH_QUERY = 2

cdef enum norm_status_t:
    NORM_DONE = 0
    NORM_INVALID = 1             # strict: a percent sign that begins no byte
    NORM_NO_ROOM = 2

cdef norm_part_t norm_part(int normalizer) noexcept nogil
# The bytes at dst that norm_apply may need for n bytes, its working memory among them (dst must be aligned to 4).
cdef uint32_t norm_room(int normalizer, uint32_t n) noexcept nogil
# Writes the normalized text to dst. *length: its bytes.
cdef norm_status_t norm_apply(int normalizer, slice_t text, char* dst, uint32_t room, uint32_t* length) noexcept nogil
