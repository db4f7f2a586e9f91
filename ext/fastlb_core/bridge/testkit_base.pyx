"""What the unit tests see of base, and of http's small tables: wheel, pools, lists of pages, URIs, dates.

Knows those modules; must not be imported by the product.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastlb_core.base.atomic cimport add_fetch_u64, cas_u32, load_u32, or_fetch_u32, store_u32, swap_u32
from fastlb_core.base.buf cimport (
    buf_consume, buf_move, buf_produce, buf_realign, buf_release, buf_room, buf_t, buf_tail, buf_take, opool_destroy,
    opool_get, opool_init, opool_put, opool_t, pool_destroy, pool_init, pool_t,
)
from fastlb_core.base.list cimport list_add_tail, list_del, list_first, list_init, list_is_empty, list_pop, list_t
from fastlb_core.base.slice cimport slice_eq_nocase, slice_next_token, slice_of, slice_t, slice_trim
from fastlb_core.base.wheel cimport timer_t, wheel_cancel, wheel_init, wheel_next, wheel_run, wheel_set, wheel_t
from fastlb_core.http.date cimport date_cache_t, date_http, date_init, date_log
from fastlb_core.http.message cimport hdr_id_of, method_of
from fastlb_core.http.status cimport error_page, error_page_close, monitor_page, page_head, reason_phrase
from fastlb_core.http.uri cimport uri_host_port, uri_path_query, uri_split, uri_t

FORMS = ("invalid", "origin", "absolute", "authority", "asterisk")


cdef bytes to_bytes(slice_t s):
    return s.ptr[:s.len] if s.ptr != NULL else None


cdef slice_t to_slice(bytes text):
    return slice_of(text, <uint32_t> len(text))


# ---- timers

ctypedef struct fired_t:
    timer_t* timers         # borrowed: of the Wheel
    uint32_t* order         # borrowed: of the Wheel
    uint32_t n
    wheel_t* wheel          # borrowed
    uint32_t rearm_ms       # 0: not armed again


cdef void note_fired(void* arg, timer_t* timer) noexcept nogil:
    cdef fired_t* fired = <fired_t*> arg
    fired.order[fired.n] = <uint32_t> (timer - fired.timers)
    fired.n += 1
    if fired.rearm_ms:
        wheel_set(fired.wheel, timer, <uint32_t> fired.wheel.now + fired.rearm_ms)


cdef class Wheel:
    """A timer wheel with n timers, numbered from 0."""

    cdef wheel_t* wheel     # owned
    cdef timer_t* timers    # owned
    cdef uint32_t* order    # owned: numbers of those that fired
    cdef uint32_t n

    def __cinit__(self, uint32_t now_ms, uint32_t n):
        self.wheel = <wheel_t*> calloc(1, sizeof(wheel_t))
        self.timers = <timer_t*> calloc(n, sizeof(timer_t))
        self.order = <uint32_t*> calloc(4 * n + 4, sizeof(uint32_t))
        self.n = n
        wheel_init(self.wheel, now_ms)

    def __dealloc__(self):
        free(self.wheel)
        free(self.timers)
        free(self.order)

    def set(self, uint32_t i, uint32_t deadline_ms) -> None:
        """Arm timer i."""
        wheel_set(self.wheel, &self.timers[i], deadline_ms)

    def touch(self, uint32_t i, uint32_t deadline_ms) -> None:
        """Move an armed timer's deadline later by the plain store that the contract allows."""
        self.timers[i].expires = deadline_ms

    def cancel(self, uint32_t i) -> None:
        """Unarm timer i."""
        wheel_cancel(self.wheel, &self.timers[i])

    def run(self, uint32_t now_ms, uint32_t budget, uint32_t rearm_ms=0) -> list:
        """The numbers of the timers that fired, in order."""
        cdef fired_t fired
        cdef uint32_t called
        fired.timers = self.timers
        fired.order = self.order
        fired.n = 0
        fired.wheel = self.wheel
        fired.rearm_ms = rearm_ms
        called = wheel_run(self.wheel, now_ms, note_fired, &fired, min(budget, 4 * self.n + 4))
        if called != fired.n:
            raise AssertionError("wheel_run miscounts")
        return [self.order[i] for i in range(fired.n)]

    def next(self, uint32_t now_ms) -> int:
        """wheel_next."""
        return wheel_next(self.wheel, now_ms)

    @property
    def armed(self) -> int:
        """How many timers are armed."""
        return self.wheel.n_armed


# ---- buffers, pools, lists

def buffer_story(uint32_t size, uint32_t large) -> dict:
    """Take, fill, consume, realign, move to a larger area, release; what was seen at each step."""
    cdef pool_t small_pool
    cdef pool_t large_pool
    cdef buf_t buf
    pool_init(&small_pool, size, 1)
    pool_init(&large_pool, large, 1)
    memset(&buf, 0, sizeof(buf))
    seen = {"taken": bool(buf_take(&small_pool, &buf)), "room": buf_room(&buf)}
    memcpy(buf_tail(&buf), b"hello world", 11)
    buf_produce(&buf, 11)
    buf_consume(&buf, 6)
    seen["consumed"] = (buf.head, buf.len, buf_room(&buf))
    buf_realign(&buf)
    seen["realigned"] = (buf.head, buf.area[:buf.len], buf_room(&buf))
    seen["moved"] = bool(buf_move(&large_pool, &small_pool, &buf))
    seen["large"] = (buf.size, buf.area[:buf.len], small_pool.n_used, small_pool.n_cached, large_pool.n_used)
    buf_consume(&buf, 5)
    seen["emptied"] = (buf.head, buf.len)
    buf_release(&large_pool, &buf)
    buf_release(&large_pool, &buf)
    seen["released"] = (buf.area == NULL, buf.size, large_pool.n_used, large_pool.n_cached)
    pool_destroy(&small_pool)
    pool_destroy(&small_pool)
    pool_destroy(&large_pool)
    return seen


