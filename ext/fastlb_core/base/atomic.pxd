# The compiler's __atomic builtins for the integer types the shared arena uses.
# Knows only memory orders; must not know what is stored. `relaxed` is for counters with one writer, the rest
# are acquire (load), release (store) and acq_rel (read-modify-write).

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef FLB_ATOMIC_H
    #define FLB_ATOMIC_H
    #include <stdint.h>
    #define flb_a_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    #define flb_a_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
    #define flb_a_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
    #define flb_a_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
    #define flb_a_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_ACQ_REL)
    #define flb_a_sub(p, v) __atomic_sub_fetch((p), (v), __ATOMIC_ACQ_REL)
    #define flb_a_or(p, v) __atomic_or_fetch((p), (v), __ATOMIC_ACQ_REL)
    #define flb_a_and(p, v) __atomic_and_fetch((p), (v), __ATOMIC_ACQ_REL)
    #define flb_a_swap(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
    #define flb_a_cas(p, e, v) \\
        __atomic_compare_exchange_n((p), (e), (v), 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
    #if defined(__x86_64__) || defined(__i386__)
    #define flb_cpu_relax() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define flb_cpu_relax() __asm__ __volatile__("isb" ::: "memory")
    #else
    #define flb_cpu_relax() __asm__ __volatile__("" ::: "memory")
    #endif
    #endif
    """
    # One pause of a spinning loop.
    void cpu_relax "flb_cpu_relax" () noexcept nogil

    int32_t load_i32 "flb_a_load" (const int32_t* p) noexcept nogil
    uint32_t load_u32 "flb_a_load" (const uint32_t* p) noexcept nogil
    int64_t load_i64 "flb_a_load" (const int64_t* p) noexcept nogil
    uint64_t load_u64 "flb_a_load" (const uint64_t* p) noexcept nogil
    int32_t load_relaxed_i32 "flb_a_load_relaxed" (const int32_t* p) noexcept nogil
    uint32_t load_relaxed_u32 "flb_a_load_relaxed" (const uint32_t* p) noexcept nogil
    int64_t load_relaxed_i64 "flb_a_load_relaxed" (const int64_t* p) noexcept nogil
    uint64_t load_relaxed_u64 "flb_a_load_relaxed" (const uint64_t* p) noexcept nogil

    void store_i32 "flb_a_store" (int32_t* p, int32_t value) noexcept nogil
    void store_u32 "flb_a_store" (uint32_t* p, uint32_t value) noexcept nogil
    void store_i64 "flb_a_store" (int64_t* p, int64_t value) noexcept nogil
    void store_u64 "flb_a_store" (uint64_t* p, uint64_t value) noexcept nogil
    void store_relaxed_u32 "flb_a_store_relaxed" (uint32_t* p, uint32_t value) noexcept nogil
    void store_relaxed_u64 "flb_a_store_relaxed" (uint64_t* p, uint64_t value) noexcept nogil

    # Each returns the value after the operation.
    int32_t add_fetch_i32 "flb_a_add" (int32_t* p, int32_t value) noexcept nogil
    uint32_t add_fetch_u32 "flb_a_add" (uint32_t* p, uint32_t value) noexcept nogil
    int64_t add_fetch_i64 "flb_a_add" (int64_t* p, int64_t value) noexcept nogil
    uint64_t add_fetch_u64 "flb_a_add" (uint64_t* p, uint64_t value) noexcept nogil
    int32_t sub_fetch_i32 "flb_a_sub" (int32_t* p, int32_t value) noexcept nogil
    uint32_t sub_fetch_u32 "flb_a_sub" (uint32_t* p, uint32_t value) noexcept nogil
    int64_t sub_fetch_i64 "flb_a_sub" (int64_t* p, int64_t value) noexcept nogil
    uint64_t sub_fetch_u64 "flb_a_sub" (uint64_t* p, uint64_t value) noexcept nogil
    uint32_t or_fetch_u32 "flb_a_or" (uint32_t* p, uint32_t value) noexcept nogil
    uint32_t and_fetch_u32 "flb_a_and" (uint32_t* p, uint32_t value) noexcept nogil
    uint64_t or_fetch_u64 "flb_a_or" (uint64_t* p, uint64_t value) noexcept nogil
    uint64_t and_fetch_u64 "flb_a_and" (uint64_t* p, uint64_t value) noexcept nogil

    # Stores value, returns what stood there.
    int32_t swap_i32 "flb_a_swap" (int32_t* p, int32_t value) noexcept nogil
    uint32_t swap_u32 "flb_a_swap" (uint32_t* p, uint32_t value) noexcept nogil
    uint64_t swap_u64 "flb_a_swap" (uint64_t* p, uint64_t value) noexcept nogil

    # Stores value when *p equals *expected and returns true; else puts *p into *expected and returns false.
    bint cas_i32 "flb_a_cas" (int32_t* p, int32_t* expected, int32_t value) noexcept nogil
    bint cas_u32 "flb_a_cas" (uint32_t* p, uint32_t* expected, uint32_t value) noexcept nogil
    bint cas_i64 "flb_a_cas" (int64_t* p, int64_t* expected, int64_t value) noexcept nogil
    bint cas_u64 "flb_a_cas" (uint64_t* p, uint64_t* expected, uint64_t value) noexcept nogil
