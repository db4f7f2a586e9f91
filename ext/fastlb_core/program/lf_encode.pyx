# Writing a format's values; contracts in lf_encode.pxd.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t

cdef const char* HEX = b"0123456789ABCDEF"


cdef void lf_put(lf_out_t* out, slice_t text) noexcept nogil:
    cdef uint64_t room = <uint64_t> (out.end - out.at)
    cdef uint64_t n = text.len if text.len < room else room
    if n:
        memcpy(out.at, text.ptr, n)
        out.at += n


cdef void lf_put_escaped(lf_out_t* out, slice_t text) noexcept nogil:
    cdef uint32_t i
    cdef char byte
    for i in range(text.len):
        byte = text.ptr[i]
        if byte == b'"' or byte == b'\\' or byte == b']':
            if out.end - out.at < 2:
                return
            lf_put_byte(out, b'\\')
        lf_put_byte(out, <uint8_t> byte)


cdef void lf_put_percent(lf_out_t* out, slice_t text, bint is_escaped) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t byte
    for i in range(text.len):
        byte = <uint8_t> text.ptr[i]
        if out.end - out.at < 3:
            return
        if byte < 32 and byte != 9 or byte == 127:
            lf_put_byte(out, b'%')
            lf_put_byte(out, HEX[byte >> 4])
            lf_put_byte(out, HEX[byte & 15])
            continue
        if is_escaped and (byte == b'"' or byte == b'\\' or byte == b']'):
            lf_put_byte(out, b'\\')
        lf_put_byte(out, byte)


cdef void lf_put_int(lf_out_t* out, int64_t number) noexcept nogil:
    cdef char digits[20]
    cdef uint32_t at = 20
    cdef uint64_t value = <uint64_t> number
    if number < 0:
        lf_put_byte(out, b'-')
        value = 0 - value
    while True:
        at -= 1
        digits[at] = <char> (48 + value % 10)
        value //= 10
        if value == 0:
            break
    lf_put(out, slice_of(digits + at, 20 - at))


cdef void lf_put_hex(lf_out_t* out, int64_t number, uint32_t width) noexcept nogil:
    cdef char digits[16]
    cdef uint32_t at = 16
    cdef uint64_t value = <uint64_t> number
    while value or 16 - at < width and at:
        at -= 1
        digits[at] = HEX[value & 15]
        value >>= 4
    lf_put(out, slice_of(digits + at, 16 - at))


cdef void lf_put_json(lf_out_t* out, slice_t text) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t byte
    lf_put_byte(out, b'"')
    for i in range(text.len):
        byte = <uint8_t> text.ptr[i]
        # Room for the longest form and the closing quote: a string that is cut is still one.
        if out.end - out.at < 7:
            break
        if byte == 34 or byte == 92:
            lf_put_byte(out, b'\\')
            lf_put_byte(out, byte)
        elif byte >= 32 and byte != 127:
            lf_put_byte(out, byte)
        elif 8 <= byte <= 13 and byte != 11:
            lf_put_byte(out, b'\\')
            lf_put_byte(out, b"btn_fr"[byte - 8])
        else:
            lf_put(out, slice_of(b"\\u00", 4))
            lf_put_byte(out, HEX[byte >> 4])
            lf_put_byte(out, HEX[byte & 15])
    lf_put_byte(out, b'"')


cdef void lf_put_cbor_byte(lf_out_t* out, uint8_t byte, bint is_binary) noexcept nogil:
    if is_binary:
        lf_put_byte(out, byte)
    elif out.end - out.at >= 2:
        lf_put_byte(out, HEX[byte >> 4])
        lf_put_byte(out, HEX[byte & 15])


cdef void lf_put_cbor_head(lf_out_t* out, uint8_t major, int64_t argument, bint is_binary) noexcept nogil:
    cdef uint64_t value = <uint64_t> argument
    cdef int n_bytes, i
    if value < 24:
        lf_put_cbor_byte(out, <uint8_t> (major << 5 | value), is_binary)
        return
    n_bytes = 1 if value < 0x100 else 2 if value < 0x10000 else 4 if value >> 32 == 0 else 8
    lf_put_cbor_byte(out, major << 5 | (24 if n_bytes == 1 else 25 if n_bytes == 2 else 26 if n_bytes == 4 else 27), is_binary)
    for i in range(n_bytes):
        lf_put_cbor_byte(out, <uint8_t> (value >> 8 * (n_bytes - 1 - i)), is_binary)


cdef void lf_put_cbor_text(lf_out_t* out, slice_t text, bint is_binary) noexcept nogil:
    cdef uint32_t i
    lf_put_cbor_head(out, 3, text.len, is_binary)
    if is_binary:
        lf_put(out, text)
        return
    for i in range(text.len):
        lf_put_cbor_byte(out, <uint8_t> text.ptr[i], False)
