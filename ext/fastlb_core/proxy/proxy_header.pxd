# The PROXY header that a server is sent before anything else (`send-proxy*`, `proxy-v2-options`, `set-proxy-v2-tlv-fmt`).
#
# Knows which extensions a server wants and where their values are. Must not know how a header is parsed or addresses are put in
# it (net/proxy_protocol).

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.proxy.stream cimport stream_t

cdef enum:
    PROXY_HEADER_MAX = 4096      # bytes; an extension that does not fit is left out

# Writes the header for strm, which goes to strm.srv; returns its length.
cdef uint32_t proxy_header(stream_t* strm, uint8_t* dst, uint32_t capacity) noexcept nogil
