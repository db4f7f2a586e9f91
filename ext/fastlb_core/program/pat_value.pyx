# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Values of maps as HAProxy reads them (seen on 2.6); contracts in pat_value.pxd.

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.net.address cimport addr_read_v4, addr_read_v6


cdef bint pat_read_int(slice_t text, int64_t* number) noexcept nogil:
    cdef uint32_t i = 0
    cdef int64_t digit
    cdef bint is_negative = text.len > 0 and text.ptr[0] == b'-'
    number[0] = 0
    if text.len and (text.ptr[0] == b'-' or text.ptr[0] == b'+'):
        i = 1
    while i < text.len:
        digit = text.ptr[i] - 48
        if not 0 <= digit <= 9:
            return False
        if number[0] > (INT64_MAX - digit) // 10:
            number[0] = INT64_MIN if is_negative else INT64_MAX
            return True
        number[0] = number[0] * 10 + digit
        i += 1
    if is_negative:
        number[0] = -number[0]
    return True


cdef uint8_t pat_read_ip(slice_t text, uint8_t* address) noexcept nogil:
    cdef uint32_t length = 0
    while length < text.len and text.ptr[length] != b'/' and text.ptr[length] != b' ' and text.ptr[length] != b'\t':
        length += 1
    if addr_read_v4(address, text.ptr, length):
        return 4
    return 16 if addr_read_v6(address, text.ptr, text.len) else 0
