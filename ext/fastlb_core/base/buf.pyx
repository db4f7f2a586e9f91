# Buffer areas and object slabs of one worker.
# Knows malloc and, in a sanitizer build, how to poison what is free; must not know what is stored. Buffer areas are
# allocated one by one, so that a burst's memory goes back to the system; objects live in slabs that stay.

from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset

from fastlb_core.base.bug cimport FLB_DEBUG, flb_bug_on

cdef extern from *:
    """
    #if defined(__SANITIZE_ADDRESS__)
    #include <sanitizer/asan_interface.h>
    #define flb_poison(p, n) __asan_poison_memory_region((p), (n))
    #define flb_unpoison(p, n) __asan_unpoison_memory_region((p), (n))
    #elif FLB_DEBUG
    #include <string.h>
    #define flb_poison(p, n) memset((p), 0xdd, (n))
    #define flb_unpoison(p, n) ((void)0)
    #else
    #define flb_poison(p, n) ((void)0)
    #define flb_unpoison(p, n) ((void)0)
    #endif
    """
    void flb_poison(void* p, size_t n) noexcept nogil
    void flb_unpoison(void* p, size_t n) noexcept nogil

# The first word of a free area or object links it into its pool; the rest is poisoned in debug builds.
ctypedef struct free_t:
    free_t* next            # borrowed: the next free one of the same pool


cdef void pool_init(pool_t* pool, uint32_t area_size, uint32_t max_cached) noexcept nogil:
    memset(pool, 0, sizeof(pool_t))
    pool.area_size = area_size if area_size >= 64 else 64
    pool.max_cached = max_cached


cdef char* pool_take(pool_t* pool) noexcept nogil:
    cdef free_t* area = <free_t*> pool.free_list
    if area != NULL:
        flb_unpoison(area, pool.area_size)
        pool.free_list = area.next
        pool.n_cached -= 1
    else:
        area = <free_t*> malloc(pool.area_size)
        if area == NULL:
            return NULL
        pool.n_allocs += 1
    pool.n_used += 1
    pool.n_takes += 1
    return <char*> area


cdef void pool_give(pool_t* pool, char* area) noexcept nogil:
    cdef free_t* link = <free_t*> area
    if area == NULL:
        return
    flb_bug_on(pool.n_used == 0)
    pool.n_used -= 1
    if pool.n_cached >= pool.max_cached:
        free(area)
        return
    link.next = <free_t*> pool.free_list
    pool.free_list = link
    pool.n_cached += 1
    flb_poison(area + sizeof(free_t), pool.area_size - sizeof(free_t))


cdef void pool_destroy(pool_t* pool) noexcept nogil:
    cdef free_t* area = <free_t*> pool.free_list
    cdef free_t* following
    while area != NULL:
        following = area.next
        flb_unpoison(area, pool.area_size)
        free(area)
        area = following
    pool.free_list = NULL
    pool.n_cached = 0


cdef bint buf_take(pool_t* pool, buf_t* buf) noexcept nogil:
    if buf.area != NULL:
        return True
    buf.area = pool_take(pool)
    if buf.area == NULL:
        return False
    buf.size = pool.area_size
    buf.head = 0
    buf.len = 0
    return True


cdef void buf_release(pool_t* pool, buf_t* buf) noexcept nogil:
    if buf.area == NULL:
        return
    flb_bug_on(buf.size != pool.area_size)
    pool_give(pool, buf.area)
    memset(buf, 0, sizeof(buf_t))


cdef bint buf_move(pool_t* dst_pool, pool_t* src_pool, buf_t* buf) noexcept nogil:
    cdef char* area
    if buf.len > dst_pool.area_size:
        return False
    area = pool_take(dst_pool)
    if area == NULL:
        return False
    if buf.area != NULL:
        memcpy(area, buf.area + buf.head, buf.len)
        pool_give(src_pool, buf.area)
    buf.area = area
    buf.size = dst_pool.area_size
    buf.head = 0
    return True


cdef void buf_realign(buf_t* buf) noexcept nogil:
    if buf.head == 0:
        return
    memmove(buf.area, buf.area + buf.head, buf.len)
    buf.head = 0


cdef void opool_init(opool_t* pool, uint32_t obj_size, uint32_t slab_objs) noexcept nogil:
    memset(pool, 0, sizeof(opool_t))
    pool.obj_size = (obj_size + 15) & ~<uint32_t> 15
    pool.slab_objs = slab_objs if slab_objs else 1


# Allocates a slab and puts its objects on the free list, the lowest address first out.
cdef bint opool_grow(opool_t* pool) noexcept nogil:
    cdef size_t size = sizeof(opool_slab_t) + <size_t> pool.obj_size * pool.slab_objs
    cdef opool_slab_t* slab = <opool_slab_t*> malloc(size)
    cdef char* obj
    cdef uint32_t i
    if slab == NULL:
        return False
    slab.next = pool.slabs
    pool.slabs = slab
    pool.n_slabs += 1
    for i in range(pool.slab_objs):
        obj = <char*> slab + sizeof(opool_slab_t) + <size_t> pool.obj_size * (pool.slab_objs - 1 - i)
        (<free_t*> obj).next = <free_t*> pool.free_list
        pool.free_list = obj
        flb_poison(obj + sizeof(free_t), pool.obj_size - sizeof(free_t))
    return True


cdef void* opool_get(opool_t* pool) noexcept nogil:
    cdef free_t* obj
    if pool.free_list == NULL and not opool_grow(pool):
        return NULL
    obj = <free_t*> pool.free_list
    pool.free_list = obj.next
    pool.n_used += 1
    pool.n_allocs += 1
    flb_unpoison(obj, pool.obj_size)
    return obj


cdef void opool_put(opool_t* pool, void* obj) noexcept nogil:
    cdef free_t* link = <free_t*> obj
    if obj == NULL:
        return
    flb_bug_on(pool.n_used == 0)
    link.next = <free_t*> pool.free_list
    pool.free_list = link
    pool.n_used -= 1
    pool.n_frees += 1
    flb_poison(<char*> obj + sizeof(free_t), pool.obj_size - sizeof(free_t))


cdef void opool_destroy(opool_t* pool) noexcept nogil:
    cdef opool_slab_t* slab = pool.slabs
    cdef opool_slab_t* following
    if FLB_DEBUG:
        flb_bug_on(pool.n_used != 0)
    while slab != NULL:
        following = slab.next
        flb_unpoison(slab, sizeof(opool_slab_t) + <size_t> pool.obj_size * pool.slab_objs)
        free(slab)
        slab = following
    pool.slabs = NULL
    pool.free_list = NULL
    pool.n_slabs = 0
