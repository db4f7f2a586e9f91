# Casts between sample types; contracts in sample.pxd.
#
# Knows what HAProxy makes of a value of one type where another is wanted (seen on 2.6). Must not know fetches.

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport METHOD_OTHER, method_name, method_of
from fastlb_core.net.address cimport ADDR_TEXT_MAX, addr_read_v4, addr_read_v6, addr_write_v4, addr_write_v6

cdef enum:
    NUMBER_MAX = 24              # bytes of an int64 in decimal, with its sign


cdef bint smp_can_cast(uint8_t have, uint8_t want) noexcept nogil:
    if want == SMP_T_ANY or want == SMP_T_SAME or have == want or have == SMP_T_ANY:
        return True
    if want == SMP_T_STR:
        return True
    if want == SMP_T_ADDR:
        return have == SMP_T_IPV4 or have == SMP_T_IPV6 or have == SMP_T_SINT or have == SMP_T_STR
    if have == SMP_T_BOOL:
        return want == SMP_T_SINT
    if have == SMP_T_SINT:
        return want != SMP_T_METH
    if have == SMP_T_IPV4:
        return want == SMP_T_SINT or want == SMP_T_IPV6 or want == SMP_T_BIN
    if have == SMP_T_IPV6:
        return want == SMP_T_IPV4 or want == SMP_T_BIN
    if have == SMP_T_ADDR:
        return want == SMP_T_IPV4 or want == SMP_T_IPV6 or want == SMP_T_BIN or want == SMP_T_SINT
    if have == SMP_T_STR:
        return True
    if have == SMP_T_METH:
        return want == SMP_T_BIN
    return have == SMP_T_BIN and want == SMP_T_METH


# ---- from numbers

cdef uint32_t write_int(char* dst, int64_t number) noexcept nogil:
    """Decimal digits at dst (NUMBER_MAX bytes); returns how many."""
    cdef char digits[NUMBER_MAX]
    cdef uint32_t at = NUMBER_MAX
    cdef uint64_t rest = <uint64_t> number if number >= 0 else 0 - <uint64_t> number
    while True:
        at -= 1
        digits[at] = <char> (48 + rest % 10)
        rest //= 10
        if rest == 0:
            break
    if number < 0:
        at -= 1
        digits[at] = b'-'
    memcpy(dst, &digits[at], NUMBER_MAX - at)
    return NUMBER_MAX - at


cdef bint int_to_text(eval_t* ev, sample_t* smp) noexcept nogil:
    cdef char* text = scratch_take(ev, NUMBER_MAX)
    if text == NULL:
        return False
    return smp_set_own(smp, SMP_T_STR, text, write_int(text, smp.num), NUMBER_MAX)


cdef bint int_to_bytes(eval_t* ev, sample_t* smp) noexcept nogil:
    """haproxy: an integer as data is its eight bytes in network order."""
    cdef char* bytes = scratch_take(ev, 8)
    cdef int i
    if bytes == NULL:
        return False
    for i in range(8):
        bytes[i] = <char> (<uint64_t> smp.num >> (56 - 8 * i) & 255)
    return smp_set_own(smp, SMP_T_BIN, bytes, 8, 8)


cdef bint int_to_v4(sample_t* smp) noexcept nogil:
    cdef int i
    for i in range(4):
        smp.ip[i] = <uint8_t> (<uint64_t> smp.num >> (24 - 8 * i) & 255)
    smp.type = SMP_T_IPV4
    return True


# ---- from addresses

cdef void v4_to_v6(sample_t* smp) noexcept nogil:
    """As an IPv4-mapped address, ::ffff:a.b.c.d."""
    memcpy(&smp.ip[12], smp.ip, 4)
    memset(smp.ip, 0, 10)
    smp.ip[10] = 255
    smp.ip[11] = 255
    smp.type = SMP_T_IPV6


