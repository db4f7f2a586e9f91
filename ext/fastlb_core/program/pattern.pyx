# Patterns: implementation.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from fastlb_core.base.slice cimport lower_byte, slice_t


cdef bint same(const pat_index_t* index, const char* a, const char* b, uint32_t n) noexcept nogil:
    cdef uint32_t i
    if not index.ignore_case:
        return memcmp(a, b, n) == 0
    for i in range(n):
        if lower_byte(<uint8_t> a[i]) != lower_byte(<uint8_t> b[i]):
            return False
    return True


cdef bint in_range(slice_t key, long long num) noexcept nogil:
    """`low:high` with either end open."""
    cdef uint32_t i
    cdef long long low = 0, high = 0
    cdef bint has_low = False, has_high = False, behind = False
    for i in range(key.len):
        if key.ptr[i] == b':':
            behind = True
        elif behind:
            high = high * 10 + key.ptr[i] - 48
            has_high = True
        else:
            low = low * 10 + key.ptr[i] - 48
            has_low = True
    return (not has_low or num >= low) and (not has_high or num <= high)


cdef const pat_entry_t* pat_match(const pat_index_t* index, eval_t* ev, const sample_t* smp) noexcept nogil:
    cdef uint32_t i
    cdef slice_t key, text = smp.str
    for i in range(index.n_entries):
        key = index.entries[i].key
        if index.method == PAT_INT:
            if in_range(key, smp.num):
                return &index.entries[i]
            continue
        if key.len > text.len:
            continue
        if index.method == PAT_BEG and same(index, text.ptr, key.ptr, key.len):
            return &index.entries[i]
        if index.method == PAT_END and same(index, text.ptr + text.len - key.len, key.ptr, key.len):
            return &index.entries[i]
        if index.method == PAT_STR and key.len == text.len and same(index, text.ptr, key.ptr, key.len):
            return &index.entries[i]
    return NULL
