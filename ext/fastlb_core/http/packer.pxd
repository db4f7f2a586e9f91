# Content codings (RFC 9110 8.4.1): one stream of bytes becomes one gzip, zlib or deflate stream. A pool per worker, so that an
# answer costs no memory of its own: zlib's 260 KB are allocated once and reset for the next one.
#
# Knows bytes and zlib; must not know messages, framing or who decided what is compressed.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.sys.zlib cimport z_stream

cdef enum coding_t:
    CODING_NONE = 0
    CODING_IDENTITY = 1          # bytes pass as they are
    CODING_GZIP = 2              # RFC 1952
    CODING_DEFLATE = 3           # RFC 1950, what "deflate" means by RFC 9110
    CODING_RAW_DEFLATE = 4       # RFC 1951 alone, what some clients mean by it
    CODING_N = 5

cdef enum pack_mode_t:
    PACK_MORE = 0                # more bytes follow
    PACK_FLUSH = 1               # everything taken so far must come out
    PACK_END = 2                 # and nothing follows

ctypedef struct packer_t:
    packer_t* next               # owned: chain of the pool's free packers
    z_stream z                   # inline; its memory is owned, not used by CODING_IDENTITY
    uint8_t coding               # coding_t
    uint8_t level                # 0..9: zlib works with it; 0 copies
    uint8_t wanted_level         # its user's: what it goes over to
    uint8_t is_dirty             # has taken bytes that a flush would bring out
    uint8_t is_ended             # PACK_END is complete
    uint8_t stage                # its user's
    uint8_t has_moved            # its user's
    uint8_t drops_trailers       # its user's
    uint64_t until               # its user's
    uint64_t n_in                # bytes taken
    uint64_t n_out               # bytes made

ctypedef struct packer_pool_t:
    packer_t* free_lists[5]      # owned, by coding
    uint32_t n_free
    uint32_t n_used
    uint32_t max_used            # packers at once; 0: no limit
    int level                    # 1..9

cdef void packer_pool_init(packer_pool_t* pool, int level, uint32_t max_used) noexcept nogil
# A packer at the beginning of a stream; NULL when there is none to be had: do not compress.
cdef packer_t* packer_take(packer_pool_t* pool, int coding) noexcept nogil
# Gives a packer back, whatever its state. NULL is allowed.
cdef void packer_give(packer_pool_t* pool, packer_t* packer) noexcept nogil
cdef void packer_pool_destroy(packer_pool_t* pool) noexcept nogil

# Takes *used of the length bytes at src and writes at most room bytes (16 at least) to dst; returns how many. With PACK_FLUSH
# and PACK_END call it until is_dirty is 0 or is_ended is 1.
cdef uint32_t packer_run(
    packer_t* packer, const char* src, uint32_t length, uint32_t* used, char* dst, uint32_t room, pack_mode_t mode,
) noexcept nogil
# The coding as the configuration names it.
cdef slice_t coding_setting(int coding) noexcept nogil
# The coding as Content-Encoding names it; empty for CODING_NONE.
cdef slice_t coding_name(int coding) noexcept nogil
