# Bytes of a log line as they are written: a position and an end, and the few things a line is made of.
#
# Knows ASCII only. Numbers and single bytes are not checked against the end: whoever writes a line leaves LOG_FIXED_MAX
# bytes for them and clips names to LOG_NAME_MAX, so that only texts of free length need a check.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from fastlb_core.base.slice cimport slice_t

cdef enum:
    LOG_FIXED_MAX = 640          # bytes of everything but names and the request in the longest line
    LOG_NAME_MAX = 512           # bytes of a name that a line shows
    LOG_BODY_MAX = 8192          # bytes of a line's text at most

cdef struct out_t:
    char* at                     # borrowed: where the next byte goes
    char* end                    # borrowed: behind the last byte of the room

# Decimal digits, up to 20.
cdef void out_u64(out_t* out, uint64_t number) noexcept nogil
# Bytes that may not be shown as they are become #XX (manual, section 8.6): controls, 127 and above, `"` and `#`.
# Stops at the end; a byte is written whole or not at all.
cdef void out_escaped(out_t* out, slice_t text) noexcept nogil
# The same for captured headers, whose `{`, `|` and `}` are #XX as well.
cdef void out_escaped_header(out_t* out, slice_t text) noexcept nogil
# The client's or the local address and port: `IP:port`; a unix socket as `unix:ID` with the listener's id.
cdef void out_address(out_t* out, const void* sockaddr, uint32_t listener_id) noexcept nogil

cdef inline void out_byte(out_t* out, uint8_t byte) noexcept nogil:
    out.at[0] = <char> byte
    out.at += 1

cdef inline void out_bytes(out_t* out, const char* ptr, uint32_t length) noexcept nogil:
    memcpy(out.at, ptr, length)
    out.at += length

cdef inline void out_name(out_t* out, slice_t name) noexcept nogil:
    out_bytes(out, name.ptr, name.len if name.len <= LOG_NAME_MAX else LOG_NAME_MAX)

# A number that is mostly small and may be negative (times, counts).
cdef inline void out_int(out_t* out, int64_t number) noexcept nogil:
    if 0 <= number <= 9:
        out.at[0] = <char> (48 + number)
        out.at += 1
        return
    if number < 0:
        out_byte(out, b'-')
        number = -number
    out_u64(out, <uint64_t> number)
