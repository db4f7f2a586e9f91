# NetScaler's Client IP insertion: the IP and TCP headers of the client's own last packet, before the connection's bytes
# (netscaler-client-ip-insertion-protocol.txt of haproxy-doc).
#
# Knows both forms of the header. Must not know connections: the caller reads, waits and closes. Input is hostile: nothing is
# stored before the whole header has been checked.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.net.conn_err cimport conn_err_t
from fastlb_core.net.proxy_protocol cimport pp_result_t

cdef enum:
    CIP_MAX_LEN = 4096           # a longer header is refused: IP and TCP headers with all options are 120 bytes

# Parses the header at the start of `data`, as pp_parse. magic: what both sides have agreed on. src, dst: 28 bytes at least.
cdef pp_result_t cip_parse(const uint8_t* data, uint32_t length, uint32_t magic, uint32_t* used, void* src,
                           void* dst) noexcept nogil
# Why cip_parse refuses these bytes.
cdef conn_err_t cip_fault(const uint8_t* data, uint32_t length, uint32_t magic) noexcept nogil
