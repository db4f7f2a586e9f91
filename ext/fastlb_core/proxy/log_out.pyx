# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# What log_out.pxd does not inline.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.net.address cimport addr_port, addr_write_ip


cdef extern from *:
    """
    static const char flb_digit_pairs[201] =
        "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
        "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    """
    const char* DIGIT_PAIRS "flb_digit_pairs"


cdef void out_u64(out_t* out, uint64_t number) noexcept nogil:
    cdef char digits[20]
    cdef uint32_t at = 20, pair
    while number >= 100:
        pair = <uint32_t> (number % 100) * 2
        number //= 100
        at -= 2
        digits[at] = DIGIT_PAIRS[pair]
        digits[at + 1] = DIGIT_PAIRS[pair + 1]
    if number >= 10:
        at -= 2
        digits[at] = DIGIT_PAIRS[number * 2]
        digits[at + 1] = DIGIT_PAIRS[number * 2 + 1]
    else:
        at -= 1
        digits[at] = <char> (48 + number)
    out_bytes(out, digits + at, 20 - at)


cdef void out_escaped(out_t* out, slice_t text) noexcept nogil:
    escape(out, text, 126)


cdef void out_escaped_header(out_t* out, slice_t text) noexcept nogil:
    escape(out, text, 122)


cdef inline void escape(out_t* out, slice_t text, uint8_t last) noexcept nogil:
    """`last`: of the bytes that are shown as they are; of those behind it only `~` is."""
    cdef uint32_t i
    cdef uint8_t byte
    cdef char* at = out.at
    for i in range(text.len):
        if out.end - at < 3:
            break
        byte = <uint8_t> text.ptr[i]
        if 32 <= byte <= last and byte != b'"' and byte != b'#' or byte == b'~':
            at[0] = <char> byte
            at += 1
        else:
            at[0] = b'#'
            at[1] = b"0123456789ABCDEF"[byte >> 4]
            at[2] = b"0123456789ABCDEF"[byte & 15]
            at += 3
    out.at = at


cdef void out_address(out_t* out, const void* sockaddr, uint32_t listener_id) noexcept nogil:
    cdef uint32_t length = addr_write_ip(out.at, sockaddr)
    if length == 0:
        out_bytes(out, b"unix:", 5)
        out_u64(out, listener_id)
        return
    out.at += length
    out_byte(out, b':')
    out_u64(out, addr_port(sockaddr))
