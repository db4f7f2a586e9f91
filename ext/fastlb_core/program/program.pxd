# The compiled configuration: flat C structs, built in the master before the fork, never changed afterwards.
#
# Knows what the engine must look up in O(1): proxies, listeners, servers, error pages, log targets, limits.
# Must not know files, keywords or defaults (the Python package does) nor live state, except by pointer into the arena.

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from fastlb_core.base.arena cimport arena_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.lb.server cimport lb_t, srv_t
from fastlb_core.lb.shared cimport counters_t, px_shared_t
from fastlb_core.lb.times cimport times_t
from fastlb_core.program.region cimport region_t

cdef enum px_caps_t:
    PX_CAP_FE = 1
    PX_CAP_BE = 2

cdef enum px_mode_t:
    PX_MODE_TCP = 0
    PX_MODE_HTTP = 1

cdef enum http_mode_t:           # what happens to the connections after an answer
    HTTP_MODE_KEEP_ALIVE = 0
    HTTP_MODE_SERVER_CLOSE = 1
    HTTP_MODE_CLOSE = 2

cdef enum reuse_t:               # `http-reuse`
    REUSE_NEVER = 0
    REUSE_SAFE = 1
    REUSE_AGGRESSIVE = 2
    REUSE_ALWAYS = 3

cdef enum:                       # px_t.options
    PX_O_DONTLOGNULL = 0x0001
    PX_O_DONTLOG_NORMAL = 0x0002
    PX_O_LOGASAP = 0x0004
    PX_O_FORWARDFOR = 0x0008
    PX_O_FWF_IF_NONE = 0x0010
    PX_O_FWF_EXCEPT = 0x0020
    PX_O_ABORTONCLOSE = 0x0040
    PX_O_SPLICE_REQ = 0x0080
    PX_O_SPLICE_RTR = 0x0100
    PX_O_SPLICE_AUTO = 0x0200
    PX_O_CLITCPKA = 0x0400
    PX_O_SRVTCPKA = 0x0800
    PX_O_DISABLED = 0x1000
    PX_O_IGNORE_PROBES = 0x2000
    PX_O_NOLINGER_FE = 0x4000
    PX_O_NOLINGER_BE = 0x8000
    PX_O_PRETEND_KA = 0x10000
    PX_O_PERSIST = 0x20000       # option persist
    PX_O_SMART_CONNECT = 0x40000
    PX_O_SMART_ACCEPT = 0x80000
    PX_O_LOG_SEPARATE = 0x100000
    PX_O_HTTP_NO_DELAY = 0x200000
    PX_O_SOCKET_STATS = 0x400000
    PX_O_CONTSTATS = 0x800000
    PX_O_PREFER_LAST = 0x1000000
    PX_O_WAITS_BODY = 0x2000000  # a rule or `check_post` may wait for the body: the edit room stays at the buffer's end
    PX_O_INDEPENDENT = 0x4000000  # independent-streams
    PX_O_PERSIST_RDP = 0x8000000  # persist rdp-cookie
    PX_O_PEEKS_HTTP = 0x10000000  # mode tcp: content rules look for a request of HTTP in what has come

cdef enum:                       # px_t.http_options
    PX_H_ORIGINALTO = 0x0001
    PX_H_OTO_EXCEPT = 0x0002
    PX_H_OTO_IF_NONE = 0x0004
    PX_H_CASE_CLIENT = 0x0008    # h1-case-adjust-bogus-client
    PX_H_CASE_SERVER = 0x0010
    PX_H_NAMES_DELETE = 0x0020   # http-restrict-req-hdr-names
    PX_H_NAMES_REJECT = 0x0040
    PX_H_BUFFER_REQUEST = 0x0080  # http-buffer-request
    PX_H_UNSAFE_REQUEST = 0x0100  # accept-unsafe-violations-in-http-request
    PX_H_UNSAFE_RESPONSE = 0x0200
    PX_H_DROP_REQ_TRAILERS = 0x0400  # http-drop-request-trailers
    PX_H_DROP_RES_TRAILERS = 0x0800
    PX_H_PROXY_HEADER = 0x1000   # http-use-proxy-header
    PX_H_CHECK_CACHE = 0x2000    # checkcache

cdef enum:                       # px_t.retry_on: when a request is sent again (`retry-on`)
    RETRY_CONN_FAILURE = 0x0001
    RETRY_EMPTY = 0x0002
    RETRY_JUNK = 0x0004
    RETRY_TIMEOUT = 0x0008
    RETRY_401 = 0x0010
    RETRY_403 = 0x0020
    RETRY_404 = 0x0040
    RETRY_408 = 0x0080
    RETRY_425 = 0x0100
    RETRY_429 = 0x0200
    RETRY_500 = 0x0400
    RETRY_501 = 0x0800
    RETRY_502 = 0x1000
    RETRY_503 = 0x2000
    RETRY_504 = 0x4000