def pool_cache(uint32_t n_bufs, uint32_t max_cached) -> tuple:
    """Take and release n buffers twice; (allocations, takes, cached at the end)."""
    cdef pool_t pool
    cdef buf_t[64] bufs
    cdef uint32_t i, _turn
    pool_init(&pool, 4096, max_cached)
    memset(bufs, 0, sizeof(bufs))
    for _turn in range(2):
        for i in range(n_bufs):
            buf_take(&pool, &bufs[i])
        for i in range(n_bufs):
            buf_release(&pool, &bufs[i])
    found = (pool.n_allocs, pool.n_takes, pool.n_cached)
    pool_destroy(&pool)
    return found


def object_pool(uint32_t obj_size, uint32_t slab_objs, uint32_t n) -> dict:
    """Get n objects, fill them, check that none overlaps, put them back, get one again."""
    cdef opool_t pool
    cdef void* last = NULL
    cdef uint32_t i
    cdef void** objs = <void**> calloc(n, sizeof(void*))
    opool_init(&pool, obj_size, slab_objs)
    for i in range(n):
        objs[i] = opool_get(&pool)
        memset(objs[i], i & 0xff, obj_size)
    intact = all((<uint8_t*> objs[i])[j] == i & 0xff for i in range(n) for j in (0, obj_size - 1))
    aligned = all(<size_t> objs[i] % 16 == 0 for i in range(n))
    used = pool.n_used
    for i in range(n):
        last = objs[i]
        opool_put(&pool, last)
    again = opool_get(&pool) == last
    opool_put(&pool, last)
    opool_put(&pool, NULL)
    found = {
        "intact": intact, "aligned": aligned, "used": used, "slabs": pool.n_slabs, "lifo": again,
        "balanced": pool.n_allocs == pool.n_frees and pool.n_used == 0,
    }
    opool_destroy(&pool)
    opool_destroy(&pool)
    free(objs)
    return found


def list_story() -> list:
    """Add three links, take the middle one out twice, pop the rest; the order seen."""
    cdef list_t head
    cdef list_t[3] links
    cdef list_t* link
    list_init(&head)
    seen = [list_first(&head) == NULL]
    for i in range(3):
        list_add_tail(&head, &links[i])
    list_del(&links[1])
    list_del(&links[1])
    while True:
        link = list_pop(&head)
        if link == NULL:
            break
        seen.append(link - &links[0])
    return [*seen, list_is_empty(&head)]


def atomic_story() -> list:
    """One of each kind of operation; the values seen."""
    cdef uint32_t word = 5
    cdef uint64_t big = <uint64_t> 1 << 40
    cdef uint32_t expected = 6
    seen = [bool(cas_u32(&word, &expected, 9)), expected, bool(cas_u32(&word, &expected, 9)), load_u32(&word)]
    store_u32(&word, 2)
    return [*seen, or_fetch_u32(&word, 5), swap_u32(&word, 1), add_fetch_u64(&big, 1) - (1 << 40), word]


# ---- slices

def trim(bytes text) -> bytes:
    """slice_trim."""
    return to_bytes(slice_trim(to_slice(text)))


def tokens(bytes text) -> list:
    """The elements slice_next_token gives."""
    cdef slice_t rest = to_slice(text)
    cdef slice_t token
    found = []
    while slice_next_token(&rest, &token):
        found.append(to_bytes(token))
    return found


def equals_nocase(bytes text, bytes lower) -> bool:
    """slice_eq_nocase."""
    return slice_eq_nocase(to_slice(text), lower, <uint32_t> len(lower))


# ---- http's tables

def header_id(bytes name) -> int:
    """hdr_id_of."""
    return hdr_id_of(name, <uint32_t> len(name))


def method_id(bytes name) -> int:
    """method_of."""
    return method_of(name, <uint32_t> len(name))


def split_uri(bytes target) -> dict:
    """uri_split and uri_path_query."""
    cdef uri_t uri = uri_split(to_slice(target))
    return {
        "form": FORMS[uri.form], "scheme": to_bytes(uri.scheme), "authority": to_bytes(uri.authority),
        "path": to_bytes(uri.path), "query": to_bytes(uri.query), "path_query": to_bytes(uri_path_query(to_slice(target))),
    }


def host_port(bytes authority) -> tuple:
    """(host, port) or None."""
    cdef slice_t host
    cdef uint16_t port
    if not uri_host_port(to_slice(authority), &host, &port):
        return None
    return to_bytes(host), port


def default_page(uint32_t status, bint closes=False, bint head_only=False) -> bytes:
    """The default error answer; None for a status without one."""
    cdef slice_t page = error_page_close(status) if closes else error_page(status)
    return to_bytes(page_head(page) if head_only else page)


def monitor(bint is_up) -> bytes:
    """The monitor's answer."""
    return to_bytes(monitor_page(is_up))


def phrase(uint32_t status) -> bytes:
    """The reason phrase."""
    return to_bytes(reason_phrase(status))


def dates(int64_t now_s) -> tuple:
    """(HTTP date, log date) of a second, made and from the cache."""
    cdef date_cache_t cache
    date_init(&cache)
    made = (<bytes> date_http(&cache, now_s), <bytes> date_log(&cache, now_s))
    if made != (<bytes> date_http(&cache, now_s), <bytes> date_log(&cache, now_s)):
        raise AssertionError("the cache differs")
    return made
