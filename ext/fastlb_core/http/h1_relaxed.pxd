# What `option accept-unsafe-violations-in-http-request` and `-response` let through of a head: names with any visible byte,
# targets with bytes of no URI, unknown versions, HTTP/0.9.
#
# Knows lines and bytes. Must not know framing: that has one reading with the option, too. Whatever could make another recipient
# see other lines or another length stays refused (haproxy: passes it on): control characters and white space in names, and before
# the first one.

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.http.message cimport http_msg_t

cdef enum lines_t:
    LINES_MORE = 0          # the empty line has not come yet
    LINES_DONE = 1          # msg.head_len is known
    LINES_BAD = 2           # at *at
    LINES_TOO_MANY = 3

# 1 for a byte that a request target may have with the option: everything but control characters and the space.
cdef uint8_t[256] lax_target_bytes

# Splits the lines of msg.area[*at:length] that are complete into headers; *at is moved to the first that is not. To be called
# again with more bytes. In the place of llhttp.
cdef lines_t lax_lines(http_msg_t* msg, uint32_t* at, uint32_t length) noexcept nogil
# The version in area[at:end]: `name/digits.digits`, or for an answer any word. False: it is none. What is not known to be 1.1 or
# later counts as 1.0.
cdef bint lax_version(http_msg_t* msg, uint32_t at, uint32_t end) noexcept nogil
# An answer's version is not 8 bytes long, as those that write it expect: HTTP/1.0 and the status at area[at:at + 3] take its
# place. haproxy: passes on what came. False: the edit room is full.
cdef bint lax_status(http_msg_t* msg, uint32_t at) noexcept nogil
# A request line without a version, which is HTTP/0.9: gives it one. False: the edit room is full.
cdef bint lax_http09(http_msg_t* msg) noexcept nogil
