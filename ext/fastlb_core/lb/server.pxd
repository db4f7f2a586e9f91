# A server and a backend's load balancer as the configuration describes them. Immutable after the program is built, but for what
# `add server` and `del server` change between two turns (bridge/dynamic.pyx).
#
# Knows the configured values, the pointers to their live state in the arena, and the seam to the algorithms.
# Must not know streams, connections or proxies: `lb_t` is all that an algorithm sees of a backend.

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.lb.shared cimport counters_t, px_shared_t, srv_shared_t
from fastlb_core.lb.times cimport times_t

cdef enum:                       # srv_t.flags
    SRV_F_BACKUP = 0x01
    SRV_F_CHECK = 0x02
    SRV_F_TFO = 0x04
    SRV_F_INTERNAL = 0x08        # not counted as a server: <STATS>, control's service, or <NOSRV> of `option transparent`
    SRV_F_HAS_SOURCE = 0x10
    SRV_F_MAP_PORT = 0x20        # port = client's destination port + port_offset
    SRV_F_CLIENT_DST = 0x40      # no address of its own: the one that the client connected to
    SRV_F_FOLLOWS_CLIENT = 0x60  # either: its connections are one client's
    SRV_F_FCGI = 0x80            # `proto fcgi`
    SRV_F_NON_STICK = 0x100      # tables do not learn it

cdef struct srv_t:
    slice_t name                 # borrowed (program memory)
    slice_t proxy_name           # borrowed (program memory)
    slice_t cookie               # borrowed (program memory), a `~` behind it; empty: it has none
    uint32_t index               # within the program
    uint32_t lb_index            # within its backend, configuration order from 0
    uint32_t id                  # `id`, HAProxy's sid
    uint32_t flags
    int32_t minconn              # 0: maxconn is fixed
    int32_t maxqueue             # 0: no limit
    int32_t port_offset
    uint8_t send_proxy           # 0, 1, 2
    uint8_t addr_len             # of srv_shared_t.addr as configured; an IP address may become one of the other family
    uint8_t source[128]          # sockaddr_storage to bind to before connect
    uint8_t source_len
    int32_t max_reuse            # requests of a connection beyond its first; -1 no limit
    uint32_t ring_id             # hash-key: what consistent hashing knows it by, `id` unless said otherwise
    slice_t redir                # borrowed (program memory): prefix of the redirects that stand in for it, or empty
    const void* link             # owned (program memory): link_t of program/link.pxd, or NULL
    int32_t pool_max_conn        # idle connections kept over all workers; -1 no limit
    uint32_t pool_purge_ms
    uint32_t slowstart_ms
    uint32_t observe             # observe_t (proxy/observe.pxd)
    int32_t error_limit          # consecutive errors that count as one failed check
    const void* tls              # owned (program memory): tls_server_t of net/tls_conf.pxd, or NULL
    srv_shared_t* sh             # shared, arena
    counters_t* counters         # shared, arena: [n_workers + 1]
    times_t* times               # shared, arena: [n_workers + 1]
    void* local                  # owned by the worker after the fork: its idle pool and waiters (proxy/)

cdef enum affinity_t:            # until when a key stays at its server
    AFFINITY_ALWAYS = 0
    AFFINITY_MAXCONN = 1         # until it is full
    AFFINITY_MAXQUEUE = 2        # until its queue is full

cdef struct lb_t:
    const lb_ops_t* ops          # borrowed (static)
    srv_t** servers              # owned (program memory), configuration order, then those that commands have added
    uint32_t n_servers           # of it that this process knows, for who does not hold the lock: never fewer than sh.n_servers
    px_shared_t* sh              # shared, arena
    uint32_t draws               # random(N)
    uint32_t balance_factor      # hash-balance-factor: percent of the average load, 0 no bound
    uint32_t fullconn
    bint all_backups             # option allbackups
    uint8_t affinity             # affinity_t: `hash-preserve-affinity`

cdef enum pick_t:
    PICK_OK = 0                  # *out is set and holds a slot (served was raised)
    PICK_QUEUE_SERVER = 1        # *out is set but full: wait in that server's queue (hash family, persistence)
    PICK_QUEUE_BACKEND = 2       # servers are up but all full: wait in the backend's queue
    PICK_NONE = 3                # no server is usable: 503

cdef enum:                       # lb_ops_t.flags
    LB_OPS_DYNAMIC = 1           # follows weight changes and slowstart; the others only know 0 and the configured weight
    LB_OPS_KEYED = 2             # the server follows from the stream's key: a full one is waited for

cdef enum:
    LB_NO_KEY = 0x100000000      # the stream has no hash key: keyed algorithms then take servers in turns

# One algorithm. All are called with lb.sh.lock held, except capacity.
cdef struct lb_ops_t:
    const char* name
    uint32_t flags               # LB_OPS_*
    # Entries (uint32) it wants in lb.sh.lb_entries for n servers whose weights sum to `weights`. Called while building.
    uint32_t (*capacity)(uint32_t n_servers, uint32_t weights) noexcept nogil
    # Makes the structure anew from each server's sh.lb_weight: at the start, and after a dead owner's lock was freed.
    void (*rebuild)(lb_t* lb) noexcept nogil
    # sh.lb_weight of srv was `old` until now (0: it was not in use); may be NULL: rebuild does it.
    void (*reweigh)(lb_t* lb, srv_t* srv, uint32_t old) noexcept nogil
    # Chooses among usable servers with a free slot, never `avoid` unless it is the only one. Does not raise `served`.
    # key: 32 bits, or LB_NO_KEY. Never called with no server in use, nor while one backup stands in for all (balance.pyx knows
    # both).
    pick_t (*pick)(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil
    # `served` of srv changed (leastconn); may be NULL. Needs the lock as well.
    void (*moved)(lb_t* lb, srv_t* srv) noexcept nogil
