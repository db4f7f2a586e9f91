# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Number ranges, lengths, substrings and regular expressions (manual, sections 7.1.2 to 7.1.4), in order as in HAProxy.
#
# Knows how such a pattern is written and tried. Must not know entries' values or sets.

from libc.stddef cimport size_t
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

from fastlb_core.base.slice cimport lower_in_place, slice_eq_nocase, slice_of, slice_t
from fastlb_core.program.pat_store cimport (
    PAT_ERROR_MAX, PAT_F_CAPTURE, PAT_F_ICASE, PAT_M_AUTH, PAT_M_DOT, PAT_M_LEN, PAT_M_REG, PAT_M_SUB, pat_list_add,
    pat_list_remove, pat_node_own, pat_node_t, pat_store_ops_t, pat_store_t,
)
from fastlb_core.program.regex cimport REGEX_CAPTURE, REGEX_ERROR_MAX, REGEX_ICASE, regex_match, regex_new
from fastlb_core.program.sample cimport eval_t, sample_t, scratch_take
from fastlb_core.program.userlist cimport user_in_group, user_t

cdef extern from *:
    """
    #include <stddef.h>
    /* A GNU extension that string.h shows only with _GNU_SOURCE. */
    extern void* memmem(const void* hay, size_t hay_length, const void* needle, size_t needle_length);
    """
    void* memmem(const void* hay, size_t hay_length, const void* needle, size_t needle_length) noexcept nogil

cdef enum:
    DOT_MAX = 65535              # haproxy: both halves of a version are 16 bits

cdef pat_store_ops_t group_ops
cdef pat_store_ops_t int_ops
cdef pat_store_ops_t length_ops
cdef pat_store_ops_t substring_ops
cdef pat_store_ops_t regex_ops


# ---- number ranges

cdef bint read_digits(slice_t* rest, int64_t most, int64_t* number) noexcept nogil:
    """Digits at the start of `rest`, which is moved behind them; False without any or above `most`."""
    cdef int64_t digit
    cdef bint has_any = False
    number[0] = 0
    while rest.len and 48 <= rest.ptr[0] <= 57:
        digit = rest.ptr[0] - 48
        if number[0] > (most - digit) // 10:
            return False
        number[0] = number[0] * 10 + digit
        rest.ptr += 1
        rest.len -= 1
        has_any = True
    return has_any


cdef bint read_version(slice_t* rest, int64_t* number) noexcept nogil:
    cdef int64_t minor = 0
    if not read_digits(rest, DOT_MAX, number):
        return False
    if rest.len and rest.ptr[0] == b'.':
        rest.ptr += 1
        rest.len -= 1
        if not read_digits(rest, DOT_MAX, &minor):
            return False
    number[0] = number[0] << 16 | minor
    return True


cdef bint read_bound(slice_t* rest, bint is_dotted, int64_t* number) noexcept nogil:
    return read_version(rest, number) if is_dotted else read_digits(rest, INT64_MAX, number)


cdef int pat_read_range(slice_t text, bint is_dotted, int64_t* low, int64_t* high) noexcept nogil:
    """haproxy: -5 reads `up to 5`, and a negative number may stand behind the colon only."""
    cdef slice_t rest = text
    cdef bint has_low = False, is_negative
    low[0] = INT64_MIN
    high[0] = INT64_MAX
    if rest.len == 0:
        return 1
    if 48 <= rest.ptr[0] <= 57:
        if not read_bound(&rest, is_dotted, low):
            return 1
        has_low = True
        if rest.len == 0:
            high[0] = low[0]
            return 0
    if rest.ptr[0] != b':' and rest.ptr[0] != b'-':
        return 1
    rest.ptr += 1
    rest.len -= 1
    if rest.len == 0:
        return 0 if has_low else 2
    is_negative = rest.ptr[0] == b'-'
    if is_negative:
        rest.ptr += 1
        rest.len -= 1
    if not read_bound(&rest, is_dotted, high) or rest.len:
        return 2
    if is_negative:
        high[0] = -high[0]
    return 2 if low[0] > high[0] else 0


