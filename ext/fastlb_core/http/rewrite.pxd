# What a proxy must change in a head it passes on: hop-by-hop headers and X-Forwarded-For.
# Knows RFC 9110 7.6 and HAProxy's habits (reference/FORMATS.md, "Headers"); must not know rules of the configuration.
# Every function edits the message (http/message) and returns False when the edit room is full: answer 500.

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport http_msg_t

# A request on its way to a server. keep_alive: the server's connection may be kept (False: `connection: close` is added).
# An HTTP/1.0 request stays one and gets `connection: keep-alive` when the connection may be kept.
cdef bint request_hop_by_hop(http_msg_t* msg, bint keep_alive) noexcept nogil
# An answer on its way to a client. client_flags: MSG_F_* of the request. keep_alive: the client's connection stays open.
# An HTTP/1.0 answer is sent as HTTP/1.1 is (HAProxy does the same).
cdef bint response_hop_by_hop(http_msg_t* msg, uint32_t client_flags, bint keep_alive) noexcept nogil
# Whether a Connection line with this value is passed on as it is: nothing in it is this hop's.
cdef bint is_connection_kept(slice_t value) noexcept nogil
# Appends one header line `name: address`. family: AF_INET or AF_INET6; address: 4 or 16 bytes, network order.
cdef bint add_forwarded_for(http_msg_t* msg, slice_t name, int family, const uint8_t* address) noexcept nogil

# Writes an address as inet_ntop would (IPv6: RFC 5952, mapped IPv4 as ::ffff:a.b.c.d) into dst, 46 bytes; returns the length.
cdef uint32_t format_ipv4(char* dst, const uint8_t* address) noexcept nogil
cdef uint32_t format_ipv6(char* dst, const uint8_t* address) noexcept nogil
