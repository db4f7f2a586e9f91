# Regular expressions: compiled before the fork, matched within bounds that no subject can stretch.
#
# Knows PCRE2 with its JIT. Must not know who asks. One match at a time in a process: all share one match area and one JIT
# stack. A match that would take too long (catastrophic patterns on hostile bytes) counts as no match:
#
#     n = bytes, k = unbounded repeats in the pattern, f = ways that the bounded ones multiply to
#     f * n^(k+1) bounds what backtracking over single characters can cost (n^k from one starting point):
#     small:    one call of the JIT code, whose match limit bounds what nested groups can cost
#     large:    a few starting points at a time, until REGEX_BUDGET_NS is spent; dear ones are left to PCRE2's interpreter,
#               whose match limit counts single characters too

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t

cdef enum:
    REGEX_GROUPS = 10            # the whole match and \1 to \9
    REGEX_ERROR_MAX = 256        # bytes that regex_new may write
    REGEX_MATCH_LIMIT = 100000   # backtracking points of one start
    REGEX_BUDGET_NS = 50000000

cdef enum:                       # regex_new
    REGEX_ICASE = 1
    REGEX_CAPTURE = 2            # parentheses capture; without it they only group, as in ACLs, and back references are refused

cdef enum:                       # regex_exec
    REGEX_NOTBOL = 1             # the subject's start is not a line's: ^ does not match there

cdef struct regex_t:
    void* code                   # owned: pcre2_code
    uint32_t flags               # REGEX_ICASE, REGEX_CAPTURE
    uint8_t n_repeats            # k above
    uint8_t is_anchored          # it can only match at the start
    double factor                # f above

# One group's place in the subject; end < start: it took no part in the match.
cdef struct regex_span_t:
    uint32_t start
    uint32_t end

# Compiles `length` bytes; NULL and PCRE2's words in `error` (REGEX_ERROR_MAX bytes, NUL at the end) when they are no regex or
# memory is short. owned by the caller, regex_free takes NULL too.
cdef regex_t* regex_new(const char* pattern, uint32_t length, uint32_t flags, char* error) noexcept nogil
cdef void regex_free(regex_t* re) noexcept nogil
# Whether it matches somewhere in the subject.
cdef bint regex_match(const regex_t* re, slice_t subject) noexcept nogil
# The same; fills `spans` (REGEX_GROUPS of them) and returns True on a match. options: REGEX_NOTBOL.
cdef bint regex_exec(const regex_t* re, slice_t subject, uint32_t options, regex_span_t* spans) noexcept nogil
# Writes `template` to dst with \0 to \9 replaced by the groups of a match, \xHH by that byte, and \ before another byte
# removed. *length: bytes written. False: no room, or the template ends within a \.
cdef bint regex_subst(
    slice_t subject, const regex_span_t* spans, slice_t template, char* dst, uint32_t room, uint32_t* length
) noexcept nogil
