# The PROXY protocol, versions 1 and 2 (haproxy.org/download/2.6/doc/proxy-protocol.txt): who the client really is.
#
# Knows the header's bytes and socket addresses. Must not know connections: the caller reads, waits and closes.
# Input is hostile: nothing is stored before the whole header has been checked, and a header is never larger than PP_MAX_LEN.

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.base.slice cimport slice_t
from fastlb_core.net.conn_err cimport conn_err_t

cdef enum:
    PP_V1_MAX = 107              # bytes of a version 1 line with its CRLF (section 2.1)
    PP_V2_HEAD = 16              # bytes before the addresses of version 2 (section 2.2)
    PP_MAX_LEN = 4096            # a longer version 2 header is refused: no sender's addresses and TLVs come near it
    PP_ENCODED_MAX = 107         # bytes that pp_encode writes at most

cdef enum pp_result_t:
    PP_OK = 0                    # *used bytes are the header; src and dst are set unless the header names no addresses
    PP_NEED_MORE = 1             # a valid beginning
    PP_ERROR = 2                 # no header, or a broken one: close without an answer

# Parses the header at the start of `bytes`. `src` and `dst` (28 bytes at least: sockaddr_in or sockaddr_in6) are written
# only when the result is PP_OK and the header carries addresses; with UNKNOWN and LOCAL they stay as they are.
cdef pp_result_t pp_parse(const uint8_t* data, uint32_t length, uint32_t* used, void* src, void* dst) noexcept nogil

# Why pp_parse refuses these bytes.
cdef conn_err_t pp_fault(const uint8_t* data, uint32_t length) noexcept nogil

# The extensions (TLVs) of a header that pp_parse took, `used` bytes at `header`; NULL where it has none. borrowed from header.
cdef const uint8_t* pp_tlvs(const uint8_t* header, uint32_t used, uint32_t* length) noexcept nogil
# The value of the last extension of that type (haproxy: the same); ptr NULL when there is none. tlvs: as pp_tlvs gave them, or
# a copy.
cdef slice_t pp_tlv_find(const uint8_t* tlvs, uint32_t length, uint8_t kind) noexcept nogil

# Puts the checksum (2.2.3) of a header of version 2 that is otherwise complete at `at`, in network order.
cdef void pp_checksum(uint8_t* header, uint32_t length, uint32_t at) noexcept nogil

# Writes the header of `version` (1 or 2) for a connection of `client` (sockaddr) to `local`; returns its length, 0 when
# `capacity` is too small. IPv4 on one side only is mapped to IPv6; other families give UNKNOWN or LOCAL.
cdef uint32_t pp_encode(int version, uint8_t* dst, uint32_t capacity, const void* client, const void* local) noexcept nogil
