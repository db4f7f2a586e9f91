# What the settings of a proxy change in a head that passes: addresses added for the server, names restricted or set in the
# case that a bogus peer expects, the server's name.
#
# Knows `option forwardfor`, `originalto`, `http-restrict-req-hdr-names`, `h1-case-adjust-*` and `http-send-name-header`.
# Must not know rules, connections or when heads are sent.

from libc.stdint cimport uint8_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.program.program cimport program_t, px_t
from fastlb_core.proxy.stream cimport stream_t

# The client's address as 4 or 16 bytes; NULL where it has none.
cdef const uint8_t* client_address(stream_t* strm, int* family) noexcept nogil
# `option forwardfor` and `originalto` of the backend, else of the frontend. False when the edit room is full.
cdef bint add_addresses(stream_t* strm) noexcept nogil
# `option http-restrict-req-hdr-names` of px. False: the request must be refused with a 403.
cdef bint restrict_names(stream_t* strm, const px_t* px) noexcept nogil
# `http-send-name-header` and the names' case, for the server that was chosen; idempotent. False when the edit room is full.
cdef bint edit_for_server(stream_t* strm) noexcept nogil
# `h1-case-adjust`: the listed names in their case. Names are in lower case before.
cdef void adjust_case(const program_t* program, http_msg_t* msg) noexcept nogil