cdef enum log_kind_t:            # px_t.log_kind: which line a finished stream gets
    LOG_K_NONE = 0               # no log target, or nothing asked
    LOG_K_DEFAULT = 1            # "Connect from A:p to B:p (fe/HTTP)"
    LOG_K_TCP = 2
    LOG_K_HTTP = 3
    LOG_K_FORMAT = 4             # px_t.log_format
    LOG_K_JSON = 5               # `option httplog json`

cdef enum:                       # error pages an HTTP proxy may send, index of px_t.error_pages
    ERR_200 = 0
    ERR_400 = 1
    ERR_401 = 2
    ERR_403 = 3
    ERR_404 = 4
    ERR_405 = 5
    ERR_407 = 6
    ERR_408 = 7
    ERR_410 = 8
    ERR_413 = 9
    ERR_414 = 10
    ERR_421 = 11
    ERR_422 = 12
    ERR_425 = 13
    ERR_429 = 14
    ERR_431 = 15
    ERR_500 = 16
    ERR_501 = 17
    ERR_502 = 18
    ERR_503 = 19
    ERR_504 = 20
    ERR_COUNT = 21

cdef struct net_t:               # IPv4 or IPv6 network, as 16 bytes (v4 mapped)
    uint8_t addr[16]
    uint8_t mask[16]

cdef enum log_sink_t:
    LOG_SINK_UDP = 0
    LOG_SINK_UNIX = 1            # datagram
    LOG_SINK_FD = 2              # stdout, stderr, fd@N
    LOG_SINK_RING = 3            # a socket to control, which keeps the ring and sends what is in it to its servers

cdef enum log_format_t:
    LOG_F_RFC3164 = 0
    LOG_F_RFC5424 = 1
    LOG_F_RAW = 2
    LOG_F_SHORT = 3
    LOG_F_TIMED = 4
    LOG_F_PRIORITY = 5
    LOG_F_LOCAL = 6              # rfc3164 without a host name
    LOG_F_ISO = 7

cdef enum log_step_t:            # why a line is written; index of log_profile_t.steps
    LOG_S_ANY = 0                # of a profile: for steps that have nothing of their own
    LOG_S_ACCEPT = 1
    LOG_S_REQUEST = 2
    LOG_S_CONNECT = 3
    LOG_S_RESPONSE = 4
    LOG_S_CLOSE = 5              # the line that every stream has
    LOG_S_ERROR = 6              # what never became a request or a session
    LOG_S_RULES = 7              # `do-log` in the rule set 0 (rules.pxd), the others behind it
    LOG_S_COUNT = 14

cdef struct log_profile_step_t:  # `on <step>`
    uint8_t is_set
    uint8_t is_dropped           # no line at all
    const void* format           # owned (program memory): logformat_t, NULL: the proxy's text
    const void* sd               # owned (program memory): logformat_t, NULL: the proxy's structured data

cdef struct log_profile_t:       # `log-profile`
    slice_t tag                  # empty: the proxy's
    log_profile_step_t steps[14]  # by log_step_t

# One `log` line after `global` was expanded; equal targets of several proxies share one sink.
cdef struct log_target_t:
    uint32_t sink                # index of program_t.log_sinks
    uint8_t format               # log_format_t
    uint8_t facility             # 0..23
    uint8_t level                # 0 emerg .. 7 debug: less severe messages are left out
    uint8_t min_level            # more severe ones are sent as this
    uint32_t max_length          # bytes of a line; into a ring, of its text
    uint8_t is_ring              # its sink is a ring
    uint32_t sample_size         # 0: every line
    uint32_t n_ranges
    uint32_t ranges[16]          # pairs low, high within 1..sample_size
    const log_profile_t* profile  # borrowed (program), or NULL

cdef struct log_sink_desc_t:
    uint8_t kind                 # log_sink_t
    uint8_t addr[128]            # sockaddr
    uint8_t addr_len
    int32_t fd                   # LOG_SINK_FD, LOG_SINK_RING

cdef struct capture_t:           # one `capture header`, `declare capture` or `http-request capture`
    slice_t name                 # borrowed (program memory), in lower case; empty: filled by a rule only
    uint32_t max_len             # bytes that are kept
    uint32_t offset              # of them in the stream's capture block

