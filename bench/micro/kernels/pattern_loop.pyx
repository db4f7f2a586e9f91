# Loops over pattern matching for bench/micro. Built by bench/micro/build.py, not part of the product.
# Knows program/pattern.pxd and where the test kit keeps an index.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.program.pattern cimport pat_index_t, pat_match
from fastlb_core.program.sample cimport SMP_T_IPV4, SMP_T_STR, eval_t, sample_t, scratch_t


def match_all(size_t index, list samples, bint is_ip, uint32_t rounds):
    """Matches the samples (bytes; four of them when is_ip) in turn, `rounds` times; returns how often an entry was found."""
    cdef sample_t values[64]
    cdef eval_t ev
    cdef scratch_t scratch
    cdef char area[4096]
    cdef uint32_t i, found = 0, n = <uint32_t> len(samples)
    cdef bytes text
    memset(values, 0, sizeof(values))
    memset(&ev, 0, sizeof(ev))
    scratch.area = area
    scratch.size = sizeof(area)
    scratch.used = 0
    ev.scratch = &scratch
    for i in range(n):
        text = samples[i]
        values[i].type = SMP_T_IPV4 if is_ip else SMP_T_STR
        if is_ip:
            memcpy(values[i].ip, <const char*> text, 4)
        else:
            values[i].str = slice_of(<const char*> text, <uint32_t> len(text))
    with nogil:
        for i in range(rounds):
            if pat_match(<const pat_index_t*> index, &ev, &values[i % n]) != NULL:
                found += 1
    return found
