# Queues' implementation.

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint64_t

from fastlb_core.base.atomic cimport and_fetch_u64, load_i32, or_fetch_u64
from fastlb_core.base.list cimport (
    list_add_head, list_add_tail, list_del, list_entry, list_first, list_init, list_is_linked, list_t,
)
from fastlb_core.lb.server cimport srv_t
from fastlb_core.lb.shared cimport share_give, share_take
from fastlb_core.program.program cimport px_t
from fastlb_core.proxy.stream cimport STRM_F_QUEUED, STRM_F_SRV_QUEUE, stream_t, stream_wake
from fastlb_core.proxy.worker cimport px_local_t, queue_t, srv_local_t, worker_t
from fastlb_core.sys.splice cimport write

cdef void queue_init(queue_t* queue, srv_t* srv) noexcept nogil:
    list_init(&queue.waiting)
    list_init(&queue.link)
    queue.n_waiting = 0
    queue.srv = srv


cdef inline queue_t* _queue_of(const stream_t* strm) noexcept nogil:
    if strm.flags & STRM_F_SRV_QUEUE:
        return &(<srv_local_t*> strm.srv.local).queue
    return &(<px_local_t*> strm.be.local).queue


cdef inline stream_t* _first_of(queue_t* queue) noexcept nogil:
    cdef list_t* link = list_first(&queue.waiting)
    if link == NULL:
        return NULL
    return <stream_t*> list_entry(link, <size_t> &(<stream_t*> NULL).link)


cdef void _insert(queue_t* queue, stream_t* strm) noexcept nogil:
    """By class, then by arrival and its offset; equal ones first come first served (manual, "set-priority-offset")."""
    cdef list_t* before = queue.waiting.prev
    strm.queue_key = strm.prio_class * <int64_t> 0x100000000000 + <int64_t> strm.w.loop.now_ms + strm.prio_offset
    while before != &queue.waiting and \
            (<stream_t*> list_entry(before, <size_t> &(<stream_t*> NULL).link)).queue_key > strm.queue_key:
        before = before.prev
    list_add_head(before, &strm.link)


cdef void queue_add(stream_t* strm, srv_t* srv) noexcept nogil:
    cdef queue_t* queue
    cdef int32_t n
    cdef uint64_t bit = <uint64_t> 1 << strm.w.index
    strm.flags |= STRM_F_QUEUED
    if srv != NULL:
        strm.flags |= STRM_F_SRV_QUEUE
        strm.srv = srv
        n = share_take(&srv.sh.queued, &srv.sh.queued_max, &srv.counters[strm.w.index].queued)
        strm.srv_queue = n
        or_fetch_u64(&srv.sh.waiters, bit)
    else:
        strm.flags &= ~(<int> STRM_F_SRV_QUEUE)
        n = share_take(&strm.be.sh.queued, &strm.be.sh.queued_max, &strm.be.be_counters[strm.w.index].queued)
        strm.be_queue = n
        or_fetch_u64(&strm.be.sh.waiters, bit)
    queue = _queue_of(strm)
    _insert(queue, strm)
    queue.n_waiting += 1
    if not list_is_linked(&queue.link):
        list_add_tail(&strm.w.queues, &queue.link)


cdef void queue_remove(stream_t* strm) noexcept nogil:
    cdef queue_t* queue
    cdef uint64_t others = ~(<uint64_t> 1 << strm.w.index)
    if not strm.flags & STRM_F_QUEUED:
        return
    queue = _queue_of(strm)
    list_del(&strm.link)
    queue.n_waiting -= 1
    strm.flags &= ~(<int> STRM_F_QUEUED)
    if strm.flags & STRM_F_SRV_QUEUE:
        share_give(&strm.srv.sh.queued, &strm.srv.counters[strm.w.index].queued)
        if queue.n_waiting == 0:
            and_fetch_u64(&strm.srv.sh.waiters, others)
    else:
        share_give(&strm.be.sh.queued, &strm.be.be_counters[strm.w.index].queued)
        if queue.n_waiting == 0:
            and_fetch_u64(&strm.be.sh.waiters, others)
    if queue.n_waiting == 0:
        list_del(&queue.link)
    else:
        # Several slots may have become free since: the next one looks for itself.
        stream_wake(_first_of(queue))


cdef bint queue_is_first(const stream_t* strm) noexcept nogil:
    return _first_of(_queue_of(strm)) == strm


cdef bint queue_is_busy(const px_t* be) noexcept nogil:
    return load_i32(&be.sh.queued) > 0


cdef void queue_offer(worker_t* w, px_t* be, srv_t* srv, uint64_t waiters) noexcept nogil:
    cdef queue_t* queue
    cdef uint64_t rotated
    cdef uint64_t one = 1
    cdef int other
    if waiters & (one << w.index):
        queue = &(<srv_local_t*> srv.local).queue
        if queue.n_waiting == 0:
            queue = &(<px_local_t*> be.local).queue
        if queue.n_waiting:
            stream_wake(_first_of(queue))
            return
    # The next worker in turn that has somebody waiting.
    for other in range(1, 64):
        rotated = one << ((w.index + other) & 63)
        if waiters & rotated:
            write(w.arena.workers[(w.index + other) & 63].wake_fd, &one, sizeof(one))
            return


cdef void queue_wake_all(worker_t* w) noexcept nogil:
    cdef list_t* link = w.queues.next
    cdef queue_t* queue
    while link != &w.queues:
        queue = <queue_t*> list_entry(link, <size_t> &(<queue_t*> NULL).link)
        link = link.next
        stream_wake(_first_of(queue))