cdef bint parse_range(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    cdef bint is_dotted = store.method == PAT_M_DOT
    cdef slice_t key = node.entry.key
    cdef int fault = pat_read_range(key, is_dotted, &node.low, &node.high)
    cdef const char* what = b"a number" if fault == 1 else b"a valid number range"
    if is_dotted:
        what = b"a dotted number" if fault == 1 else b"a valid dotted number range"
    if fault:
        snprintf(error, PAT_ERROR_MAX, "'%.*s' is not %s", <int> key.len, key.ptr, what)
    return fault == 0


cdef pat_node_t* find_number(const pat_store_t* store, int64_t number) noexcept nogil:
    cdef pat_node_t* node = store.first
    while node != NULL and not node.low <= number <= node.high:
        node = node.next
    return node


cdef pat_node_t* match_int(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    return find_number(store, smp.num)


cdef pat_node_t* match_length(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    return find_number(store, <int64_t> smp.str.len)


# ---- substrings

cdef bint parse_substring(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    node.bytes = node.entry.key
    if store.flags & PAT_F_ICASE and not pat_node_own(node, node.entry.key, True):
        snprintf(error, PAT_ERROR_MAX, "out of memory")
        return False
    return True


cdef bint contains(slice_t text, slice_t part) noexcept nogil:
    if part.len > text.len:
        return False
    return part.len == 0 or memmem(text.ptr, text.len, part.ptr, part.len) != NULL


cdef bint contains_nocase(slice_t text, slice_t lower) noexcept nogil:
    """Where no room is left for a copy in lower case; its cost is the product of the lengths."""
    cdef uint32_t at = 0
    while at + lower.len <= text.len:
        if slice_eq_nocase(slice_of(text.ptr + at, lower.len), lower.ptr, lower.len):
            return True
        at += 1
    return False


cdef pat_node_t* match_substring(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    cdef slice_t text = smp.str
    cdef pat_node_t* node = store.first
    cdef uint32_t used = ev.scratch.used
    cdef char* copy = NULL
    cdef bint is_lower = store.flags & PAT_F_ICASE
    if is_lower and text.len:
        copy = scratch_take(ev, text.len)
        if copy != NULL:
            memcpy(copy, text.ptr, text.len)
            lower_in_place(copy, text.len)
            text.ptr = copy
            is_lower = False
    while node != NULL:
        if contains_nocase(text, node.bytes) if is_lower else contains(text, node.bytes):
            break
        node = node.next
    ev.scratch.used = used
    return node


# ---- regular expressions

cdef bint parse_regex(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    cdef char reason[REGEX_ERROR_MAX]
    cdef slice_t key = node.entry.key
    cdef uint32_t flags = 0
    if store.flags & PAT_F_ICASE:
        flags |= REGEX_ICASE
    if store.flags & PAT_F_CAPTURE:
        flags |= REGEX_CAPTURE
    node.regex = regex_new(key.ptr, key.len, flags, reason)
    if node.regex == NULL:
        snprintf(error, PAT_ERROR_MAX, "regex '%.*s' is invalid (error=%s)", <int> key.len, key.ptr, reason)
        return False
    return True


cdef pat_node_t* match_regex(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    cdef pat_node_t* node = store.first
    while node != NULL and not regex_match(node.regex, smp.str):
        node = node.next
    return node


# ---- the kinds

cdef bint insert(pat_store_t* store, pat_node_t* node) noexcept nogil:
    pat_list_add(store, node)
    return True


# ---- groups: the sample is a user's name, and the fetch has left the user with it

cdef bint parse_group(pat_store_t* store, pat_node_t* node, char* error) noexcept nogil:
    node.bytes = node.entry.key
    return True


cdef pat_node_t* match_group(const pat_store_t* store, eval_t* ev, const sample_t* smp) noexcept nogil:
    cdef const user_t* user = <const user_t*> smp.ctx[0]
    cdef pat_node_t* node = store.first
    while node != NULL and (user == NULL or not user_in_group(user, node.bytes)):
        node = node.next
    return node


cdef const pat_store_ops_t* pat_list_ops(uint8_t method) noexcept nogil:
    if method == PAT_M_AUTH:
        return &group_ops
    if method == PAT_M_SUB:
        return &substring_ops
    if method == PAT_M_REG:
        return &regex_ops
    return &length_ops if method == PAT_M_LEN else &int_ops


group_ops.name = b"list"
group_ops.parse = parse_group
group_ops.insert = insert
group_ops.remove = pat_list_remove
group_ops.match = match_group

int_ops.name = b"list"
int_ops.parse = parse_range
int_ops.insert = insert
int_ops.remove = pat_list_remove
int_ops.match = match_int

length_ops.name = b"list"
length_ops.parse = parse_range
length_ops.insert = insert
length_ops.remove = pat_list_remove
length_ops.match = match_length

substring_ops.name = b"list"
substring_ops.parse = parse_substring
substring_ops.insert = insert
substring_ops.remove = pat_list_remove
substring_ops.match = match_substring

regex_ops.name = b"list"
regex_ops.parse = parse_regex
regex_ops.insert = insert
regex_ops.remove = pat_list_remove
regex_ops.match = match_regex