cdef bint v6_to_v4(sample_t* smp) noexcept nogil:
    """haproxy: mapped (::ffff:0:0/96), 6to4 (2002::/16) and RFC 6052 (64:ff9b::/96) addresses hold an IPv4 one."""
    cdef int i, at = 12
    cdef bint is_zero = True
    for i in range(10):
        is_zero = is_zero and smp.ip[i] == 0
    if smp.ip[0] == 0x20 and smp.ip[1] == 2:
        at = 2
    elif not (is_zero and smp.ip[10] == 255 and smp.ip[11] == 255):
        if smp.ip[0] != 0 or smp.ip[1] != 0x64 or smp.ip[2] != 255 or smp.ip[3] != 0x9b:
            return False
        for i in range(4, 12):
            if smp.ip[i] != 0:
                return False
    for i in range(4):
        smp.ip[i] = smp.ip[at + i]
    smp.type = SMP_T_IPV4
    return True


cdef bint ip_to_text(eval_t* ev, sample_t* smp) noexcept nogil:
    cdef char* text = scratch_take(ev, ADDR_TEXT_MAX)
    cdef uint32_t length
    if text == NULL:
        return False
    length = addr_write_v4(text, smp.ip) if smp.type == SMP_T_IPV4 else addr_write_v6(text, smp.ip)
    return smp_set_own(smp, SMP_T_STR, text, length, ADDR_TEXT_MAX)


cdef bint ip_to_bytes(eval_t* ev, sample_t* smp) noexcept nogil:
    cdef uint32_t length = 4 if smp.type == SMP_T_IPV4 else 16
    cdef char* bytes = scratch_take(ev, length)
    if bytes == NULL:
        return False
    memcpy(bytes, smp.ip, length)
    return smp_set_own(smp, SMP_T_BIN, bytes, length, length)


cdef int64_t v4_number(const sample_t* smp) noexcept nogil:
    return <int64_t> smp.ip[0] << 24 | <int64_t> smp.ip[1] << 16 | <int64_t> smp.ip[2] << 8 | <int64_t> smp.ip[3]


# ---- from text

cdef bint text_to_int(sample_t* smp) noexcept nogil:
    """haproxy: an optional sign and the digits behind it, up to the first other byte; "abc" is 0, "" is no number; beyond 64
    bits the nearest number."""
    cdef slice_t text = smp.str
    cdef bint is_negative = False
    cdef int64_t number = 0
    cdef uint32_t i = 0, digit
    if text.len == 0:
        return False
    if text.ptr[0] == b'-' or text.ptr[0] == b'+':
        is_negative = text.ptr[0] == b'-'
        i = 1
    while i < text.len:
        digit = <uint32_t> <uint8_t> text.ptr[i] - 48
        if digit > 9:
            break
        if number > (INT64_MAX - digit) // 10:
            return smp_set_int(smp, INT64_MIN if is_negative else INT64_MAX)
        number = number * 10 + digit
        i += 1
    return smp_set_int(smp, -number if is_negative else number)


cdef bint text_to_ip(sample_t* smp, uint8_t want) noexcept nogil:
    cdef uint8_t address[16]
    if addr_read_v4(address, smp.str.ptr, smp.str.len):
        memcpy(smp.ip, address, 4)
        smp.type = SMP_T_IPV4
    elif addr_read_v6(address, smp.str.ptr, smp.str.len):
        memcpy(smp.ip, address, 16)
        smp.type = SMP_T_IPV6
    else:
        return False
    if want == SMP_T_IPV4 and smp.type == SMP_T_IPV6:
        return v6_to_v4(smp)
    if want == SMP_T_IPV6 and smp.type == SMP_T_IPV4:
        v4_to_v6(smp)
    return True


cdef void text_to_method(sample_t* smp) noexcept nogil:
    smp.num = method_of(smp.str.ptr, smp.str.len)
    smp.type = SMP_T_METH


