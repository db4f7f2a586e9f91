# Keys of stick tables; contracts in stick_key.pxd.
#
# Knows casts and a keyed hash. Must not know entries.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.program.sample cimport (
    SMP_T_BIN, SMP_T_IPV4, SMP_T_IPV6, SMP_T_SINT, SMP_T_STR, eval_t, sample_t, scratch_take, smp_cast, smp_set_int,
    smp_set_str)
from fastlb_core.proxy.stick_table cimport STICK_K_BIN, STICK_K_INT, STICK_K_IPV4, STICK_K_IPV6, STICK_K_STR

cdef extern from *:
    """
    #ifndef FLB_SIPHASH_H
    #define FLB_SIPHASH_H
    #include <stdint.h>
    #include <string.h>
    #define FLB_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
    #define FLB_SIP_ROUND do { \\
        v0 += v1; v1 = FLB_ROTL(v1, 13); v1 ^= v0; v0 = FLB_ROTL(v0, 32); \\
        v2 += v3; v3 = FLB_ROTL(v3, 16); v3 ^= v2; \\
        v0 += v3; v3 = FLB_ROTL(v3, 21); v3 ^= v0; \\
        v2 += v1; v1 = FLB_ROTL(v1, 17); v1 ^= v2; v2 = FLB_ROTL(v2, 32); } while (0)
    /* SipHash-1-3 (Aumasson and Bernstein): keyed, so that clients cannot choose keys that collide. */
    static inline uint64_t flb_siphash(const char* p, uint32_t n, uint64_t k0, uint64_t k1)
    {
        uint64_t v0 = k0 ^ 0x736f6d6570736575u, v1 = k1 ^ 0x646f72616e646f6du;
        uint64_t v2 = k0 ^ 0x6c7967656e657261u, v3 = k1 ^ 0x7465646279746573u;
        uint64_t m, last = (uint64_t)n << 56;
        uint32_t i;
        for (i = 0; i + 8 <= n; i += 8) {
            memcpy(&m, p + i, 8);
            v3 ^= m;
            FLB_SIP_ROUND;
            v0 ^= m;
        }
        for (; i < n; i++)
            last |= (uint64_t)(uint8_t)p[i] << (8 * (i & 7));
        v3 ^= last;
        FLB_SIP_ROUND;
        v0 ^= last;
        v2 ^= 0xff;
        FLB_SIP_ROUND;
        FLB_SIP_ROUND;
        FLB_SIP_ROUND;
        return v0 ^ v1 ^ v2 ^ v3;
    }
    #endif
    """
    uint64_t siphash "flb_siphash" (const char* p, uint32_t n, uint64_t k0, uint64_t k1) noexcept nogil


cdef inline bint _finish(const stick_table_t* table, const char* ptr, uint32_t length, stick_key_t* key) noexcept nogil:
    key.ptr = ptr
    key.len = length
    key.hash = siphash(ptr, length, table.sh.seed[0], table.sh.seed[1])
    return True


cdef uint8_t stick_key_sample_type(const stick_table_t* table) noexcept nogil:
    if table.key_type == STICK_K_IPV4:
        return SMP_T_IPV4
    if table.key_type == STICK_K_IPV6:
        return SMP_T_IPV6
    if table.key_type == STICK_K_INT:
        return SMP_T_SINT
    return SMP_T_STR if table.key_type == STICK_K_STR else SMP_T_BIN


cdef bint _padded(const stick_table_t* table, eval_t* ev, const sample_t* smp, stick_key_t* key) noexcept nogil:
    cdef char* block = scratch_take(ev, table.key_size)
    if block == NULL:
        return False
    if smp.str.len:
        memcpy(block, smp.str.ptr, smp.str.len)
    memset(block + smp.str.len, 0, table.key_size - smp.str.len)
    return _finish(table, block, table.key_size, key)


cdef bint stick_key_of(const stick_table_t* table, eval_t* ev, const sample_t* smp, stick_key_t* key) noexcept nogil:
    cdef sample_t value
    cdef uint32_t number, length
    memcpy(&value, smp, sizeof(sample_t))
    if not smp_cast(ev, &value, stick_key_sample_type(table)):
        return False
    if table.key_type == STICK_K_IPV4 or table.key_type == STICK_K_IPV6:
        memcpy(key.own, value.ip, table.key_size)
        return _finish(table, <const char*> key.own, table.key_size, key)
    if table.key_type == STICK_K_INT:
        # haproxy: the low 32 bits.
        number = <uint32_t> value.num
        memcpy(key.own, &number, 4)
        return _finish(table, <const char*> key.own, 4, key)
    if table.key_type == STICK_K_BIN and value.str.len < table.key_size:
        return _padded(table, ev, &value, key)
    length = value.str.len if value.str.len < table.key_size else table.key_size
    return _finish(table, value.str.ptr, length, key)


cdef bint stick_key_raw(const stick_table_t* table, const char* ptr, uint32_t length, stick_key_t* key) noexcept nogil:
    if length > table.key_size or (table.key_type != STICK_K_STR and length != table.key_size):
        return False
    return _finish(table, ptr, length, key)


cdef void stick_key_sample(const stick_table_t* table, const char* bytes, uint32_t length, sample_t* smp) noexcept nogil:
    cdef uint32_t number
    if table.key_type == STICK_K_INT:
        memcpy(&number, bytes, 4)
        smp_set_int(smp, number)
        return
    if table.key_type == STICK_K_STR or table.key_type == STICK_K_BIN:
        smp_set_str(smp, bytes, length)
    else:
        memcpy(smp.ip, bytes, length)
    smp.type = stick_key_sample_type(table)
