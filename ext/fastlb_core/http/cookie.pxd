# Cookies where a proxy changes them: a walk over a Cookie header that takes cookies out or shortens them in place, the first
# pair of a Set-Cookie header, and the dates that a persistence cookie carries.
#
# Knows the text of RFC 6265 and of RFC 2109's `$` attributes as haproxy reads them: `;` and `,` separate, quotes hide both, white
# space around `=` is taken out. Must not know servers, or why a cookie is wanted.
#
#     a = 1 ; $Path=/ ; SRV=web1~x ; b=2
#           ^prev      ^start   ^value ^end        of the cookie SRV

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t

cdef enum:
    COOKIE_DATE_LEN = 5          # characters of a date
    COOKIE_DATE_UNIT = 4         # seconds that they count in

ctypedef struct cookie_walk_t:
    http_msg_t* msg              # borrowed
    int index                    # of the header
    char* text                   # borrowed: its value
    uint32_t len
    # the current cookie, offsets from text
    uint32_t prev                # the separator before it; 0 where none is
    uint32_t start
    uint32_t name_len
    uint32_t equals
    uint32_t value
    uint32_t value_len
    uint32_t end                 # the separator behind it, or len
    bint has_equals
    bint is_dropped              # set by the caller: it is taken out
    uint32_t cut                 # set by the caller: bytes that its value loses at the beginning
    # what has become of the text before it
    uint32_t read                # bytes of the old value that are done with
    uint32_t wrote               # bytes of the new one, at the text's beginning
    uint32_t n_kept              # cookies that stay, attributes not counted
    bint has_cookie
    bint is_dropping             # a separator is owed before what comes next

# The separator behind the pair at `start`, or text.len; those in quotes do not count.
cdef uint32_t cookie_end(slice_t text, uint32_t start) noexcept nogil

# Walks over header `index` of a request. Nothing is read by others from it before cookies_close.
cdef void cookies_open(cookie_walk_t* walk, http_msg_t* msg, int index) noexcept nogil
# The next cookie or attribute. False at the end.
cdef bint cookies_next(cookie_walk_t* walk) noexcept nogil
# The header becomes what was kept of it, or is deleted when no cookie is left of one that had any taken out. Needs no room.
cdef void cookies_close(cookie_walk_t* walk) noexcept nogil

# The cookie of a Set-Cookie header: only prev is not set. False when there is none. White space around its `=` is taken out of
# the message.
cdef bint set_cookie_read(cookie_walk_t* walk, http_msg_t* msg, int index) noexcept nogil
# Puts other bytes in the place of the first `cut` bytes of its value. False when the edit room is full.
cdef bint set_cookie_put(cookie_walk_t* walk, uint32_t cut, slice_t text) noexcept nogil

cdef inline slice_t cookie_name(const cookie_walk_t* walk) noexcept nogil:
    cdef slice_t name
    name.ptr = walk.text + walk.start
    name.len = walk.name_len
    return name

cdef inline slice_t cookie_value(const cookie_walk_t* walk) noexcept nogil:
    cdef slice_t value
    value.ptr = walk.text + walk.value
    value.len = walk.value_len
    return value

# A time in units, rounded up, as it is written.
cdef inline uint32_t cookie_date(uint64_t seconds) noexcept nogil:
    return <uint32_t> ((seconds + COOKIE_DATE_UNIT - 1) // COOKIE_DATE_UNIT)

# Writes COOKIE_DATE_LEN characters.
cdef void cookie_date_put(char* dst, uint32_t date) noexcept nogil
# The date at the beginning of text; 0 when there is none.
cdef uint32_t cookie_date_read(slice_t text) noexcept nogil