cdef struct px_t:
    slice_t name                 # borrowed (program memory)
    slice_t name_secure          # "fe~": as log lines show a frontend for a connection with TLS
    uint32_t index
    uint32_t id
    uint8_t caps                 # px_caps_t
    uint8_t mode                 # px_mode_t
    uint8_t http_mode            # http_mode_t
    uint8_t reuse                # reuse_t
    uint8_t log_kind             # log_kind_t
    uint8_t fwf_family           # not used without PX_O_FWF_EXCEPT
    uint32_t options             # PX_O_*
    int32_t retries
    int32_t redispatch           # 0 off, -1 last retry only, n every nth
    # timeouts in ms, 0 = none
    uint32_t t_client
    uint32_t t_server
    uint32_t t_connect
    uint32_t t_queue
    uint32_t t_http_request
    uint32_t t_http_keep_alive
    uint32_t t_client_fin
    uint32_t t_server_fin
    uint32_t t_tunnel
    uint32_t t_tarpit
    px_t* default_backend        # borrowed (program), or NULL; itself for a listen section
    # formats: owned (program memory), logformat_t of logformat.pxd, or NULL
    const void* log_format       # LOG_K_FORMAT
    const void* log_format_sd    # structured data of rfc5424 targets
    const void* error_log_format
    const void* unique_id_format
    slice_t unique_id_header     # in lower case; empty: none is added
    # captures of a frontend: owned (program memory)
    capture_t* captures_req
    capture_t* captures_res
    uint16_t n_captures_req
    uint16_t n_captures_res
    capture_t cookie_req         # `capture cookie`; max_len 0: none
    capture_t cookie_res
    uint32_t unique_id_offset    # in the capture block
    uint32_t capture_size        # bytes of a stream's capture block; 0: it needs none
    lb_t lb                      # inline; backends
    const void* hash_key         # owned (program memory): hash_key_t (hash_key.pxd), NULL where balancing takes no key
    slice_t fwf_header           # lower case
    net_t fwf_except
    uint32_t http_options        # PX_H_*
    uint32_t retry_on            # RETRY_*
    uint32_t session_rate        # `rate-limit sessions`: new ones a second, 0 no limit
    uint32_t max_own_conns       # `max-session-srv-conns`: private idle connections of one client
    int32_t max_keep_alive_queue  # -1: no limit
    slice_t rdp_name             # `persist rdp-cookie(name)`
    slice_t oto_header           # `option originalto`, lower case
    net_t oto_except
    slice_t name_header          # `http-send-name-header`, lower case; empty: none
    slice_t monitor_uri
    slice_t error_pages[21]      # whole answers, by ERR_*; ptr NULL: the built-in page
    void* error_answers[21]      # owned (program memory): arguments of an answer that is made (`http-error`), or NULL
    # internal service: requests whose target starts with the prefix go to this server (control)
    slice_t internal_prefix
    srv_t* internal_server       # borrowed (program), or NULL: <STATS>
    srv_t* direct_server         # borrowed (program), or NULL: <NOSRV>, where persistence says nothing (`option transparent`)
    log_target_t* log_targets    # owned (program memory)
    uint32_t n_log_targets
    slice_t log_tag
    uint16_t log_steps           # bits 1 << log_step_t: when lines are written by themselves
    uint8_t has_log_profiles     # some target has a profile
    uint8_t has_rules            # something stands between the phases: a rule, a statistics page, a wait for the body
    void* rules[19]              # owned (program memory): rules_t by rule_set_t (rules.pxd), NULL where there are none
    const void* persist          # owned (program memory): persist_t of `cookie` (persist.pxd), or NULL
    const void* compression      # owned (program memory): comp_conf_t (compression.pxd), NULL where nothing is said
    const void* fcgi_app         # borrowed (program): fcgi_app_t of fcgi_app.pxd, `use-fcgi-app`, or NULL
    uint32_t t_inspect           # tcp-request inspect-delay, ms
    uint32_t t_inspect_res
    void* table                  # owned (program memory): stick_table_t of its `stick-table`, or NULL
    px_shared_t* sh              # shared, arena
    counters_t* fe_counters      # shared, arena: [n_workers + 1], the last for dead workers
    counters_t* be_counters      # shared, arena: [n_workers + 1]
    times_t* fe_times            # shared, arena: [n_workers + 1]
    times_t* be_times            # shared, arena: [n_workers + 1]
    void* local                  # owned by the worker after the fork: its queue (proxy/)

cdef enum:                       # listener_t.flags
    LI_F_ACCEPT_PROXY = 0x01
    LI_F_SHARED_FD = 0x02        # one descriptor for all workers (fd@, unix): EPOLLEXCLUSIVE
    LI_F_UNIX = 0x04
    LI_F_ACCEPT_CIP = 0x10       # accept-netscaler-cip
    LI_F_NAMED = 0x08            # `name` is the bind line's own, not made up

