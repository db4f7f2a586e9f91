# Bytes of a format's values: as they are, quoted, escaped, as JSON or as CBOR.
#
# Knows a place to write with an end that nothing passes. Must not know items, aliases or where values come from.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t

cdef struct lf_out_t:
    char* at                     # borrowed: the next byte
    char* end                    # borrowed: behind the last byte of the room

# All of these write what fits and stop at the end.
cdef inline void lf_put_byte(lf_out_t* out, uint8_t byte) noexcept nogil:
    if out.at < out.end:
        out.at[0] = <char> byte
        out.at += 1

cdef void lf_put(lf_out_t* out, slice_t text) noexcept nogil
# With `"`, `\` and `]` behind a `\` (RFC 5424, 6.3.3).
cdef void lf_put_escaped(lf_out_t* out, slice_t text) noexcept nogil
# With control bytes but the tab as %XX, so that a value never ends a header's line; is_escaped: as lf_put_escaped too.
cdef void lf_put_percent(lf_out_t* out, slice_t text, bint is_escaped) noexcept nogil
cdef void lf_put_int(lf_out_t* out, int64_t number) noexcept nogil
# Upper-case hexadecimal digits, at least `width` of them.
cdef void lf_put_hex(lf_out_t* out, int64_t number, uint32_t width) noexcept nogil
# A JSON string with its quotes (RFC 8259, 7); bytes from 128 on are passed as they are.
cdef void lf_put_json(lf_out_t* out, slice_t text) noexcept nogil
# CBOR (RFC 8949, 3): a head of that major type and argument, or a whole text; as hexadecimal digits unless is_binary.
cdef void lf_put_cbor_head(lf_out_t* out, uint8_t major, int64_t argument, bint is_binary) noexcept nogil
cdef void lf_put_cbor_text(lf_out_t* out, slice_t text, bint is_binary) noexcept nogil
cdef void lf_put_cbor_byte(lf_out_t* out, uint8_t byte, bint is_binary) noexcept nogil
