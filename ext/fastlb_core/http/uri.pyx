# Splitting request targets and authorities.
# Knows RFC 3986's characters; must not know messages or decode anything.

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memchr, memset

from fastlb_core.base.slice cimport lower_byte, slice_of, slice_t

cdef enum:
    PERCENT = 37
    COLON = 58
    SLASH = 47
    AT = 64
    QUESTION = 63
    OPEN = 91
    CLOSE = 93

# What may stand in a host name: RFC 3986 unreserved and sub-delims without the comma, which joins two Hosts into one.
cdef uint8_t[256] host_bytes
cdef uint8_t[256] hex_bytes


cdef void fill_tables() noexcept nogil:
    cdef uint32_t c
    cdef const char* specials = b"-._~!$&'()*+;="
    for c in range(256):
        hex_bytes[c] = 48 <= c <= 57 or 65 <= c <= 70 or 97 <= c <= 102
        host_bytes[c] = 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122
    c = 0
    while specials[c]:
        host_bytes[<uint8_t> specials[c]] = 1
        c += 1


# The end of the authority in text: the first slash, question mark or the end.
cdef uint32_t authority_end(slice_t text) noexcept nogil:
    cdef uint32_t i = 0
    while i < text.len and text.ptr[i] != SLASH and text.ptr[i] != QUESTION:
        i += 1
    return i


cdef void split_path(uri_t* uri, slice_t text) noexcept nogil:
    cdef const char* mark = NULL
    if text.len:
        mark = <const char*> memchr(text.ptr, QUESTION, text.len)
    if mark == NULL:
        uri.path = text
        return
    uri.path = slice_of(text.ptr, <uint32_t> (mark - text.ptr))
    uri.query = slice_of(mark + 1, text.len - uri.path.len - 1)


# Length of `scheme` when text begins with scheme://, else 0 (RFC 3986 3.1).
cdef uint32_t scheme_len(slice_t text) noexcept nogil:
    cdef uint32_t i = 0
    cdef uint8_t c
    while i < text.len:
        c = lower_byte(<uint8_t> text.ptr[i])
        if 97 <= c <= 122 or (i and (48 <= c <= 57 or c == 43 or c == 45 or c == 46)):
            i += 1
            continue
        break
    if i and text.len - i >= 3 and text.ptr[i] == COLON and text.ptr[i + 1] == SLASH and text.ptr[i + 2] == SLASH:
        return i
    return 0


cdef uri_t uri_split(slice_t target) noexcept nogil:
    cdef uri_t uri
    cdef uint32_t n
    cdef slice_t rest
    memset(&uri, 0, sizeof(uri))
    if target.len == 0:
        return uri
    if target.ptr[0] == SLASH:
        uri.form = URI_ORIGIN
        split_path(&uri, target)
        return uri
    if target.len == 1 and target.ptr[0] == 42:
        uri.form = URI_ASTERISK
        uri.path = target
        return uri
    n = scheme_len(target)
    if n:
        uri.form = URI_ABSOLUTE
        uri.scheme = slice_of(target.ptr, n)
        rest = slice_of(target.ptr + n + 3, target.len - n - 3)
        n = authority_end(rest)
        uri.authority = slice_of(rest.ptr, n)
        split_path(&uri, slice_of(rest.ptr + n, rest.len - n))
        return uri
    if authority_end(target) == target.len and memchr(target.ptr, COLON, target.len) != NULL:
        uri.form = URI_AUTHORITY
        uri.authority = target
    return uri


# Bytes of the IP literal in brackets at the start, 0 when it is not one.
cdef uint32_t literal_len(slice_t text) noexcept nogil:
    cdef uint32_t i = 1
    cdef bint is_future = text.len > 1 and lower_byte(<uint8_t> text.ptr[1]) == 118
    cdef uint8_t c
    while i < text.len:
        c = <uint8_t> text.ptr[i]
        if c == CLOSE:
            return i + 1 if i > 2 else 0
        if not (c == COLON or hex_bytes[c] or c == 46 or (is_future and host_bytes[c])):
            return 0
        i += 1
    return 0


# Bytes of the host name at the start, 0 when a byte of it is not allowed.
cdef uint32_t name_len(slice_t text) noexcept nogil:
    cdef uint32_t i = 0
    while i < text.len and text.ptr[i] != COLON:
        if text.ptr[i] == PERCENT:
            if text.len - i < 3 or not hex_bytes[<uint8_t> text.ptr[i + 1]] or not hex_bytes[<uint8_t> text.ptr[i + 2]]:
                return 0
            i += 2
        elif not host_bytes[<uint8_t> text.ptr[i]]:
            return 0
        i += 1
    return i


cdef bint uri_host_port(slice_t authority, slice_t* host, uint16_t* port) noexcept nogil:
    cdef uint32_t n, number = 0, i
    cdef uint8_t digit
    if authority.len == 0:
        return False
    n = literal_len(authority) if authority.ptr[0] == OPEN else name_len(authority)
    if n == 0:
        return False
    host[0] = slice_of(authority.ptr, n)
    port[0] = 0
    if n == authority.len:
        return True
    if authority.ptr[n] != COLON:
        return False
    for i in range(n + 1, authority.len):
        digit = <uint8_t> (authority.ptr[i] - 48)
        number = number * 10 + digit
        if digit > 9 or number > 65535:
            return False
    port[0] = <uint16_t> number
    return True


cdef slice_t uri_path_query(slice_t target) noexcept nogil:
    cdef uri_t uri
    if target.len and target.ptr[0] == SLASH:
        return target
    uri = uri_split(target)
    if uri.form == URI_ABSOLUTE and (uri.path.len or uri.query.ptr != NULL):
        return slice_of(uri.path.ptr, target.len - <uint32_t> (uri.path.ptr - target.ptr))
    return uri.path


fill_tables()
