# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Non-cryptographic hashes as converters (manual, section 7.3.1). Each gets a BIN sample; the only argument is `avalanche`
# or a seed (config/samples/convert_hash.py). Must not know how a hash is computed.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from fastlb_core.base.hash cimport hash_avalanche, hash_crc32, hash_crc32c, hash_djb2, hash_sdbm, hash_wt6
from fastlb_core.base.xxhash cimport xxh3_64, xxh32, xxh64
from fastlb_core.program.expr cimport ARG_SINT, arg_t, conv_fn
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_int

cdef conv_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_hash_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline int64_t number(const arg_t* args) noexcept nogil:
    return args[0].num if args[0].type == ARG_SINT else 0


# haproxy: any number but 0 asks for the avalanche.
cdef inline bint hashed(const arg_t* args, sample_t* smp, uint32_t value) noexcept nogil:
    return smp_set_int(smp, hash_avalanche(value) if number(args) else value)


cdef bint crc32(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return hashed(args, smp, hash_crc32(smp.str.ptr, smp.str.len))


cdef bint crc32c(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return hashed(args, smp, hash_crc32c(smp.str.ptr, smp.str.len))


cdef bint djb2(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return hashed(args, smp, hash_djb2(smp.str.ptr, smp.str.len))


cdef bint sdbm(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return hashed(args, smp, hash_sdbm(smp.str.ptr, smp.str.len))


cdef bint wt6(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return hashed(args, smp, hash_wt6(smp.str.ptr, smp.str.len))


cdef bint xxh_32(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, xxh32(smp.str.ptr, smp.str.len, <uint32_t> number(args)))


cdef bint xxh_64(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, <int64_t> xxh64(smp.str.ptr, smp.str.len, <uint64_t> number(args)))


cdef bint xxh_3(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, <int64_t> xxh3_64(smp.str.ptr, smp.str.len, <uint64_t> number(args)))


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"crc32", crc32)
add(b"crc32c", crc32c)
add(b"djb2", djb2)
add(b"sdbm", sdbm)
add(b"wt6", wt6)
add(b"xxh32", xxh_32)
add(b"xxh64", xxh_64)
add(b"xxh3", xxh_3)
