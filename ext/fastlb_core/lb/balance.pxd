# The backend's face to the engine: choose a server and hold a slot of it, give the slot back, react to state changes.
#
# Knows locking and slot accounting; the algorithms (roundrobin, static_rr, leastconn, first, hash) are lb_ops_t rows.
# Must not know streams or queues' contents, only the numbers that say that somebody waits.
#
# Who counts what: served (and each worker's `held` part of it) is written here only, under the lb lock. `queued`, `waiters`,
# be_conns and fe_conns are the caller's: share_take and share_give of shared.pxd, with the worker's own gauge.
#
# A newcomer and a queue. lb_pick skips servers that have a queue of their own, but neither lb_pick nor lb_take looks at the
# queue that the caller's stream may stand in itself. So a newcomer asks lb_has_queue (before lb_pick) or srv_has_queue
# (before lb_take) and queues at once when it is true; a stream that waits goes straight to lb_pick or lb_take.
#
#     newcomer ── lb_has_queue? ──yes──► backend's queue ◄── PICK_QUEUE_BACKEND ──┐
#         │ no                                                                    │
#         └──► lb_pick ── PICK_OK ──► holds a slot ──► lb_release ──► mask of workers to wake
#                 └── PICK_QUEUE_SERVER ──► that server's queue
#
# To miss no wake-up: queue (queued, waiters), then try lb_pick or lb_take once more, then sleep.

from libc.stdint cimport int32_t, uint32_t, uint64_t

from fastlb_core.base.atomic cimport load_relaxed_i32
from fastlb_core.lb.server cimport LB_OPS_KEYED, lb_ops_t, lb_t, pick_t, srv_t

# The algorithm's row by HAProxy's name ("roundrobin", "static-rr", "leastconn", "first", "random"), or of
# the `hash-type` ("map-based", "consistent"), or NULL.
cdef const lb_ops_t* lb_find(const char* name) noexcept nogil

# Sets the pid that this process signs locks with, and the worker (0 .. n_workers - 1) whose gauges count the slots that it
# holds; after every fork. Control and the master, which hold none, pass -1 as worker: they must not pick, take or release.
cdef void lb_set_process(int32_t pid, int32_t worker) noexcept nogil
# The pid only; the worker stays as it was.
cdef void lb_set_pid(int32_t pid) noexcept nogil

# Chooses a server for a stream whose hash key is `key` (32 bits, LB_NO_KEY without one; ignored by algorithms that take
# none) and takes a slot of it (see pick_t).
# `avoid` (may be NULL) is the server a redispatch comes from. Takes and gives back the lb lock; no system call.
cdef pick_t lb_pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil

# Takes a slot of this very server (persistence, retry on the same server): PICK_OK, PICK_QUEUE_SERVER, or PICK_NONE when it
# is not reachable, unless even_down says that it is to be tried all the same.
cdef pick_t lb_take(lb_t* lb, srv_t* srv, bint even_down) noexcept nogil

# Gives a slot back. Returns the mask of workers that have a stream waiting for this server or for any of its backend
# (srv.sh.waiters | lb.sh.waiters), 0 when nobody waits: the caller wakes one of them.
cdef uint64_t lb_release(lb_t* lb, srv_t* srv) noexcept nogil

# The limit in force: maxconn, or with minconn the dynamic one of the manual ("minconn", "fullconn"); 0 = none.
cdef int32_t srv_dynamic_maxconn(const lb_t* lb, const srv_t* srv) noexcept nogil

# State, weight, maxconn or usability changed: effective weights and the algorithm's structure follow, under the lock.
# Called by control (and the master after it freed a lock), and once while the program is built: lb.sh.lb_entries and
# lb_capacity must be set by then, uweight, iweight, state and admin of each server too. `now_ms` monotonic, for slowstart:
# a server is in it while its state is SRV_S_STARTING and now_ms < slowstart_until_ms, afterwards it becomes running.
cdef void lb_refresh(lb_t* lb, uint64_t now_ms) noexcept nogil

# The first `n_servers` places of lb.servers count from now on; every process knows them. `entries`: memory of `capacity` words
# for the structure where there is too little for so many, else NULL. For control.
cdef void lb_resize(lb_t* lb, uint32_t n_servers, uint32_t* entries, uint32_t capacity, uint64_t now_ms) noexcept nogil

# The dead process `pid` was worker `worker` (of n_workers), or control (-1): frees the lb lock if it held it, drops its slots
# (each server's served becomes what the others hold, exactly) and makes the structure anew if it may be torn. True when the
# lock was freed.
cdef bint lb_recover(lb_t* lb, int32_t pid, int32_t worker, int32_t n_workers, uint64_t now_ms) noexcept nogil

# Key of `balance source` for a client address (sockaddr): HAProxy's folding of 4 or 16 bytes.
cdef uint32_t lb_source_key(const void* sockaddr) noexcept nogil

cdef inline bint lb_has_queue(const lb_t* lb) noexcept nogil:
    """True when streams wait in the backend's queue, so that a newcomer without a key waits behind them. Never with hashing."""
    return load_relaxed_i32(&lb.sh.queued) > 0 and not lb.ops.flags & LB_OPS_KEYED

cdef inline bint srv_has_queue(const srv_t* srv) noexcept nogil:
    """True when streams wait for this very server, so that a newcomer waits behind them."""
    return load_relaxed_i32(&srv.sh.queued) > 0 and load_relaxed_i32(&srv.sh.maxconn) > 0
