# CGI answers: implementation. One walk over the lines reads them, another copies them; what stands in them is judged later.

from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from fastlb_core.base.slice cimport slice_eq_nocase, slice_of, slice_t, slice_trim

cdef enum:
    FIXED_MAX = 160              # bytes of what is added at most, but for the reason: status line, date, framing, empty line


cdef uint32_t cgi_head_end(const char* bytes, uint32_t length, uint32_t* seen) noexcept nogil:
    """Lines end with LF or CRLF; the first empty one ends the head."""
    cdef const char* end
    while True:
        end = <const char*> memchr(bytes + seen[0], b'\n', length - seen[0])
        if end == NULL:
            # `seen` stays at a line's beginning.
            return 0
        if end == bytes + seen[0] or end == bytes + seen[0] + 1 and bytes[seen[0]] == b'\r':
            return <uint32_t> (end - bytes) + 1
        seen[0] = <uint32_t> (end - bytes) + 1


cdef bint _next_line(slice_t* rest, slice_t* line) noexcept nogil:
    cdef const char* end
    if rest.len == 0:
        return False
    end = <const char*> memchr(rest.ptr, b'\n', rest.len)
    line[0] = slice_of(rest.ptr, <uint32_t> (end - rest.ptr) if end != NULL else rest.len)
    rest.ptr += line.len + 1 if end != NULL else line.len
    rest.len -= line.len + 1 if end != NULL else line.len
    if line.len and line.ptr[line.len - 1] == b'\r':
        line.len -= 1
    return True


cdef bint _split(slice_t line, slice_t* name, slice_t* value) noexcept nogil:
    cdef const char* colon = <const char*> memchr(line.ptr, b':', line.len)
    if colon == NULL:
        return False
    name[0] = slice_of(line.ptr, <uint32_t> (colon - line.ptr))
    value[0] = slice_trim(slice_of(colon + 1, line.len - name.len - 1))
    return True


cdef bint _read_number(slice_t text, uint64_t* number) noexcept nogil:
    cdef uint32_t i
    number[0] = 0
    if text.len == 0 or text.len > 18:
        return False
    for i in range(text.len):
        if not 48 <= text.ptr[i] <= 57:
            return False
        number[0] = number[0] * 10 + <uint64_t> (text.ptr[i] - 48)
    return True


cdef bint _read_status(cgi_head_t* head, slice_t value) noexcept nogil:
    """`404 Not Found`. Interim answers and 101 are none that a script can give. haproxy: sends what it makes of other words."""
    cdef uint64_t number
    cdef uint32_t n = 0
    while n < value.len and value.ptr[n] != b' ':
        n += 1
    if n != 3 or not _read_number(slice_of(value.ptr, n), &number) or number < 200:
        return False
    head.status = <uint16_t> number
    head.reason = slice_trim(slice_of(value.ptr + n, value.len - n))
    return True


cdef bint _note(cgi_head_t* head, slice_t name, slice_t value, bint* has_status, bint* has_location) noexcept nogil:
    """Takes a line's meaning. False: a status that cannot be sent."""
    if slice_eq_nocase(name, b"status", 6):
        has_status[0] = True
        head.uncounted -= <int32_t> (name.len + value.len)
        return _read_status(head, value)
    if slice_eq_nocase(name, b"location", 8):
        has_location[0] = True
    elif slice_eq_nocase(name, b"content-length", 14):
        if not head.has_length:
            head.has_length = _read_number(value, &head.content_length)
    elif slice_eq_nocase(name, b"transfer-encoding", 17):
        head.has_coding = True
    elif slice_eq_nocase(name, b"date", 4):
        head.has_date = True
    return True


cdef bint cgi_read(cgi_head_t* head, const char* bytes, uint32_t length) noexcept nogil:
    cdef bint has_status = False, has_location = False
    cdef slice_t rest = slice_of(bytes, length), line, name, value
    head.status = 200
    head.reason = slice_of(b"OK", 2)
    head.has_length = head.has_coding = head.has_date = False
    head.uncounted = 0
    head.lines = slice_of(bytes, 0)
    while _next_line(&rest, &line) and line.len:
        head.lines = slice_of(bytes, <uint32_t> (line.ptr - bytes) + line.len)
        if _split(line, &name, &value) and not _note(head, name, value, &has_status, &has_location):
            return False
    if has_location and not has_status:
        # haproxy: with a local path too (RFC 3875 6.2.2 would have that one fetched by the server itself).
        head.status = 302
        head.reason = slice_of(b"Moved Temporarily", 17)
    return True


cdef uint32_t cgi_digits(char* dst, uint64_t value, uint32_t base) noexcept nogil:
    cdef const char* digits = b"0123456789abcdef"
    cdef char[20] turned
    cdef uint32_t n = 0, i
    while True:
        turned[n] = digits[value % base]
        n += 1
        value //= base
        if value == 0:
            break
    for i in range(n):
        dst[i] = turned[n - 1 - i]
    return n


cdef inline uint32_t _put(char* dst, uint32_t at, slice_t text) noexcept nogil:
    memcpy(dst + at, text.ptr, text.len)
    return at + text.len


cdef uint32_t _put_added(
    cgi_head_t* head, cgi_framing_t framing, uint64_t body_length, const char* date, char* dst, uint32_t at
) noexcept nogil:
    """The lines of our own. haproxy: the log counts what the script sent."""
    cdef uint32_t n
    if not head.has_date:
        at = _put(dst, at, slice_of(b"date: ", 6))
        at = _put(dst, at, slice_of(date, 29))
        at = _put(dst, at, slice_of(b"\r\n", 2))
        head.uncounted += 33
    if framing == CGI_LENGTH:
        at = _put(dst, at, slice_of(b"content-length: ", 16))
        n = cgi_digits(dst + at, body_length, 10)
        at = _put(dst, at + n, slice_of(b"\r\n", 2))
        head.uncounted += 14 + <int32_t> n
    elif framing == CGI_CHUNKED:
        at = _put(dst, at, slice_of(b"transfer-encoding: chunked\r\n", 28))
        head.uncounted += 24
    return _put(dst, at, slice_of(b"\r\n", 2))


cdef uint32_t cgi_write(
    cgi_head_t* head, bint is_http10, cgi_framing_t framing, uint64_t body_length, const char* date, char* dst, uint32_t room
) noexcept nogil:
    cdef slice_t rest = head.lines, line, name, value
    cdef uint32_t at
    if head.reason.len + FIXED_MAX > room:
        return 0
    at = _put(dst, 0, slice_of(b"HTTP/1.0 ", 9) if is_http10 else slice_of(b"HTTP/1.1 ", 9))
    at += cgi_digits(dst + at, head.status, 10)
    at = _put(dst, at, slice_of(b" ", 1))
    at = _put(dst, at, head.reason)
    at = _put(dst, at, slice_of(b"\r\n", 2))
    while _next_line(&rest, &line):
        if _split(line, &name, &value) and slice_eq_nocase(name, b"status", 6):
            continue
        if at + line.len + FIXED_MAX > room:
            return 0
        at = _put(dst, at, line)
        at = _put(dst, at, slice_of(b"\r\n", 2))
    return _put_added(head, framing, body_length, date, dst, at)
