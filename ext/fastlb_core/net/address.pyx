# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Text of socket addresses; contracts in address.pxd. Readers are strict: one text for one address of IPv4 and for a port.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

from fastlb_core.sys.socket cimport AF_INET, AF_INET6, ntohs, sockaddr_in, sockaddr_in6

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char* text, void* address)


cdef uint32_t addr_write_u32(char* dst, uint32_t number) noexcept nogil:
    cdef char digits[10]
    cdef uint32_t n = 0, i
    while True:
        digits[n] = <char> (48 + number % 10)
        n += 1
        number //= 10
        if number == 0:
            break
    for i in range(n):
        dst[i] = digits[n - 1 - i]
    return n


cdef uint32_t addr_write_v4(char* dst, const uint8_t* address) noexcept nogil:
    cdef uint32_t n = 0, value
    cdef int i
    for i in range(4):
        value = address[i]
        if i:
            dst[n] = b'.'
            n += 1
        if value >= 100:
            dst[n] = <char> (48 + value // 100)
            dst[n + 1] = <char> (48 + value // 10 % 10)
            n += 2
        elif value >= 10:
            dst[n] = <char> (48 + value // 10)
            n += 1
        dst[n] = <char> (48 + value % 10)
        n += 1
    return n


cdef uint32_t write_group(char* dst, uint32_t group) noexcept nogil:
    """One 16-bit group in hexadecimal without leading zeros."""
    cdef uint32_t n = 0
    cdef int shift = 12
    while shift and not group >> shift:
        shift -= 4
    while shift >= 0:
        dst[n] = b"0123456789abcdef"[group >> shift & 15]
        n += 1
        shift -= 4
    return n


cdef void longest_zeros(const uint16_t* groups, int* start, int* length) noexcept nogil:
    """The first longest run of two zero groups or more (RFC 5952, 4.2.2 and 4.2.3); length 0 when there is none."""
    cdef int i = 0, begin
    start[0] = -1
    length[0] = 0
    while i < 8:
        begin = i
        while i < 8 and groups[i] == 0:
            i += 1
        if i - begin > length[0] and i - begin > 1:
            start[0] = begin
            length[0] = i - begin
        i += 1


cdef uint32_t addr_write_v6(char* dst, const uint8_t* address) noexcept nogil:
    cdef uint16_t groups[8]
    cdef int i, start, length
    cdef uint32_t n = 0
    for i in range(8):
        groups[i] = <uint16_t> (address[2 * i] << 8 | address[2 * i + 1])
    longest_zeros(groups, &start, &length)
    i = 0
    while i < 8:
        if i == start:
            dst[n] = b':'
            dst[n + 1] = b':'
            n += 2
            i += length
            continue
        if i and i != start + length:
            dst[n] = b':'
            n += 1
        # glibc: ::a.b.c.d and ::ffff:a.b.c.d end as IPv4
        if i == 6 and start == 0 and (length == 6 or length == 5 and groups[5] == 0xFFFF):
            return n + addr_write_v4(dst + n, address + 12)
        n += write_group(dst + n, groups[i])
        i += 1
    return n


cdef uint32_t addr_write_ip(char* dst, const void* address) noexcept nogil:
    cdef const sockaddr_in* v4 = <const sockaddr_in*> address
    cdef const sockaddr_in6* v6 = <const sockaddr_in6*> address
    if v4.sin_family == AF_INET:
        return addr_write_v4(dst, <const uint8_t*> &v4.sin_addr)
    if v6.sin6_family == AF_INET6:
        return addr_write_v6(dst, <const uint8_t*> &v6.sin6_addr)
    return 0


cdef uint32_t addr_length(const void* address) noexcept nogil:
    cdef const sockaddr_in* inet = <const sockaddr_in*> address
    if inet.sin_family == AF_INET:
        return sizeof(sockaddr_in)
    return sizeof(sockaddr_in6) if inet.sin_family == AF_INET6 else 0


cdef uint16_t addr_port(const void* address) noexcept nogil:
    # sin_port and sin6_port are at the same place
    cdef const sockaddr_in* inet = <const sockaddr_in*> address
    if inet.sin_family == AF_INET or inet.sin_family == AF_INET6:
        return ntohs(inet.sin_port)
    return 0


cdef int read_number(const char* text, uint32_t length, int limit) noexcept nogil:
    """Decimal without leading zeros, up to `limit`; -1 when it is none."""
    cdef uint32_t i, digit
    cdef int number = 0
    if length == 0 or length > 5 or (length > 1 and text[0] == b'0'):
        return -1
    for i in range(length):
        digit = <uint32_t> (<uint8_t> text[i]) - 48
        if digit > 9:
            return -1
        number = number * 10 + <int> digit
    return number if number <= limit else -1


cdef int addr_read_port(const char* text, uint32_t length) noexcept nogil:
    return read_number(text, length, 65535)


cdef bint addr_read_v4(uint8_t* address, const char* text, uint32_t length) noexcept nogil:
    cdef uint32_t start = 0, end
    cdef int i, number
    for i in range(4):
        end = start
        while end < length and text[end] != b'.':
            end += 1
        number = read_number(text + start, end - start, 255)
        if number < 0 or (end == length) != (i == 3):
            return False
        address[i] = <uint8_t> number
        start = end + 1
    return True


cdef bint addr_read_v6(uint8_t* address, const char* text, uint32_t length) noexcept nogil:
    cdef char copy[46]
    cdef uint32_t i
    if length >= sizeof(copy):
        return False
    for i in range(length):
        if text[i] == 0:
            return False
        copy[i] = text[i]
    copy[length] = 0
    return inet_pton(AF_INET6, copy, address) == 1
