# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
# Regular expressions over PCRE2; contracts in regex.pxd. The only file that calls PCRE2.

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, strlen

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.sys.pcre2 cimport (
    PCRE2_ANCHORED, PCRE2_CASELESS, pcre2_code, pcre2_code_free, pcre2_compile, PCRE2_ERROR_JIT_STACKLIMIT, PCRE2_ERROR_NOMATCH,
    pcre2_get_error_message, pcre2_get_ovector_pointer, PCRE2_INFO_ALLOPTIONS, pcre2_jit_compile, PCRE2_JIT_COMPLETE,
    pcre2_jit_stack, pcre2_jit_stack_assign, pcre2_jit_stack_create, pcre2_match, pcre2_match_context,
    pcre2_match_context_create, pcre2_match_data, pcre2_match_data_create, PCRE2_NO_AUTO_CAPTURE, PCRE2_NO_JIT, PCRE2_NOTBOL,
    pcre2_pattern_info, pcre2_set_depth_limit, pcre2_set_heap_limit, pcre2_set_match_limit, pcre2_set_offset_limit, PCRE2_UNSET,
    PCRE2_USE_OFFSET_LIMIT,
)
from fastlb_core.sys.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef enum:
    REPEATS_MAX = 4
    HEAP_LIMIT_KIB = 8192
    JIT_STACK_MIN = 32768
    JIT_STACK_MAX = 1048576
    WHOLE_COST = 20000000        # up to which all starting points are tried in one call: some 30 ms at the worst
    START_COST = 10000000        # up to which one starting point may be left to the JIT
    STEPS_MAX = 50000000         # what one starting point may cost the interpreter
    STARTS_MAX = 16
    QUICK_NS = 200000

# One match at a time in a process. Made with the first regex, inherited over the fork, never freed.
cdef pcre2_match_data* match_area = NULL
cdef pcre2_match_context* limits = NULL
cdef size_t* ovector = NULL


cdef bint prepare_limits() noexcept nogil:
    global match_area, limits, ovector
    cdef pcre2_jit_stack* stack
    if ovector != NULL:
        return True
    match_area = pcre2_match_data_create(REGEX_GROUPS, NULL)
    limits = pcre2_match_context_create(NULL)
    if match_area == NULL or limits == NULL:
        return False
    pcre2_set_match_limit(limits, REGEX_MATCH_LIMIT)
    pcre2_set_depth_limit(limits, REGEX_MATCH_LIMIT)
    pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB)
    stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL)
    if stack != NULL:
        # Without one the JIT has 32 KiB of the machine's stack, and what needs more falls back to the interpreter.
        pcre2_jit_stack_assign(limits, NULL, stack)
    ovector = pcre2_get_ovector_pointer(match_area)
    return True


# ---- how dear a pattern may become

cdef uint32_t skip_class(const char* pattern, uint32_t length, uint32_t at) noexcept nogil:
    """The index behind the `]` of the character class that begins at `at`."""
    at += 1
    if at < length and pattern[at] == b'^':
        at += 1
    if at < length and pattern[at] == b']':
        at += 1
    while at < length and pattern[at] != b']':
        at += 2 if pattern[at] == b'\\' else 1
    return at + 1


cdef uint32_t read_count(const char* pattern, uint32_t length, uint32_t at) noexcept nogil:
    """In how many ways `{...}` at `at` can repeat; 0: without an end, 1: in one, or it is no count."""
    cdef uint32_t i = at + 1, low = 0, number = 0
    cdef bint is_range = False
    while i < length and pattern[i] != b'}':
        if pattern[i] == b',' and not is_range:
            low = number
            number = 0
            is_range = True
            if i + 1 < length and pattern[i + 1] == b'}':
                return 0
        elif 48 <= pattern[i] <= 57 and number < 100000:
            number = number * 10 + <uint32_t> (pattern[i] - 48)
        else:
            return 1
        i += 1
    return number - low + 1 if is_range and number >= low else 1


