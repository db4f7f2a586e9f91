# Content codings: implementation over zlib.
# fastlb: links the C libraries
# Knows zlib's calling conventions; must not know messages.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.packer cimport (
    CODING_DEFLATE, CODING_GZIP, CODING_IDENTITY, CODING_N, CODING_RAW_DEFLATE, PACK_END, PACK_FLUSH, pack_mode_t, packer_pool_t,
    packer_t,
)
from fastlb_core.sys.zlib cimport (
    MAX_WBITS, Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_FINISH, Z_NO_FLUSH, Z_OK, Z_STREAM_END, Z_SYNC_FLUSH, deflate, deflateEnd,
    deflateInit2, deflateParams, deflateReset,
)

cdef enum:
    MEM_LEVEL = 8                # zlib's default
    GZIP_WRAPPER = 16            # added to the window's bits: RFC 1952 instead of 1950
    FREE_PACKERS = 32            # kept for the next answers, 8 MB


cdef void packer_pool_init(packer_pool_t* pool, int level, uint32_t max_used) noexcept nogil:
    memset(pool, 0, sizeof(packer_pool_t))
    pool.level = level
    pool.max_used = max_used


cdef inline int _window_bits(int coding) noexcept nogil:
    if coding == CODING_GZIP:
        return MAX_WBITS + GZIP_WRAPPER
    return -MAX_WBITS if coding == CODING_RAW_DEFLATE else MAX_WBITS


cdef packer_t* _make(int level, int coding) noexcept nogil:
    cdef packer_t* packer = <packer_t*> malloc(sizeof(packer_t))
    if packer == NULL:
        return NULL
    memset(packer, 0, sizeof(packer_t))
    packer.coding = <uint8_t> coding
    packer.level = packer.wanted_level = <uint8_t> level
    if coding != CODING_IDENTITY and \
            deflateInit2(&packer.z, level, Z_DEFLATED, _window_bits(coding), MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK:
        free(packer)
        return NULL
    return packer


cdef void _free(packer_t* packer) noexcept nogil:
    if packer.coding != CODING_IDENTITY:
        deflateEnd(&packer.z)
    free(packer)


cdef packer_t* packer_take(packer_pool_t* pool, int coding) noexcept nogil:
    cdef packer_t* packer = pool.free_lists[coding]
    if pool.max_used and pool.n_used >= pool.max_used and coding != CODING_IDENTITY:
        # One that changes nothing takes no memory of zlib's.
        return NULL
    if packer != NULL:
        pool.free_lists[coding] = packer.next
        pool.n_free -= 1
        if coding != CODING_IDENTITY:
            deflateReset(&packer.z)
            packer.wanted_level = <uint8_t> pool.level
    else:
        packer = _make(pool.level, coding)
        if packer == NULL:
            return NULL
    pool.n_used += 1
    packer.next = NULL
    packer.is_dirty = False
    packer.is_ended = False
    packer.stage = 0
    packer.has_moved = False
    packer.drops_trailers = False
    packer.n_in = 0
    packer.n_out = 0
    return packer


cdef void packer_give(packer_pool_t* pool, packer_t* packer) noexcept nogil:
    if packer == NULL:
        return
    pool.n_used -= 1
    if pool.n_free >= FREE_PACKERS:
        _free(packer)
        return
    packer.next = pool.free_lists[packer.coding]
    pool.free_lists[packer.coding] = packer
    pool.n_free += 1


cdef void packer_pool_destroy(packer_pool_t* pool) noexcept nogil:
    cdef packer_t* packer
    cdef int coding
    for coding in range(<int> CODING_N):
        while pool.free_lists[coding] != NULL:
            packer = pool.free_lists[coding]
            pool.free_lists[coding] = packer.next
            _free(packer)
    pool.n_free = 0


cdef uint32_t _copy(packer_t* packer, const char* src, uint32_t length, uint32_t* used, char* dst, uint32_t room,
                    pack_mode_t mode) noexcept nogil:
    cdef uint32_t n = length if length < room else room
    if n:
        memcpy(dst, src, n)
    used[0] = n
    packer.is_ended = mode == PACK_END and n == length
    return n


cdef uint32_t _change_level(packer_t* packer, char* dst, uint32_t room) noexcept nogil:
    """What was taken with the old level comes out first; where that has no room it is tried again the next time."""
    packer.z.next_in = NULL
    packer.z.avail_in = 0
    packer.z.next_out = <uint8_t*> dst
    packer.z.avail_out = room
    if deflateParams(&packer.z, packer.wanted_level, Z_DEFAULT_STRATEGY) == Z_OK:
        packer.level = packer.wanted_level
    return room - packer.z.avail_out


cdef uint32_t _deflate(packer_t* packer, const char* src, uint32_t length, uint32_t* used, char* dst, uint32_t room,
                       pack_mode_t mode) noexcept nogil:
    cdef int flush = Z_FINISH if mode == PACK_END else Z_SYNC_FLUSH if mode == PACK_FLUSH else Z_NO_FLUSH
    packer.z.next_in = <uint8_t*> src
    packer.z.avail_in = length
    packer.z.next_out = <uint8_t*> dst
    packer.z.avail_out = room
    # Z_BUF_ERROR only says that there was nothing to do.
    if deflate(&packer.z, flush) == Z_STREAM_END:
        packer.is_ended = True
    used[0] = length - packer.z.avail_in
    if used[0]:
        packer.is_dirty = True
    if mode != 0 and packer.z.avail_out:
        packer.is_dirty = False
    return room - packer.z.avail_out


cdef uint32_t packer_run(
    packer_t* packer, const char* src, uint32_t length, uint32_t* used, char* dst, uint32_t room, pack_mode_t mode,
) noexcept nogil:
    cdef uint32_t made = 0
    if packer.coding == CODING_IDENTITY:
        made = _copy(packer, src, length, used, dst, room, mode)
    else:
        if packer.level != packer.wanted_level:
            made = _change_level(packer, dst, room)
        made += _deflate(packer, src, length, used, dst + made, room - made, mode)
    packer.n_in += <uint64_t> used[0]
    packer.n_out += <uint64_t> made
    return made


cdef slice_t coding_name(int coding) noexcept nogil:
    if coding == CODING_GZIP:
        return slice_of("gzip", 4)
    if coding == CODING_DEFLATE or coding == CODING_RAW_DEFLATE:
        return slice_of("deflate", 7)
    return slice_of("identity", 8) if coding == CODING_IDENTITY else slice_of(NULL, 0)


cdef slice_t coding_setting(int coding) noexcept nogil:
    return slice_of("raw-deflate", 11) if coding == CODING_RAW_DEFLATE else coding_name(coding)
