# What all processes share about proxies and servers: fixed-layout structs in the arena.
#
# Knows fields, who writes each, and in what unit. Must not know configuration (lb/server.pxd) or algorithms.
# A counter has one writer: worker w owns counters[w] of every object; readers add the slots up. Each object has
# n_workers + 1 slots: the last one holds what dead workers had counted (the master folds it in, bridge/snapshot).

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from fastlb_core.base.arena cimport shlock_t
from fastlb_core.base.atomic cimport add_fetch_i32, cas_i32, load_i32, sub_fetch_i32
from fastlb_core.base.rate cimport rate_t

# One object (frontend, backend, server, listener) as one worker has seen it. [object][worker], whole cache lines.
cdef struct counters_t:
    uint64_t cum_conn        # connections accepted (frontend, listener)
    uint64_t cum_sess        # sessions (stot): streams taken by this object
    uint64_t cum_req         # HTTP requests
    uint64_t cum_lbconn      # times chosen by load balancing
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t denied_req      # dreq
    uint64_t denied_resp     # dresp
    uint64_t failed_req      # ereq
    uint64_t failed_conn     # econ
    uint64_t failed_resp     # eresp
    uint64_t denied_conn     # dcon
    uint64_t denied_sess     # dses
    uint64_t retries         # wretr
    uint64_t redispatches    # wredis
    uint64_t cli_aborts
    uint64_t srv_aborts
    uint64_t intercepted     # answered by the proxy itself: monitor-uri, stats, redirects
    uint64_t http_rsp[6]     # other, 1xx, 2xx, 3xx, 4xx, 5xx
    uint64_t connect         # connections attempted to the server
    uint64_t reuse           # requests that found an idle connection
    uint64_t idle_hits
    uint64_t comp_in         # bytes of answers that went into compression
    uint64_t comp_out        # and came out of it
    uint64_t comp_rsp        # answers compressed to their end
    uint64_t queue_ms        # sums for the averages of the last 1024 requests (each decays by 1/1024 a request)
    uint64_t connect_ms
    uint64_t response_ms
    uint64_t total_ms
    uint64_t queue_ms_max
    uint64_t connect_ms_max
    uint64_t response_ms_max
    uint64_t total_ms_max
    rate_t sess_rate
    rate_t conn_rate
    rate_t req_rate
    int64_t idle_conns       # gauge: idle server connections held by this worker
    int64_t used_conns       # gauge: server connections carrying a request; a frontend's part of fe_conns
    int64_t held             # gauge: this worker's part of a server's served (under the lb lock) or a backend's be_conns
    int64_t queued           # gauge: its part of the server's or backend's `queued`

cdef enum srv_admin_t:       # bits; HAProxy's `srv_admin_state`
    SRV_A_FMAINT = 0x01      # maintenance asked on the runtime API or page
    SRV_A_IMAINT = 0x02      # inherited from a tracked server
    SRV_A_CMAINT = 0x04      # `disabled` in the configuration
    SRV_A_FDRAIN = 0x08      # drain asked
    SRV_A_IDRAIN = 0x10
    SRV_A_RMAINT = 0x20      # name does not resolve
    SRV_A_HMAINT = 0x40
    SRV_A_MAINT = 0x67
    SRV_A_DRAIN = 0x18

cdef enum srv_state_t:       # HAProxy's `srv_op_state`
    SRV_S_STOPPED = 0
    SRV_S_STARTING = 1       # slowstart
    SRV_S_RUNNING = 2
    SRV_S_STOPPING = 3       # going away: finishes what it has (404 with disable-on-404)

