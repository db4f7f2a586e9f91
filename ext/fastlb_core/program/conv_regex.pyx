# The converter `regsub` (manual, section 7.3.1).
#
# Knows how matches are replaced one after another. Must not know PCRE2: matching and substitution are regex.pyx.

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.regex cimport (
    REGEX_BUDGET_NS, REGEX_GROUPS, REGEX_NOTBOL, regex_exec, regex_span_t, regex_subst, regex_t,
)
from fastlb_core.program.sample cimport SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_set_own
from fastlb_core.sys.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef conv_entry_t[1] entries


cdef const conv_entry_t* conv_regex_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef bint put(char* out, uint32_t room, uint32_t* at, const char* bytes, uint32_t n) noexcept nogil:
    if n > room - at[0]:
        return False
    if n:
        memcpy(out + at[0], bytes, n)
    at[0] += n
    return True


cdef int64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t> now.tv_sec * 1000000000 + now.tv_nsec


cdef bint regsub(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: a regex with captures, the substitute, not 0 for all matches.

    haproxy: each search sees only what is left, down to nothing; a match that takes none of it lets one byte pass.
    All matches together get the time that regex.pxd gives one: thousands of slow ones must not hold the worker."""
    cdef slice_t rest = smp.str, substitute = args[1].str
    cdef uint32_t room, at = 0, written = 0, options = 0
    cdef char* out = scratch_rest(ev, &room)
    cdef regex_span_t spans[REGEX_GROUPS]
    cdef bint is_last = False
    cdef int64_t started = now_ns() if args[2].num else 0
    while not is_last and regex_exec(<const regex_t*> args[0].ptr, rest, options, spans):
        if not put(out, room, &at, rest.ptr, spans[0].start):
            return False
        if not regex_subst(rest, spans, substitute, out + at, room - at, &written):
            return False
        at += written
        is_last = args[2].num == 0 or rest.len == 0
        rest = slice_of(rest.ptr + spans[0].end, rest.len - spans[0].end)
        if spans[0].end == 0 and not is_last:
            if not put(out, room, &at, rest.ptr, 1):
                return False
            rest = slice_of(rest.ptr + 1, rest.len - 1)
        if not is_last and now_ns() - started > REGEX_BUDGET_NS:
            return False
        options = REGEX_NOTBOL
    if not put(out, room, &at, rest.ptr, rest.len):
        return False
    scratch_take(ev, at)
    return smp_set_own(smp, SMP_T_STR, out, at, at)


entries[0].name = b"regsub"
entries[0].fn = regsub
