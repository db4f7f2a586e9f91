# Externs of zlib's compressing half. A module that calls them says that it links the C libraries.
# Knows prototypes only (zlib's manual); must not know what is compressed.

from libc.stdint cimport uint8_t

cdef extern from "zlib.h" nogil:
    ctypedef struct z_stream:
        uint8_t* next_in
        unsigned int avail_in
        uint8_t* next_out
        unsigned int avail_out

    enum:
        Z_OK
        Z_STREAM_END
        Z_NO_FLUSH
        Z_SYNC_FLUSH
        Z_FINISH
        Z_DEFLATED
        Z_DEFAULT_STRATEGY
        MAX_WBITS

    int deflateInit2(z_stream* strm, int level, int method, int window_bits, int mem_level, int strategy) noexcept
    int deflate(z_stream* strm, int flush) noexcept
    int deflateParams(z_stream* strm, int level, int strategy) noexcept
    int deflateReset(z_stream* strm) noexcept
    int deflateEnd(z_stream* strm) noexcept
