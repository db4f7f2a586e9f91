# The backend's face to the engine: choose a server and hold a slot of it, give the slot back, react to state changes.
#
# Knows locking and slot accounting; the algorithms (roundrobin, static_rr, leastconn, first, hash) are lb_ops_t rows.
# Must not know streams or queues' contents, only the numbers that say that somebody waits.

from libc.stdint cimport int32_t, uint32_t, uint64_t
from fastlb_core.lb.server cimport lb_ops_t, lb_t, pick_t, srv_t

# The algorithm's row by HAProxy's name ("roundrobin", "static-rr", "leastconn", "first", "source"), or NULL.
cdef const lb_ops_t* lb_find(const char* name) noexcept nogil

# Sets the pid that this process signs locks with; after every fork.
cdef void lb_set_pid(int32_t pid) noexcept nogil

# Chooses a server for a stream whose hash key is `key` (ignored by others) and takes a slot of it (see pick_t).
# `avoid` (may be NULL) is the server a redispatch comes from. Takes and gives back the lb lock; no system call.
cdef pick_t lb_pick(lb_t* lb, uint32_t key, const srv_t* avoid, srv_t** out) noexcept nogil

# Takes a slot of this very server (persistence, retry on the same server): PICK_OK, PICK_QUEUE_SERVER or PICK_NONE (not reachable).
cdef pick_t lb_take(lb_t* lb, srv_t* srv) noexcept nogil

# Gives a slot back. Returns the mask of workers that have a stream waiting for this server or for any of its backend
# (srv.sh.waiters | lb.sh.waiters), 0 when nobody waits: the caller wakes one of them.
cdef uint64_t lb_release(lb_t* lb, srv_t* srv) noexcept nogil

# The limit in force: maxconn, or with minconn the dynamic one of the manual ("minconn", "fullconn"); 0 = none.
cdef int32_t srv_dynamic_maxconn(const lb_t* lb, const srv_t* srv) noexcept nogil

# State, weight or usability changed: effective weights and the algorithm's structure are recomputed under the lock.
# Called by control (and the master after it freed a lock). `now_ms` monotonic, for slowstart.
cdef void lb_refresh(lb_t* lb, uint64_t now_ms) noexcept nogil

# Key of `balance source` for a client address (sockaddr): HAProxy's folding of 4 or 16 bytes.
cdef uint32_t lb_source_key(const void* sockaddr) noexcept nogil
