# Values of maps: text that stands for a number or an address.

from libc.stdint cimport int64_t, uint8_t
from fastlb_core.base.slice cimport slice_t

# A whole decimal number with an optional sign; beyond 64 bits the nearest, of no digits 0. False for other text.
cdef bint pat_read_int(slice_t text, int64_t* number) noexcept nogil
# An address; returns its length, 4 or 16, or 0. What follows an IPv4 address behind a slash or a space is ignored.
cdef uint8_t pat_read_ip(slice_t text, uint8_t* address) noexcept nogil