cdef void method_to_text(sample_t* smp, uint8_t want) noexcept nogil:
    cdef slice_t name
    if smp.num != METHOD_OTHER:
        name = method_name(<int> smp.num)
        smp_set_str(smp, name.ptr, name.len)
    smp.type = want


cdef bint bytes_to_text(sample_t* smp) noexcept nogil:
    """haproxy: data as text is its bytes up to the first NUL."""
    cdef uint32_t i = 0
    while i < smp.str.len and smp.str.ptr[i] != 0:
        i += 1
    smp.str.len = i
    smp.type = SMP_T_STR
    return True


# ---- the table

cdef bint cast_number(eval_t* ev, sample_t* smp, uint8_t want) noexcept nogil:
    if want == SMP_T_BOOL:
        return smp_set_bool(smp, smp.num != 0)
    if want == SMP_T_SINT:
        return smp_set_int(smp, smp.num)
    if want == SMP_T_STR:
        return int_to_text(ev, smp)
    if want == SMP_T_BIN:
        return int_to_bytes(ev, smp)
    if want == SMP_T_IPV6:
        int_to_v4(smp)
        v4_to_v6(smp)
        return True
    return (want == SMP_T_IPV4 or want == SMP_T_ADDR) and int_to_v4(smp)


cdef bint cast_address(eval_t* ev, sample_t* smp, uint8_t want) noexcept nogil:
    if want == SMP_T_ADDR:
        return True
    if want == SMP_T_STR:
        return ip_to_text(ev, smp)
    if want == SMP_T_BIN:
        return ip_to_bytes(ev, smp)
    if smp.type == SMP_T_IPV6:
        return want == SMP_T_IPV4 and v6_to_v4(smp)
    if want == SMP_T_IPV6:
        v4_to_v6(smp)
        return True
    return want == SMP_T_SINT and smp_set_int(smp, v4_number(smp))


cdef bint cast_text(sample_t* smp, uint8_t want) noexcept nogil:
    if want == SMP_T_BIN:
        smp.type = SMP_T_BIN
        return True
    if want == SMP_T_METH:
        text_to_method(smp)
        return True
    if want == SMP_T_SINT:
        return text_to_int(smp)
    if want == SMP_T_BOOL:
        return text_to_int(smp) and smp_set_bool(smp, smp.num != 0)
    return text_to_ip(smp, want)


cdef bint smp_cast(eval_t* ev, sample_t* smp, uint8_t want) noexcept nogil:
    if want == smp.type or want == SMP_T_ANY or want == SMP_T_SAME:
        return True
    if smp.type == SMP_T_STR:
        return cast_text(smp, want)
    if smp.type == SMP_T_SINT or smp.type == SMP_T_BOOL:
        return cast_number(ev, smp, want)
    if smp.type == SMP_T_IPV4 or smp.type == SMP_T_IPV6:
        return cast_address(ev, smp, want)
    if smp.type == SMP_T_METH:
        if want != SMP_T_STR and want != SMP_T_BIN:
            return False
        method_to_text(smp, want)
        return True
    if want == SMP_T_METH:
        text_to_method(smp)
        return True
    return want == SMP_T_STR and bytes_to_text(smp)


cdef bint smp_make_writable(eval_t* ev, sample_t* smp) noexcept nogil:
    cdef char* copy
    if not smp.flags & SMP_F_CONST and smp.room >= smp.str.len:
        return True
    copy = scratch_take(ev, smp.str.len)
    if copy == NULL:
        return False
    if smp.str.len:
        memcpy(copy, smp.str.ptr, smp.str.len)
    return smp_set_own(smp, smp.type, copy, smp.str.len, smp.str.len)


cdef bint smp_to_text(eval_t* ev, const sample_t* smp, slice_t* text) noexcept nogil:
    cdef sample_t copy
    memcpy(&copy, smp, sizeof(sample_t))
    if not smp_cast(ev, &copy, SMP_T_STR):
        return False
    text[0] = copy.str
    return True
