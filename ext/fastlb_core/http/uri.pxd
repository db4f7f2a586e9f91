# The parts of a request target.
# Knows RFC 9112 3.2's four forms and RFC 3986's authority; must not know messages or decode anything.

from libc.stdint cimport uint16_t, uint32_t

from fastlb_core.base.slice cimport slice_t

cdef enum uri_form_t:
    URI_INVALID = 0
    URI_ORIGIN              # /path?query
    URI_ABSOLUTE            # scheme://authority/path?query
    URI_AUTHORITY           # host:port (CONNECT)
    URI_ASTERISK            # * (OPTIONS)

ctypedef struct uri_t:
    uri_form_t form
    slice_t scheme          # each part borrowed from the target; without its separators
    slice_t authority       # host[:port], with user information if there is any
    slice_t path            # from the first slash to the question mark; empty when there is none
    slice_t query           # behind the question mark; ptr NULL when there is no question mark

# Splits a target. Bytes that may not stand in a target are the parser's affair (h1.pyx), not checked here.
cdef uri_t uri_split(slice_t target) noexcept nogil
# Splits host[:port] at the port's colon; an IPv6 literal keeps its brackets. *port: 0 when there is none or it is empty.
# False when this is not a valid authority without user information (RFC 9110 7.2, RFC 3986 3.2.2): empty host, port
# not a number up to 65535, bytes that may not stand there.
cdef bint uri_host_port(slice_t authority, slice_t* host, uint16_t* port) noexcept nogil
# The bytes that a balance on uri or a path fetch sees: path and query of any form.
cdef slice_t uri_path_query(slice_t target) noexcept nogil