cdef void weigh(regex_t* re, const char* pattern, uint32_t length) noexcept nogil:
    """Counts repeats outside classes into re.n_repeats (unbounded ones) and re.factor. Possessive ones never give back and do
    not count. A group that is repeated counts as unbounded: what is in it counts more than once."""
    cdef uint32_t i = 0, ways
    cdef bint is_repeat
    re.factor = 1.0
    while i < length and re.n_repeats < REPEATS_MAX:
        if pattern[i] == b'[':
            i = skip_class(pattern, length, i)
            continue
        if pattern[i] == b'\\':
            i += 2
            continue
        is_repeat = pattern[i] == b'*' or pattern[i] == b'+'
        if is_repeat and i + 1 < length and pattern[i + 1] == b'+':
            i += 2
            continue
        ways = 1
        if is_repeat:
            ways = 0
        elif pattern[i] == b'?':
            ways = 2
        elif pattern[i] == b'{':
            ways = 0 if i > 0 and pattern[i - 1] == b')' else read_count(pattern, length, i)
        if ways == 0:
            re.n_repeats += 1
        else:
            re.factor *= ways
        i += 1


cdef uint64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <uint64_t> now.tv_sec * 1000000000 + <uint64_t> now.tv_nsec


cdef double power(double base, uint32_t exponent) noexcept nogil:
    cdef double result = 1.0
    while exponent:
        result *= base
        exponent -= 1
    return result


# ---- life

cdef regex_t* regex_new(const char* pattern, uint32_t length, uint32_t flags, char* error) noexcept nogil:
    cdef regex_t* re = <regex_t*> calloc(1, sizeof(regex_t))
    cdef uint32_t options = PCRE2_USE_OFFSET_LIMIT
    cdef int code = 0
    cdef size_t offset = 0
    if flags & REGEX_ICASE:
        options |= PCRE2_CASELESS
    if not flags & REGEX_CAPTURE:
        options |= PCRE2_NO_AUTO_CAPTURE
    if re == NULL or not prepare_limits():
        snprintf(error, REGEX_ERROR_MAX, "out of memory")
        free(re)
        return NULL
    re.flags = flags
    re.code = pcre2_compile(<const unsigned char*> pattern, length, options, &code, &offset, NULL)
    if re.code == NULL:
        pcre2_get_error_message(code, <unsigned char*> error, REGEX_ERROR_MAX)
        code = <int> strlen(error)
        snprintf(error + code, <size_t> (REGEX_ERROR_MAX - code), ", erroffset=%zu", offset)
        free(re)
        return NULL
    weigh(re, pattern, length)
    pcre2_pattern_info(<pcre2_code*> re.code, PCRE2_INFO_ALLOPTIONS, &options)
    re.is_anchored = options & PCRE2_ANCHORED != 0
    # A pattern that the JIT does not take, or a kernel that forbids such memory, leaves the interpreter.
    pcre2_jit_compile(<pcre2_code*> re.code, PCRE2_JIT_COMPLETE)
    return re


cdef void regex_free(regex_t* re) noexcept nogil:
    if re == NULL:
        return
    pcre2_code_free(<pcre2_code*> re.code)
    free(re)


# ---- matching

cdef int run(const regex_t* re, slice_t subject, uint32_t start, uint32_t options) noexcept nogil:
    cdef const unsigned char* bytes = <const unsigned char*> subject.ptr if subject.len else <const unsigned char*> b""
    cdef int found = pcre2_match(<const pcre2_code*> re.code, bytes, subject.len, start, options, match_area, limits)
    if found == PCRE2_ERROR_JIT_STACKLIMIT:
        options |= PCRE2_NO_JIT
        found = pcre2_match(<const pcre2_code*> re.code, bytes, subject.len, start, options, match_area, limits)
    return found


