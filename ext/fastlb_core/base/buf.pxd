# Buffers for bytes in transit, and pools of fixed-size areas and objects.
# Knows memory only; must not know what the bytes or objects mean. A pool belongs to one worker: no locks.
#
#     area                 head              head+len             size
#      |  consumed          |  bytes            |  room            |

from libc.stdint cimport uint32_t, uint64_t

# A linear buffer. Empty and without an area (all zero) while there is nothing to hold.
ctypedef struct buf_t:
    char* area              # owned while taken from a pool; NULL when the buffer holds no area
    uint32_t size           # bytes at area; 0 when area is NULL
    uint32_t head           # where the bytes begin
    uint32_t len            # how many there are

# A pool of equal areas, last in first out. Areas beyond max_cached go back to the allocator.
ctypedef struct pool_t:
    void* free_list         # owned: chain of free areas, linked through their first word
    uint32_t area_size      # bytes of one area
    uint32_t max_cached     # free areas kept at most
    uint32_t n_cached       # free areas kept now
    uint32_t n_used         # areas in buffers now
    uint64_t n_takes        # areas handed out since the start
    uint64_t n_allocs       # of them, freshly allocated

# Prepares a pool in the caller's memory; allocates nothing yet. area_size in bytes, 64 at least.
cdef void pool_init(pool_t* pool, uint32_t area_size, uint32_t max_cached) noexcept nogil
# One area; NULL when memory is short.
cdef char* pool_take(pool_t* pool) noexcept nogil
# Gives an area of this pool back. NULL is allowed.
cdef void pool_give(pool_t* pool, char* area) noexcept nogil
# Frees the cached areas. Idempotent; areas still in use stay the callers' and may be given back later.
cdef void pool_destroy(pool_t* pool) noexcept nogil

# Makes sure that buf has an area; one it already has is kept. False when memory is short.
cdef bint buf_take(pool_t* pool, buf_t* buf) noexcept nogil
# Gives the area back and zeroes buf. The area must be of this pool. Idempotent.
cdef void buf_release(pool_t* pool, buf_t* buf) noexcept nogil
# Replaces the area of `src_pool` by one of `dst_pool` with the bytes moved over (to the start of the area).
# False, and nothing changed, when memory is short or the bytes do not fit.
cdef bint buf_move(pool_t* dst_pool, pool_t* src_pool, buf_t* buf) noexcept nogil
# Moves the bytes to the start of the area, so that all the room is in one piece at the tail.
cdef void buf_realign(buf_t* buf) noexcept nogil

# The bytes.
cdef inline char* buf_data(const buf_t* buf) noexcept nogil:
    return buf.area + buf.head

# Where the next byte goes.
cdef inline char* buf_tail(const buf_t* buf) noexcept nogil:
    return buf.area + buf.head + buf.len

# How many bytes may be written at buf_tail.
cdef inline uint32_t buf_room(const buf_t* buf) noexcept nogil:
    return buf.size - buf.head - buf.len

# Takes n bytes (<= len) from the front. An emptied buffer starts again at its area's start.
cdef inline void buf_consume(buf_t* buf, uint32_t n) noexcept nogil:
    buf.len -= n
    buf.head = buf.head + n if buf.len else 0

# Notes that n bytes (<= room) were written at buf_tail.
cdef inline void buf_produce(buf_t* buf, uint32_t n) noexcept nogil:
    buf.len += n

ctypedef struct opool_slab_t:
    opool_slab_t* next      # owned: the next slab of the pool
    uint64_t reserved       # keeps the objects behind it 16-byte aligned

# A pool of fixed-size objects (streams, connections): slabs that are kept until the pool goes, last in first out.
ctypedef struct opool_t:
    void* free_list         # owned: chain of free objects, linked through their first word
    opool_slab_t* slabs     # owned: chain of slabs
    uint32_t obj_size       # bytes of one object, rounded up to 16
    uint32_t slab_objs      # objects in one slab
    uint32_t n_slabs
    uint32_t n_used         # objects handed out and not yet given back
    uint64_t n_allocs       # handed out since the start
    uint64_t n_frees        # given back since the start; equal to n_allocs when nothing leaks

# Prepares a pool in the caller's memory; allocates nothing yet. obj_size in bytes; slab_objs 1 at least.
cdef void opool_init(opool_t* pool, uint32_t obj_size, uint32_t slab_objs) noexcept nogil
# One object, its bytes undefined; NULL when memory is short.
cdef void* opool_get(opool_t* pool) noexcept nogil
# Gives an object of this pool back. NULL is allowed. Debug builds poison its memory.
cdef void opool_put(opool_t* pool, void* obj) noexcept nogil
# Frees every slab. Idempotent. Debug builds abort when an object is still out.
cdef void opool_destroy(opool_t* pool) noexcept nogil