# A server's live state. Fields marked control: written by control (under the backend's lb lock where they decide usability).
cdef struct srv_shared_t:
    # -- decided by control, read by every worker
    uint32_t admin           # atomic; srv_admin_t bits
    int32_t state            # atomic; srv_state_t
    int32_t uweight          # user weight 0..256, run time
    int32_t iweight          # weight of the configuration
    int32_t eweight          # effective weight: user weight scaled (x16) and ramped by slowstart; 0 = takes no new stream
    int32_t maxconn          # 0 = no limit; run time
    uint32_t addr_seq        # grows by 2 when addr changes, odd while it is being written (sequence lock)
    uint32_t kill_seq        # grows when idle connections to it must be closed (went down, moved)
    uint8_t addr[128]        # sockaddr_storage with the port
    # -- check results, control
    int32_t check_flags      # bits of HAProxy's srv_check_state: 1 in progress, 2 configured, 4 enabled, 8 paused
    int32_t health           # 0 .. rise+fall-1
    int32_t rise
    int32_t fall
    int32_t check_status     # index into control's table of statuses
    int32_t check_code       # layer-5/7 code, or -1
    int64_t check_duration_ms
    uint64_t check_time_ms   # monotonic, of the last result
    uint64_t last_change_ms  # monotonic, of the last UP/DOWN change
    uint64_t down_time_ms    # summed
    uint64_t failed_checks
    uint64_t failed_hana
    uint64_t down_trans
    uint64_t slowstart_until_ms
    char check_desc[128]     # NUL-terminated, printable
    # -- decided by all workers
    int32_t served           # atomic; streams holding one of its slots
    int32_t served_max       # atomic
    int32_t queued           # atomic; streams waiting for this very server
    int32_t queued_max       # atomic
    uint64_t waiters         # atomic; bit per worker that has a stream waiting for this very server
    uint64_t last_sess_ms    # monotonic; time of the last stream given to it (relaxed store)
    int32_t consecutive_errors  # atomic; of a server with `observe`
    int32_t throttle         # percent of its limit that slowstart allows; 0 and 100 = all of it. Under the lb lock
    # -- load balancing, under the backend's lb lock: owned by lb/*.pyx
    uint32_t lb_weight       # effective weight the algorithm's structure counts it with; 0 = not in use
    uint32_t lb_flags
    # -- `observe`
    uint32_t observed        # atomic, workers; how often error-limit was reached
    uint32_t observed_done   # control: as far as it has acted on it
    int32_t observed_why     # atomic, workers; observed_t of the last time
    uint64_t cookie          # atomic; control: the dynamic cookie (program/persist.pxd), 0: it has none
    # -- where checks and agents' questions go, control: far from what workers touch
    char check_host[48]      # where commands have sent its checks: a numeric address, NUL-terminated; empty: where the line says
    char agent_host[48]      # and its agent's questions
    int32_t check_port       # 0: as the line says
    int32_t agent_port
    int32_t is_agent_off     # `disable agent`
    uint64_t spare[4]

# A proxy's live state (frontend and backend half in one).
cdef struct px_shared_t:
    # frontend
    int32_t fe_conns         # atomic; against the frontend's maxconn
    int32_t fe_conns_max     # atomic
    int32_t fe_maxconn       # atomic; run time
    int32_t fe_state         # atomic: 0 run, 1 stopped, 2 paused
    # backend
    int32_t be_conns         # atomic; streams in this backend, queued ones included
    int32_t be_conns_max     # atomic
    int32_t queued           # atomic; streams waiting for any server of it
    int32_t queued_max       # atomic
    uint64_t waiters         # atomic; bit per worker that has such a stream
    uint64_t last_change_ms  # control
    uint64_t down_time_ms    # control
    uint64_t down_trans      # control
    uint64_t last_sess_ms
    # load balancing, under `lock`: owned by lb/*.pyx
    shlock_t lock
    int32_t n_active         # usable active servers
    int32_t n_backup         # usable backup servers
    int32_t total_weight     # of the servers in use
    int32_t using_backup     # 0: active servers, 1: first usable backup or all backups
    int32_t first_backup     # lb_index of the backup that stands in for all active ones; -1: none, or `option allbackups`
    uint32_t lb_generation   # lock.generation that the structure below was built with
    uint32_t rr_position     # static-rr: next place in the map, may be behind its end
    uint32_t lb_count        # static-rr, hash: places of the map in use
    uint32_t* lb_entries     # in the arena: the algorithm's structure, as large as it asked
    uint32_t lb_capacity     # uint32 words in it
    uint32_t n_servers       # places of lb_t.servers that count; every process knows that many, some are ahead of it
    uint64_t n_log_lines     # atomic; lines of its log format (%lc)
    uint64_t spare[6]

cdef inline bint srv_is_usable(const srv_shared_t* sh) noexcept nogil:
    """True when load balancing may choose the server: running or starting, not in maintenance or drain, weight above 0."""
    if sh.state != SRV_S_RUNNING and sh.state != SRV_S_STARTING:
        return False
    return not (sh.admin & (SRV_A_MAINT | SRV_A_DRAIN)) and sh.eweight > 0

cdef inline bint srv_is_reachable(const srv_shared_t* sh) noexcept nogil:
    """True when persistence may still choose it: up and not in maintenance (drain and weight 0 are fine)."""
    return sh.state != SRV_S_STOPPED and not (sh.admin & SRV_A_MAINT)

cdef inline int32_t share_take(int32_t* shared, int32_t* peak, int64_t* mine) noexcept nogil:
    """Counts one more in `shared` (fe_conns, be_conns, queued) and in this worker's gauge of it; returns the new sum.

    The gauge goes first and, in share_give, last: a worker killed in between leaves the sum one too low, never too high."""
    cdef int32_t now, seen
    mine[0] += 1
    now = add_fetch_i32(shared, 1)
    seen = load_i32(peak)
    while now > seen and not cas_i32(peak, &seen, now):
        pass
    return now

cdef inline int32_t share_give(int32_t* shared, int64_t* mine) noexcept nogil:
    """Takes one back from both; returns what is left in `shared`."""
    cdef int32_t left = sub_fetch_i32(shared, 1)
    mine[0] -= 1
    return left
