# What several fetches of HTTP share: walking header values, URL parameters, and HAProxy's way to read a short number.
#
# Knows the grammar of lists and parameters. Must not know arguments or samples' types.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.http.uri cimport uri_t
from fastlb_core.program.sample cimport eval_t, sample_t

cdef struct value_walk_t:
    slice_t name                 # lower case; empty: every header
    uint8_t id                   # hdr_id_t of name
    bint full                    # whole values, commas do not separate
    int32_t at                   # index of the header of the last value, -1: none yet
    uint32_t next                # where its next element begins; WALK_DONE: in the next header

cdef enum:
    WALK_DONE = 0xffffffff

cdef void values_start(value_walk_t* walk, slice_t name, bint full) noexcept nogil
# The next value, trimmed; empty ones count. False at the end.
cdef bint values_next(const http_msg_t* msg, value_walk_t* walk, slice_t* value) noexcept nogil
# The n-th value from the start (occurrence > 0), or from the end (< 0). False when there are not as many.
cdef bint values_find(const http_msg_t* msg, slice_t name, bint full, int64_t occurrence, slice_t* value) noexcept nogil
cdef uint32_t values_count(const http_msg_t* msg, slice_t name, bint full) noexcept nogil
# Keeps a walk between two calls of a fetch with SMP_F_MORE, in ctx[0] and ctx[1].
cdef void values_keep(const value_walk_t* walk, sample_t* smp) noexcept nogil
cdef void values_resume(value_walk_t* walk, const sample_t* smp) noexcept nogil

# The message, or NULL with SMP_F_MAY_CHANGE when it has not come yet.
cdef http_msg_t* seen_request(eval_t* ev, sample_t* smp) noexcept nogil
cdef http_msg_t* seen_response(eval_t* ev, sample_t* smp) noexcept nogil

# Path and query of an origin or absolute target, from the first slash; empty where there is none (`*`, CONNECT).
cdef slice_t target_pathq(slice_t target) noexcept nogil
# The part of it before the question mark.
cdef slice_t target_path(slice_t target) noexcept nogil

# The next parameter `name=value` in text[*at:], moving *at behind it. name.ptr NULL: any name. delimiter: a byte that separates
# as & and ; do; 0: & alone separates. False when there is none.
cdef bint param_next(slice_t text, uint32_t* at, slice_t name, uint8_t delimiter, slice_t* value) noexcept nogil

# haproxy: the number at the start of a header, cookie or parameter: an optional minus, then every byte below ':' counts as a
# digit, and 32 bits wrap around.
cdef int64_t short_number(slice_t text) noexcept nogil
# A dotted quad with leading zeros allowed; *length is how far it goes. False when text does not begin with one.
cdef bint read_quad(slice_t text, uint8_t* address, uint32_t* length) noexcept nogil
# Decimal port at the start of text; -1 when it is none or above 65535 or does not end the text.
cdef int32_t read_port(slice_t text) noexcept nogil
