# Cookies in place; contracts in cookie.pxd.
#
# A cookie that goes takes the separator before it along, and the white space before that; what follows is joined with its own
# separator and one space. Attributes (`$Path`) go with the cookie that they describe. All of it is haproxy's, byte for byte.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memmove

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport http_msg_t, msg_hdr_shorten, msg_hdr_splice

cdef const char* DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
cdef uint8_t[256] digit_values


cdef inline bint is_space(char c) noexcept nogil:
    return c == b' ' or c == b'\t'


cdef inline bint is_separator(char c) noexcept nogil:
    return c == b';' or c == b','


cdef uint32_t cookie_end(slice_t text, uint32_t start) noexcept nogil:
    cdef uint32_t i = start
    cdef bint quoted = False
    while i < text.len:
        if quoted and text.ptr[i] == b'\\':
            i += 1
        elif text.ptr[i] == b'"':
            quoted = not quoted
        elif is_separator(text.ptr[i]) and not quoted:
            return i
        i += 1
    return text.len


cdef inline uint32_t skip_space(const cookie_walk_t* walk, uint32_t at) noexcept nogil:
    while at < walk.len and is_space(walk.text[at]):
        at += 1
    return at


# Reads name, value and end of the pair at walk.start.
cdef void read_pair(cookie_walk_t* walk) noexcept nogil:
    cdef uint32_t at = walk.start
    cdef uint32_t end
    while at < walk.len and walk.text[at] != b'=' and not is_separator(walk.text[at]) and not is_space(walk.text[at]):
        at += 1
    walk.name_len = at - walk.start
    walk.equals = skip_space(walk, at)
    walk.has_equals = walk.equals < walk.len and walk.text[walk.equals] == b'='
    walk.value = skip_space(walk, walk.equals + 1) if walk.has_equals else walk.equals
    walk.end = cookie_end(slice_of(walk.text, walk.len), walk.value)
    end = walk.end
    while end > walk.value and is_space(walk.text[end - 1]):
        end -= 1
    walk.value_len = end - walk.value


cdef void begin(cookie_walk_t* walk, http_msg_t* msg, int index) noexcept nogil:
    walk.msg = msg
    walk.index = index
    walk.text = msg.area + msg.hdrs[index].value_off
    walk.len = msg.hdrs[index].value_len
    walk.read = 0
    walk.wrote = 0
    walk.n_kept = 0
    walk.end = 0
    walk.prev = 0
    walk.has_cookie = False
    walk.is_dropping = False
    walk.is_dropped = False
    walk.cut = 0


# What stands between `read` and `at` goes on standing behind what was written.
cdef inline void keep_to(cookie_walk_t* walk, uint32_t at) noexcept nogil:
    if walk.wrote != walk.read and at > walk.read:
        memmove(walk.text + walk.wrote, walk.text + walk.read, at - walk.read)
    walk.wrote += at - walk.read
    walk.read = at


# Takes white space around the `=` out, and the value's beginning if the caller said so.
cdef void tidy_pair(cookie_walk_t* walk) noexcept nogil:
    cdef uint32_t name_end = walk.start + walk.name_len
    if walk.equals != name_end:
        keep_to(walk, name_end)
        walk.read = walk.equals
    if walk.value + walk.cut != walk.equals + 1:
        keep_to(walk, walk.equals + 1)
        walk.read = walk.value + walk.cut


# Behind a gap: the separator before what comes next, unless nothing stands before the gap.
cdef void close_gap(cookie_walk_t* walk) noexcept nogil:
    walk.is_dropping = False
    if walk.wrote:
        walk.text[walk.wrote] = walk.text[walk.prev]
        walk.text[walk.wrote + 1] = b' '
        walk.wrote += 2
    walk.read = walk.start


# The fate of the current cookie.
cdef void settle(cookie_walk_t* walk) noexcept nogil:
    cdef bint is_attribute = walk.name_len > 0 and walk.text[walk.start] == b'$'
    cdef uint32_t at = walk.prev
    if walk.is_dropped or is_attribute and walk.is_dropping:
        if not walk.is_dropping:
            while at > walk.read and is_space(walk.text[at - 1]):
                at -= 1
            keep_to(walk, at)
            walk.is_dropping = True
        return
    if walk.is_dropping:
        close_gap(walk)
    if is_attribute:
        return
    walk.n_kept += 1
    if walk.has_equals:
        tidy_pair(walk)


cdef void cookies_open(cookie_walk_t* walk, http_msg_t* msg, int index) noexcept nogil:
    begin(walk, msg, index)


cdef bint cookies_next(cookie_walk_t* walk) noexcept nogil:
    cdef uint32_t at
    if walk.has_cookie:
        settle(walk)
        if walk.end + 1 >= walk.len:
            walk.has_cookie = False
            return False
        walk.prev = walk.end
        at = walk.end + 1
    else:
        if walk.end or walk.len == 0:
            return False
        at = 1 if is_separator(walk.text[0]) else 0
        if at == walk.len:
            return False
    walk.has_cookie = True
    walk.is_dropped = False
    walk.cut = 0
    walk.start = skip_space(walk, at)
    read_pair(walk)
    return True


cdef void cookies_close(cookie_walk_t* walk) noexcept nogil:
    if walk.is_dropping and walk.n_kept == 0:
        msg_hdr_shorten(walk.msg, walk.index, 0)
        return
    if walk.is_dropping:
        # A separator that ended the old value ends the new one.
        walk.read = walk.end
    if walk.wrote == walk.read:
        return
    keep_to(walk, walk.len)
    msg_hdr_shorten(walk.msg, walk.index, walk.wrote)


cdef bint set_cookie_read(cookie_walk_t* walk, http_msg_t* msg, int index) noexcept nogil:
    begin(walk, msg, index)
    walk.start = skip_space(walk, 0)
    read_pair(walk)
    if not walk.has_equals:
        return False
    tidy_pair(walk)
    if walk.wrote != walk.read:
        keep_to(walk, walk.len)
        msg_hdr_shorten(msg, index, walk.wrote)
        walk.len = walk.wrote
        read_pair(walk)
    return True


cdef bint set_cookie_put(cookie_walk_t* walk, uint32_t cut, slice_t text) noexcept nogil:
    return msg_hdr_splice(walk.msg, walk.index, walk.value, cut, text)


# ---- dates

cdef void cookie_date_put(char* dst, uint32_t date) noexcept nogil:
    cdef uint32_t i
    for i in range(<uint32_t> COOKIE_DATE_LEN):
        dst[i] = DIGITS[date >> (6 * (COOKIE_DATE_LEN - 1 - i)) & 63]


cdef uint32_t cookie_date_read(slice_t text) noexcept nogil:
    cdef uint32_t i, date = 0
    cdef uint8_t digit
    if text.len < COOKIE_DATE_LEN:
        return 0
    for i in range(<uint32_t> COOKIE_DATE_LEN):
        digit = digit_values[<uint8_t> text.ptr[i]]
        if digit == 0:
            return 0
        date = date << 6 | (digit - 1)
    return date


cdef void fill_digits() noexcept nogil:
    cdef uint32_t i
    for i in range(64):
        # Plus one: 0 is no digit.
        digit_values[<uint8_t> DIGITS[i]] = <uint8_t> (i + 1)


fill_digits()
