# Heads with bytes that RFC 9110 and 9112 do not allow: implementation.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcpy, memset

from fastlb_core.http.message cimport MSG_F_EDITED, MSG_F_HTTP10, MSG_F_RESPONSE, hdr_t, msg_add_entry

cdef enum:
    SP = 32
    TAB = 9
    CR = 13
    LF = 10
    COLON = 58
    DOT = 46
    SLASH = 47
    DEL = 127

cdef uint8_t[256] name_bytes


cdef void fill_tables() noexcept nogil:
    cdef uint32_t c
    for c in range(256):
        lax_target_bytes[c] = c > SP and c != DEL
        name_bytes[c] = c > SP and c != DEL and c != COLON


# -- header lines

cdef bint _fold(http_msg_t* msg, uint32_t at, uint32_t end) noexcept nogil:
    """Joins a line that begins with white space to the value before it (RFC 9112 5.2). False: there is none."""
    cdef hdr_t* hdr
    if msg.n_hdrs == 0:
        return False
    hdr = &msg.hdrs[msg.n_hdrs - 1]
    memset(msg.area + hdr.value_off + hdr.value_len, SP, at - hdr.value_off - hdr.value_len)
    hdr.value_len = end - hdr.value_off
    return True


cdef lines_t _take_line(http_msg_t* msg, uint32_t at, uint32_t end) noexcept nogil:
    """A line of msg.area[at:end], which is not empty."""
    cdef const uint8_t* area = <const uint8_t*> msg.area
    cdef uint32_t name = at
    cdef hdr_t* hdr
    if memchr(area + at, CR, end - at) != NULL:
        return LINES_BAD
    if area[at] == SP or area[at] == TAB:
        return LINES_DONE if _fold(msg, at, end) else LINES_BAD
    while at < end and name_bytes[area[at]]:
        at += 1
    if at == name or at == end or area[at] != COLON:
        return LINES_BAD
    # The manual's tune.http.maxhdr counts the start line, too.
    if msg.n_hdrs + 1 >= msg.max_hdrs:
        return LINES_TOO_MANY
    hdr = msg_add_entry(msg, name, at - name)
    hdr.value_off = at + 1
    hdr.value_len = end - at - 1
    return LINES_DONE


cdef lines_t lax_lines(http_msg_t* msg, uint32_t* at, uint32_t length) noexcept nogil:
    cdef const char* lf
    cdef const char* cr
    cdef uint32_t end
    cdef lines_t found
    while True:
        lf = <const char*> memchr(msg.area + at[0], LF, length - at[0])
        if lf == NULL:
            cr = <const char*> memchr(msg.area + at[0], CR, length - at[0])
            return LINES_MORE if cr == NULL or cr + 1 == msg.area + length else LINES_BAD
        end = <uint32_t> (lf - msg.area)
        if end > at[0] and msg.area[end - 1] == CR:
            end -= 1
        if end == at[0]:
            msg.head_len = <uint32_t> (lf - msg.area) + 1
            return LINES_DONE
        found = _take_line(msg, at[0], end)
        if found != LINES_DONE:
            return found
        at[0] = <uint32_t> (lf - msg.area) + 1


# -- versions

cdef inline bint _is_digit(uint8_t c) noexcept nogil:
    return <uint8_t> (c - 48) <= 9


cdef inline bint _is_letter(uint8_t c) noexcept nogil:
    return <uint8_t> ((c | 32) - 97) < 26


cdef bint _set_http10(http_msg_t* msg) noexcept nogil:
    """The version stands in the edit room from now on."""
    if msg.edit_cap - msg.edit_len < 8:
        return False
    msg.version_off = msg.edit_off + msg.edit_len
    msg.version_len = 8
    memcpy(msg.area + msg.version_off, b"HTTP/1.0", 8)
    msg.edit_len += 8
    msg.flags |= MSG_F_HTTP10 | MSG_F_EDITED
    return True


cdef bint lax_version(http_msg_t* msg, uint32_t at, uint32_t end) noexcept nogil:
    cdef uint8_t* area = <uint8_t*> msg.area
    cdef uint32_t i = at
    msg.version_off = at
    msg.version_len = end - at
    while i < end and (_is_letter(area[i]) or _is_digit(area[i]) or area[i] == DOT or area[i] == SLASH):
        i += 1
    if i != end or end == at:
        return False
    if not msg.flags & MSG_F_RESPONSE:
        # haproxy: letters in upper case, a slash, digits and points.
        i = at
        while i < end and <uint8_t> (area[i] - 65) < 26:
            i += 1
        if i == at or i == end or area[i] != SLASH:
            return False
        for i in range(i + 1, end):
            if not _is_digit(area[i]) and area[i] != DOT:
                return False
        if end - at != 8:
            # haproxy: passes it on as it came. The server shall take it for what it is taken for here.
            return _set_http10(msg)
    if end - at != 8 or area[at + 4] != SLASH or area[at + 6] != DOT or area[at + 5] < 49 or \
            area[at + 5] == 49 and area[at + 7] == 48:
        msg.flags |= MSG_F_HTTP10
    elif msg.flags & MSG_F_RESPONSE == 0 or area[at] == 72:
        memcpy(area + at, b"HTTP/1.1", 8)
        msg.flags |= MSG_F_EDITED
    return True


cdef bint lax_status(http_msg_t* msg, uint32_t at) noexcept nogil:
    cdef char* line
    if msg.edit_cap - msg.edit_len < 13 or not _set_http10(msg):
        return False
    line = msg.area + msg.version_off + 8
    line[0] = SP
    memcpy(line + 1, msg.area + at, 3)
    line[4] = SP
    msg.edit_len += 5
    return True


cdef bint lax_http09(http_msg_t* msg) noexcept nogil:
    msg.head_len = msg.hdrs_off
    return _set_http10(msg)


fill_tables()
