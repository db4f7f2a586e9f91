# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Hashes of 32 bits over bytes. Contracts: hash.pxd. Compared with the installed haproxy in tests/differential.

from libc.stdint cimport uint8_t, uint32_t

cdef uint32_t[256] crc32_table
cdef uint32_t[256] crc32c_table


cdef inline uint32_t rotl(uint32_t value, uint32_t bits) noexcept nogil:
    return value << bits | value >> (32 - bits & 31)


cdef uint32_t hash_sdbm(const char* bytes, uint32_t length) noexcept nogil:
    cdef uint32_t value = 0, i
    for i in range(length):
        value = <uint8_t> bytes[i] + value * 65599
    return value


cdef uint32_t hash_djb2(const char* bytes, uint32_t length) noexcept nogil:
    cdef uint32_t value = 5381, i
    for i in range(length):
        value = value * 33 + <uint8_t> bytes[i]
    return value


# Two words rotate by amounts that they choose themselves, and swap with every byte.
cdef uint32_t hash_wt6(const char* bytes, uint32_t length) noexcept nogil:
    cdef uint32_t a = 0xA53C965AU, b = 0x5CA6953AU, turn_b = 6, turn_a = 18, swapped, chosen, i
    for i in range(length):
        a = ~(a ^ <uint8_t> bytes[i])
        b = ~(b + <uint8_t> bytes[i])
        swapped = rotl(b, turn_b)
        b = rotl(a, turn_a)
        a = swapped
        chosen = ((a >> 16) ^ b) & 0xFFFF
        turn_b = chosen & 31
        turn_a = chosen >> 11
    return a ^ b


cdef inline uint32_t crc(const uint32_t* table, const char* bytes, uint32_t length) noexcept nogil:
    cdef uint32_t value = 0xFFFFFFFFU, i
    for i in range(length):
        value = value >> 8 ^ table[(value ^ <uint8_t> bytes[i]) & 0xFF]
    return ~value


cdef uint32_t hash_crc32(const char* bytes, uint32_t length) noexcept nogil:
    return crc(crc32_table, bytes, length)


cdef uint32_t hash_crc32c(const char* bytes, uint32_t length) noexcept nogil:
    return crc(crc32c_table, bytes, length)


cdef uint32_t hash_avalanche(uint32_t value) noexcept nogil:
    value = (value + 0x7ED55D16U) + (value << 12)
    value = (value ^ 0xC761C23CU) ^ (value >> 19)
    value = (value + 0x165667B1U) + (value << 5)
    value = (value + 0xD3A2646CU) ^ (value << 9)
    value = (value + 0xFD7046C5U) + (value << 3)
    value = (value ^ 0xB55A4F09U) ^ (value >> 16)
    return value * 3221225473U


cdef void fill_table(uint32_t* table, uint32_t polynomial) noexcept nogil:
    cdef uint32_t value, i, _bit
    for i in range(256):
        value = i
        for _bit in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table[i] = value


fill_table(crc32_table, 0xEDB88320U)
fill_table(crc32c_table, 0x82F63B78U)
