# Socket addresses as text, and back: for the PROXY protocol and for log lines.
#
# Knows sockaddr_in and sockaddr_in6. Must not know connections. Writes no terminating NUL.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    ADDR_TEXT_MAX = 46           # bytes that addr_write_ip may write
    ADDR_NUMBER_MAX = 10         # bytes that addr_write_u32 may write

# The IP address of a sockaddr_in or sockaddr_in6 as inet_ntop writes it; returns the bytes written, 0 for other families.
cdef uint32_t addr_write_ip(char* dst, const void* sockaddr) noexcept nogil
# 4 bytes as a dotted quad; at most 15 bytes written.
cdef uint32_t addr_write_v4(char* dst, const uint8_t* address) noexcept nogil
# 16 bytes as RFC 5952 section 4 wants them, mapped and compatible IPv4 dotted (as glibc does); at most 45 bytes written.
cdef uint32_t addr_write_v6(char* dst, const uint8_t* address) noexcept nogil
# Decimal digits of `number`; at most 10 bytes written.
cdef uint32_t addr_write_u32(char* dst, uint32_t number) noexcept nogil
# The bytes of a sockaddr_in or sockaddr_in6, 0 for other families.
cdef uint32_t addr_length(const void* sockaddr) noexcept nogil
# The port in host order, 0 for families without one.
cdef uint16_t addr_port(const void* sockaddr) noexcept nogil
# The dotted quad of exactly `length` bytes, without leading zeros, into 4 bytes; False when it is none.
cdef bint addr_read_v4(uint8_t* address, const char* text, uint32_t length) noexcept nogil
# The IPv6 address of exactly `length` bytes (as inet_pton takes it, no zone) into 16 bytes; False when it is none.
cdef bint addr_read_v6(uint8_t* address, const char* text, uint32_t length) noexcept nogil
# Decimal port of exactly `length` bytes, without leading zeros; -1 when it is none or above 65535.
cdef int addr_read_port(const char* text, uint32_t length) noexcept nogil
