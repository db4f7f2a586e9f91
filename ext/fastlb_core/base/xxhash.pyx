# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# XXH32, XXH64 and XXH3. Contracts: xxhash.pxd. All words are read as little endian, at any alignment.
#
# XXH3 has a function for each range of lengths: 0-16, 17-128, 129-240, and a loop over 64-byte stripes above that.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <endian.h>
    #include <stdint.h>
    #include <string.h>
    #define FLB_P64_1 0x9E3779B185EBCA87ULL
    #define FLB_P64_2 0xC2B2AE3D27D4EB4FULL
    #define FLB_P64_3 0x165667B19E3779F9ULL
    #define FLB_P64_4 0x85EBCA77C2B2AE63ULL
    #define FLB_P64_5 0x27D4EB2F165667C5ULL
    static inline uint32_t flb_le32(const void* p) { uint32_t x; memcpy(&x, p, 4); return le32toh(x); }
    static inline uint64_t flb_le64(const void* p) { uint64_t x; memcpy(&x, p, 8); return le64toh(x); }
    static inline uint64_t flb_fold128(uint64_t a, uint64_t b)
    {
        __uint128_t product = (__uint128_t)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    """
    const uint64_t P64_1 "FLB_P64_1"
    const uint64_t P64_2 "FLB_P64_2"
    const uint64_t P64_3 "FLB_P64_3"
    const uint64_t P64_4 "FLB_P64_4"
    const uint64_t P64_5 "FLB_P64_5"
    uint32_t le32 "flb_le32" (const void* p) noexcept nogil
    uint64_t le64 "flb_le64" (const void* p) noexcept nogil
    uint64_t fold128 "flb_fold128" (uint64_t a, uint64_t b) noexcept nogil
    uint64_t htole64(uint64_t value) noexcept nogil
    uint64_t swap64 "__builtin_bswap64" (uint64_t value) noexcept nogil
    uint32_t swap32 "__builtin_bswap32" (uint32_t value) noexcept nogil

cdef enum:
    SECRET_SIZE = 192
    STRIPE = 64
    STRIPES_PER_BLOCK = 16       # (SECRET_SIZE - STRIPE) / 8
    BLOCK = 1024

cdef const uint32_t P32_1 = 0x9E3779B1U
cdef const uint32_t P32_2 = 0x85EBCA77U
cdef const uint32_t P32_3 = 0xC2B2AE3DU
cdef const uint32_t P32_4 = 0x27D4EB2FU
cdef const uint32_t P32_5 = 0x165667B1U

# The specification's default secret, in hexadecimal; made bytes below.
cdef const char* SECRET_HEX = (
    b"b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248e"
    b"e03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a"
    b"51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8f"
    b"f8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
cdef uint8_t[SECRET_SIZE] secret


cdef inline uint32_t rotl32(uint32_t value, uint32_t bits) noexcept nogil:
    return value << bits | value >> (32 - bits)


cdef inline uint64_t rotl64(uint64_t value, uint32_t bits) noexcept nogil:
    return value << bits | value >> (64 - bits)


# ---- XXH32

cdef inline uint32_t round32(uint32_t lane, uint32_t word) noexcept nogil:
    return rotl32(lane + word * P32_2, 13) * P32_1


cdef uint32_t xxh32(const char* bytes, uint32_t length, uint32_t seed) noexcept nogil:
    cdef const char* p = bytes
    cdef uint32_t left = length, value
    cdef uint32_t a = seed + P32_1 + P32_2, b = seed + P32_2, c = seed, d = seed - P32_1
    if length < 16:
        value = seed + P32_5
    else:
        while left >= 16:
            a, b = round32(a, le32(p)), round32(b, le32(p + 4))
            c, d = round32(c, le32(p + 8)), round32(d, le32(p + 12))
            p += 16
            left -= 16
        value = rotl32(a, 1) + rotl32(b, 7) + rotl32(c, 12) + rotl32(d, 18)
    value += length
    while left >= 4:
        value = rotl32(value + le32(p) * P32_3, 17) * P32_4
        p += 4
        left -= 4
    while left:
        value = rotl32(value + <uint8_t> p[0] * P32_5, 11) * P32_1
        p += 1
        left -= 1
    value = (value ^ value >> 15) * P32_2
    value = (value ^ value >> 13) * P32_3
    return value ^ value >> 16


# ---- XXH64

cdef inline uint64_t round64(uint64_t lane, uint64_t word) noexcept nogil:
    return rotl64(lane + word * P64_2, 31) * P64_1


cdef inline uint64_t merge64(uint64_t value, uint64_t lane) noexcept nogil:
    return (value ^ round64(0, lane)) * P64_1 + P64_4


cdef inline uint64_t avalanche64(uint64_t value) noexcept nogil:
    value = (value ^ value >> 33) * P64_2
    value = (value ^ value >> 29) * P64_3
    return value ^ value >> 32


cdef uint64_t tail64(uint64_t value, const char* p, uint32_t left) noexcept nogil:
    while left >= 8:
        value = rotl64(value ^ round64(0, le64(p)), 27) * P64_1 + P64_4
        p += 8
        left -= 8
    if left >= 4:
        value = rotl64(value ^ le32(p) * P64_1, 23) * P64_2 + P64_3
        p += 4
        left -= 4
    while left:
        value = rotl64(value ^ <uint8_t> p[0] * P64_5, 11) * P64_1
        p += 1
        left -= 1
    return avalanche64(value)


cdef uint64_t xxh64(const char* bytes, uint32_t length, uint64_t seed) noexcept nogil:
    cdef const char* p = bytes
    cdef uint32_t left = length
    cdef uint64_t value
    cdef uint64_t a = seed + P64_1 + P64_2, b = seed + P64_2, c = seed, d = seed - P64_1
    if length < 32:
        return tail64(seed + P64_5 + length, p, left)
    while left >= 32:
        a, b = round64(a, le64(p)), round64(b, le64(p + 8))
        c, d = round64(c, le64(p + 16)), round64(d, le64(p + 24))
        p += 32
        left -= 32
    value = rotl64(a, 1) + rotl64(b, 7) + rotl64(c, 12) + rotl64(d, 18)
    value = merge64(merge64(merge64(merge64(value, a), b), c), d)
    return tail64(value + length, p, left)


# ---- XXH3

cdef inline uint64_t avalanche3(uint64_t value) noexcept nogil:
    value = (value ^ value >> 37) * 0x165667919E3779F9U
    return value ^ value >> 32


cdef uint64_t xxh3_to_16(const char* p, uint32_t length, uint64_t seed) noexcept nogil:
    cdef uint64_t value, low, high
    if length == 0:
        return avalanche64(seed ^ le64(secret + 56) ^ le64(secret + 64))
    if length <= 3:
        value = <uint64_t> (<uint32_t> <uint8_t> p[0] << 16 | <uint32_t> <uint8_t> p[length >> 1] << 24
                            | <uint8_t> p[length - 1] | length << 8)
        return avalanche64(value ^ (le32(secret) ^ le32(secret + 4)) + seed)
    if length <= 8:
        seed ^= <uint64_t> swap32(<uint32_t> seed) << 32
        value = le32(p + length - 4) + (<uint64_t> le32(p) << 32)
        value ^= (le64(secret + 8) ^ le64(secret + 16)) - seed
        value = (value ^ rotl64(value, 49) ^ rotl64(value, 24)) * 0x9FB21C651E98DF25U
        value = (value ^ (value >> 35) + length) * 0x9FB21C651E98DF25U
        return value ^ value >> 28
    low = le64(p) ^ (le64(secret + 24) ^ le64(secret + 32)) + seed
    high = le64(p + length - 8) ^ (le64(secret + 40) ^ le64(secret + 48)) - seed
    return avalanche3(length + swap64(low) + high + fold128(low, high))


cdef inline uint64_t mix16(const char* p, const uint8_t* key, uint64_t seed) noexcept nogil:
    return fold128(le64(p) ^ le64(key) + seed, le64(p + 8) ^ le64(key + 8) - seed)


cdef uint64_t xxh3_to_128(const char* p, uint32_t length, uint64_t seed) noexcept nogil:
    cdef uint64_t value = length * P64_1
    cdef uint32_t i, pairs = (length - 1) // 32 + 1
    for i in range(pairs):
        value += mix16(p + 16 * i, secret + 32 * i, seed)
        value += mix16(p + length - 16 * (i + 1), secret + 32 * i + 16, seed)
    return avalanche3(value)


cdef uint64_t xxh3_to_240(const char* p, uint32_t length, uint64_t seed) noexcept nogil:
    cdef uint64_t value = length * P64_1
    cdef uint32_t i
    for i in range(8):
        value += mix16(p + 16 * i, secret + 16 * i, seed)
    value = avalanche3(value)
    for i in range(8, length // 16):
        value += mix16(p + 16 * i, secret + 16 * (i - 8) + 3, seed)
    return avalanche3(value + mix16(p + length - 16, secret + 136 - 17, seed))


cdef inline void accumulate(uint64_t* lanes, const char* stripe, const uint8_t* key) noexcept nogil:
    cdef uint64_t word, mixed
    cdef uint32_t i
    for i in range(8):
        word = le64(stripe + 8 * i)
        mixed = word ^ le64(key + 8 * i)
        lanes[i ^ 1] += word
        lanes[i] += (mixed & 0xFFFFFFFFU) * (mixed >> 32)


cdef inline void scramble(uint64_t* lanes, const uint8_t* key) noexcept nogil:
    cdef uint32_t i
    for i in range(8):
        lanes[i] = (lanes[i] ^ lanes[i] >> 47 ^ le64(key + 8 * i)) * P32_1


cdef void seeded_secret(uint8_t* key, uint64_t seed) noexcept nogil:
    cdef uint64_t word
    cdef uint32_t i
    for i in range(<uint32_t> SECRET_SIZE // 16):
        word = htole64(le64(secret + 16 * i) + seed)
        memcpy(key + 16 * i, &word, 8)
        word = htole64(le64(secret + 16 * i + 8) - seed)
        memcpy(key + 16 * i + 8, &word, 8)


cdef uint64_t xxh3_long(const char* p, uint32_t length, uint64_t seed) noexcept nogil:
    cdef uint64_t[8] lanes
    cdef uint8_t[SECRET_SIZE] key
    cdef uint64_t value = length * P64_1
    cdef uint32_t block, i, blocks = (length - 1) // BLOCK, stripes
    lanes[0], lanes[1], lanes[2], lanes[3] = P32_3, P64_1, P64_2, P64_3
    lanes[4], lanes[5], lanes[6], lanes[7] = P64_4, P32_2, P64_5, P32_1
    seeded_secret(key, seed)
    for block in range(blocks):
        for i in range(<uint32_t> STRIPES_PER_BLOCK):
            accumulate(lanes, p + block * BLOCK + i * STRIPE, key + 8 * i)
        scramble(lanes, key + SECRET_SIZE - STRIPE)
    stripes = (length - 1 - blocks * BLOCK) // STRIPE
    for i in range(stripes):
        accumulate(lanes, p + blocks * BLOCK + i * STRIPE, key + 8 * i)
    accumulate(lanes, p + length - STRIPE, key + SECRET_SIZE - STRIPE - 7)
    for i in range(4):
        value += fold128(lanes[2 * i] ^ le64(key + 11 + 16 * i), lanes[2 * i + 1] ^ le64(key + 19 + 16 * i))
    return avalanche3(value)


cdef uint64_t xxh3_64(const char* bytes, uint32_t length, uint64_t seed) noexcept nogil:
    if length <= 16:
        return xxh3_to_16(bytes, length, seed)
    if length <= 128:
        return xxh3_to_128(bytes, length, seed)
    if length <= 240:
        return xxh3_to_240(bytes, length, seed)
    return xxh3_long(bytes, length, seed)


cdef inline uint8_t nibble(char c) noexcept nogil:
    return <uint8_t> (c - 48 if c < 58 else c - 87)


cdef void fill_secret() noexcept nogil:
    cdef uint32_t i
    for i in range(<uint32_t> SECRET_SIZE):
        secret[i] = nibble(SECRET_HEX[2 * i]) << 4 | nibble(SECRET_HEX[2 * i + 1])


fill_secret()
