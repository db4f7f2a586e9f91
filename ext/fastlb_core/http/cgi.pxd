# The head of a CGI script's answer (RFC 3875, section 6) made into the head of an HTTP/1 answer.
#
# Knows the lines that mean something to whoever ran the script: Status, Location, and those that frame the body. Must not judge
# the others: the head that is made goes through http/h1.pyx like a server's.

from libc.stdint cimport int32_t, uint16_t, uint32_t, uint64_t

from fastlb_core.base.slice cimport slice_t

cdef enum cgi_framing_t:
    CGI_AS_GIVEN = 0             # the script says it, or there is no body
    CGI_LENGTH = 1               # content-length is added
    CGI_CHUNKED = 2              # transfer-encoding: chunked is added
    CGI_UNTIL_CLOSE = 3          # nothing is

cdef struct cgi_head_t:
    slice_t lines                # borrowed: the header lines, without the empty one
    uint16_t status
    slice_t reason               # borrowed (static, or from the lines)
    bint has_length              # the first Content-Length, if it is a number
    uint64_t content_length
    bint has_coding              # Transfer-Encoding: the script frames the body itself
    bint has_date
    int32_t uncounted            # bytes that %B of the log does not count in the head that was made; negative: it counts more

# Where the head in `bytes` ends, its empty line included; 0: it is not there yet. *seen: how far it was looked for, kept from
# call to call.
cdef uint32_t cgi_head_end(const char* bytes, uint32_t length, uint32_t* seen) noexcept nogil
# Reads the head, which ends where the bytes do. False: its status is none that may be sent.
cdef bint cgi_read(cgi_head_t* head, const char* bytes, uint32_t length) noexcept nogil
# Writes the head of the HTTP/1 answer to dst. body_length: for CGI_LENGTH. date: 29 bytes. Returns its length, 0 where it does
# not fit into `room`.
cdef uint32_t cgi_write(
    cgi_head_t* head, bint is_http10, cgi_framing_t framing, uint64_t body_length, const char* date, char* dst, uint32_t room
) noexcept nogil
# Digits of a number, in base 10 or 16, without leading zeros, at dst (20 bytes); returns how many.
cdef uint32_t cgi_digits(char* dst, uint64_t value, uint32_t base) noexcept nogil
