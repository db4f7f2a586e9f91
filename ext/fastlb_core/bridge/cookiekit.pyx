# What the unit tests see of cookies: walks over one header, dates. Must not be imported by the product.
#
# Knows http/cookie. The header stands at the end of a page behind which nothing can be read or written.

from libc.stdint cimport uint32_t
from libc.string cimport memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.testkit cimport Guarded
from fastlb_core.http.cookie cimport (
    COOKIE_DATE_LEN, cookie_date, cookie_date_put, cookie_date_read, cookie_name, cookie_value, cookie_walk_t, cookies_close,
    cookies_next, cookies_open, set_cookie_put, set_cookie_read,
)
from fastlb_core.http.message cimport (
    HDR_F_DELETED, hdr_t, http_msg_t, msg_add_entry, msg_init,
)

cdef struct header_t:
    http_msg_t msg
    hdr_t hdrs[32]


cdef void open_header(header_t* header, Guarded line, uint32_t name_len) noexcept:
    cdef hdr_t* hdr
    memset(header, 0, sizeof(header_t))
    msg_init(&header.msg, header.hdrs, 8)
    header.msg.area = line.start
    hdr = msg_add_entry(&header.msg, 0, name_len)
    hdr.value_off = name_len + 2
    hdr.value_len = line.len - name_len - 4


cdef object value_of(header_t* header):
    cdef hdr_t* hdr = &header.msg.hdrs[0]
    if hdr.flags & HDR_F_DELETED:
        return None
    return header.msg.area[hdr.value_off:hdr.value_off + hdr.value_len]


def walk_cookies(bytes value, bytes name=b"", bytes stop=b""):
    """The pairs of a Cookie header as [(name, value), ...], and the header afterwards (None: deleted). name: is taken out; where
    stop is given, it loses its value's beginning up to the first of that byte instead."""
    cdef Guarded line = Guarded(b"cookie: " + value + b"\r\n")
    cdef header_t header
    cdef cookie_walk_t walk
    found = []
    open_header(&header, line, 6)
    cookies_open(&walk, &header.msg, 0)
    while cookies_next(&walk):
        pair = (cookie_name(&walk).ptr[:walk.name_len], cookie_value(&walk).ptr[:walk.value_len])
        found.append(pair)
        if walk.has_equals and name and pair[0] == name:
            if not stop:
                walk.is_dropped = True
            elif stop in pair[1]:
                walk.cut = pair[1].index(stop) + 1
    cookies_close(&walk)
    return found, value_of(&header)


def put_cookie(bytes value, bytes text, cut_all=True):
    """A Set-Cookie header whose value was replaced, or (cut_all False) begun with `text`; None: it has no cookie."""
    cdef bytes head = b"set-cookie: " + value + b"\r\n"
    cdef Guarded line = Guarded(head + bytes(len(value) + len(text) + 2))
    cdef header_t header
    cdef cookie_walk_t walk
    open_header(&header, line, 10)
    header.msg.hdrs[0].value_len = len(value)
    header.msg.edit_off = len(head)
    header.msg.edit_cap = len(value) + len(text) + 2
    if not set_cookie_read(&walk, &header.msg, 0):
        return None
    if not set_cookie_put(&walk, walk.value_len if cut_all else 0, slice_of(<const char*> text, len(text))):
        raise MemoryError
    return value_of(&header)


def write_date(seconds):
    cdef char text[COOKIE_DATE_LEN]
    cookie_date_put(text, cookie_date(seconds))
    return text[:COOKIE_DATE_LEN]


def read_date(bytes text):
    """In units of four seconds; 0: none."""
    return cookie_date_read(slice_of(<const char*> text, len(text)))