cdef struct listener_t:
    slice_t name                 # as `socket-stats` shows it
    px_t* px                     # borrowed (program)
    uint32_t index
    uint32_t id
    uint32_t flags
    uint32_t cip_magic           # of NetScaler's header, where a connection must begin with one
    int32_t maxconn              # of this bind line over all workers, 0 = frontend's
    int32_t* fds                 # owned (program memory): [n_workers] listening descriptors
    const void* tls              # owned (program memory): tls_bind_t of net/tls_conf.pxd, or NULL
    counters_t* counters         # shared, arena: [n_workers + 1]

# Something on the heap that goes with the program.
cdef struct owned_t:
    owned_t* next                # owned (program memory)
    void* ptr                    # owned
    void (*release)(void* ptr) noexcept nogil

cdef enum:                       # program_t.status_kinds: what an answer's status counts as (`http-err-codes`, `http-fail-codes`)
    STATUS_K_ERROR = 1
    STATUS_K_FAILURE = 2

cdef struct program_t:
    arena_t* arena               # shared
    px_t** proxies               # owned
    uint32_t n_proxies
    listener_t* listeners        # owned
    uint32_t n_listeners
    srv_t** servers              # owned; of all backends, then internal ones, then those that commands have added
    uint32_t n_servers           # that this process knows
    uint32_t n_configured        # the first ones, which the configuration has
    uint32_t n_spare             # that commands may add
    char* spare_states           # shared: srv_shared_t of the spare ones and of one more, each on a cache line of its own
    char* spare_counters         # shared: counters_t[n_workers + 1] likewise
    char* spare_times            # shared: times_t[n_workers + 1] likewise
    uint64_t arena_room          # bytes of the arena that are for their balancers (bridge/dynamic.pyx)
    slice_t* case_names          # owned: header names as bogus peers want them (`h1-case-adjust`)
    uint32_t n_case_names
    void** acls                  # owned: acl_t of acl.pxd
    uint32_t n_acls
    void** userlists             # owned: userlist_t of userlist.pxd
    uint32_t n_userlists
    void** patterns              # owned: pat_index_t of pattern.pxd
    uint32_t n_patterns
    void** pattern_refs          # owned: pat_ref_t, what the runtime API changes
    uint32_t n_pattern_refs
    void** tables                # owned: stick_table_t of proxy/stick_table.pxd, of all proxies that have one
    uint32_t n_tables
    void** fcgi_apps             # owned: fcgi_app_t of fcgi_app.pxd
    uint32_t n_fcgi_apps
    uint32_t n_trackers          # tune.stick-counters; 0 without tables
    uint32_t n_filters           # filters that one stream may have; 0: no proxy has any
    owned_t* owned               # owned: what the heap holds for it
    log_sink_desc_t* log_sinks   # owned
    uint32_t n_log_sinks
    log_target_t* log_targets    # owned: of `global`, for lines that belong to no proxy
    uint32_t n_log_targets
    log_profile_t* log_profiles  # owned
    uint32_t n_log_profiles
    slice_t log_tag              # "fastlb" unless log-tag says otherwise
    slice_t log_hostname         # empty unless log-send-hostname
    int32_t log_pid              # the pid that log lines show
    int32_t n_workers
    int32_t maxconn
    uint32_t jwe_algs            # of encrypted tokens: bits 1 << index in ALGORITHMS of config/tokens.py
    uint32_t jwe_encs            # of ENCRYPTIONS
    uint8_t status_kinds[500]    # of 100 to 599: STATUS_K_*
    uint32_t n_vars[6]           # variables of each scope (eval_scope_t)
    uint64_t max_vars[6]         # bytes of each scope's variables, 0: no limit
    void* at_start               # owned (program memory): rules_t that set the process's variables, or NULL
    uint32_t bufsize
    uint32_t maxrewrite
    uint32_t maxaccept
    uint32_t maxhdr
    uint32_t h1_flags            # H1_F_* (http/h1.pxd) of every request
    uint32_t logurilen           # characters of a logged request line (tune.http.logurilen)
    uint32_t capture_size        # the largest of the frontends' capture_size
    slice_t hostname             # %H
    uint32_t comp_level          # 1..9
    uint32_t max_packers         # of one worker; 0: no limit
    uint64_t generation
    region_t region              # inline, owned: the memory behind everything marked "owned" or "program memory"

# An empty program, or NULL when memory is short; bridge/layout fills it.
cdef program_t* program_new() noexcept nogil
# Frees the program, its memory and its arena. NULL is allowed.
cdef void program_free(program_t* program) noexcept nogil
# Makes program_free call release(ptr). False when memory is short; ptr is then still the caller's.
cdef bint program_own(program_t* program, void* ptr, void (*release)(void* ptr) noexcept nogil) noexcept nogil
# Index of the error page for a status, or -1 when there is none.
cdef int err_index(int status) noexcept nogil