cdef int run_in_steps(const regex_t* re, slice_t subject, uint32_t options) noexcept nogil:
    """A few starting points at a time, so that the clock can be looked at in between."""
    cdef uint32_t start = 0, step = 1
    cdef uint64_t begin = now_ns(), now = begin, before = begin
    cdef int found = PCRE2_ERROR_NOMATCH
    if re.factor * power(subject.len, re.n_repeats) > START_COST:
        # The JIT does not count what single characters cost, the interpreter counts each as one way back, which may look at
        # all bytes.
        options |= PCRE2_NO_JIT
        if STEPS_MAX / subject.len < REGEX_MATCH_LIMIT:
            pcre2_set_match_limit(limits, STEPS_MAX // subject.len)
    while start <= subject.len and found == PCRE2_ERROR_NOMATCH and now - begin < REGEX_BUDGET_NS:
        pcre2_set_offset_limit(limits, start + step - 1)
        found = run(re, subject, start, options)
        start += step
        now = now_ns()
        # Cheap starting points in a row may be tried together.
        step = 1 if now - before > QUICK_NS else (2 * step if step < STARTS_MAX else STARTS_MAX)
        before = now
        if re.is_anchored:
            break
    pcre2_set_offset_limit(limits, PCRE2_UNSET)
    pcre2_set_match_limit(limits, REGEX_MATCH_LIMIT)
    return found


cdef bint search(const regex_t* re, slice_t subject, uint32_t options) noexcept nogil:
    cdef uint32_t flags = PCRE2_NOTBOL if options & REGEX_NOTBOL else 0
    cdef uint32_t exponent = re.n_repeats if re.is_anchored else re.n_repeats + 1
    if re.factor * power(subject.len, exponent) > WHOLE_COST:
        return run_in_steps(re, subject, flags) >= 0
    return run(re, subject, 0, flags) >= 0


cdef bint regex_match(const regex_t* re, slice_t subject) noexcept nogil:
    return search(re, subject, 0)


cdef bint regex_exec(const regex_t* re, slice_t subject, uint32_t options, regex_span_t* spans) noexcept nogil:
    cdef uint32_t i
    for i in range(<uint32_t> (2 * REGEX_GROUPS)):
        ovector[i] = PCRE2_UNSET
    if not search(re, subject, options):
        return False
    for i in range(<uint32_t> REGEX_GROUPS):
        # PCRE2 before 10.38 lets \K in a lookahead put the end before the start; such a match is an empty one.
        if ovector[2 * i] == PCRE2_UNSET:
            spans[i].start = 1
            spans[i].end = 0
        else:
            spans[i].start = <uint32_t> ovector[2 * i]
            spans[i].end = <uint32_t> ovector[2 * i + 1]
            if spans[i].end < spans[i].start:
                spans[i].end = spans[i].start
    return True


# ---- replacement

cdef int hex_digit(char c) noexcept nogil:
    if 48 <= c <= 57:
        return c - 48
    if 97 <= (c | 0x20) <= 102:
        return (c | 0x20) - 87
    return -1


cdef bint is_hex_pair(slice_t text, uint32_t at) noexcept nogil:
    return at + 1 < text.len and hex_digit(text.ptr[at]) >= 0 and hex_digit(text.ptr[at + 1]) >= 0


cdef bint regex_subst(
    slice_t subject, const regex_span_t* spans, slice_t template, char* dst, uint32_t room, uint32_t* length
) noexcept nogil:
    cdef uint32_t i = 0, used = 0
    cdef slice_t piece
    cdef char byte
    cdef int group
    while i < template.len:
        byte = template.ptr[i]
        piece = slice_of(&byte, 1)
        if byte == b'\\':
            i += 1
            if i == template.len:
                return False
            byte = template.ptr[i]
            group = byte - 48
            if 0 <= group < REGEX_GROUPS:
                piece.len = 0
                if spans[group].end > spans[group].start:
                    piece = slice_of(subject.ptr + spans[group].start, spans[group].end - spans[group].start)
            elif byte == b'x' and is_hex_pair(template, i + 1):
                # haproxy: reads nonsense where no two digits follow; here that \x is an x.
                byte = <char> (hex_digit(template.ptr[i + 1]) << 4 | hex_digit(template.ptr[i + 2]))
                i += 2
        if piece.len > room - used:
            return False
        memcpy(dst + used, piece.ptr, piece.len)
        used += piece.len
        i += 1
    length[0] = used
    return True
