# A stream: one TCP session or one HTTP request and its answer, between a front (client) and a back (server) connection.
#
# Knows the struct, its life, its accounting and its log line. Must not know protocols: stream_tcp and stream_http drive it
# through stream_ops_t. Everything that happens to a stream sets flags and calls stream_process(); only that function frees it.
#
#     accept ─► front conn ─► stream_new ─► process ─► ... ─► stream_end ─► freed ─► front idle or closed
#
#     back side:  NONE ─► ASSIGN ─► CONNECT ─► CONNECTING ─► READY ─► NONE
#                           │  ▲        ▲          │
#                           ▼  │        │          ▼ failed
#                          QUEUED       └─────── PAUSE        (retries; redispatch goes back to ASSIGN)

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from fastlb_core.base.list cimport list_add_tail, list_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.base.wheel cimport timer_t
from fastlb_core.http.h1 cimport h1_parser_t
from fastlb_core.http.h1_body cimport body_t
from fastlb_core.http.message cimport hdr_t, http_msg_t
from fastlb_core.http.packer cimport packer_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.lb.shared cimport counters_t
from fastlb_core.net.conn cimport conn_t, peer_t
from fastlb_core.net.connect cimport sock_marks_t
from fastlb_core.net.pipe cimport pipe_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.vars cimport vars_t
from fastlb_core.proxy.track cimport stkctr_t
from fastlb_core.proxy.worker cimport worker_t

cdef enum:                       # stream_t.flags
    STRM_F_RUNNING = 0x0001      # inside its process function
    STRM_F_AGAIN = 0x0002        # something happened meanwhile: process once more
    STRM_F_ENDED = 0x0004        # freed when process returns
    STRM_F_REDISPATCHED = 0x0008
    STRM_F_HAS_SLOT = 0x0010     # holds a slot of srv
    STRM_F_IN_BACKEND = 0x0020   # counted in be's be_conns
    STRM_F_LOGGED = 0x0040       # logasap wrote its line already
    STRM_F_NO_LOG = 0x0080
    STRM_F_QUEUED = 0x0100       # link is in a queue
    STRM_F_SRV_QUEUE = 0x0200    # ... of srv, not of the backend
    STRM_F_FIRST = 0x0400        # first request of its front connection
    STRM_F_INTERNAL = 0x0800     # goes to control's service, strm.service says which
    STRM_F_REPLY = 0x1000        # answered by the proxy itself
    STRM_F_RETAINED = 0x2000     # the request's bytes are kept until the answer begins: it may be sent again
    STRM_F_CLOSE_FRONT = 0x4000  # front closes after this answer
    STRM_F_CLOSE_BACK = 0x8000
    STRM_F_REQ_SENT = 0x10000    # the request's head has left, in part at least
    STRM_F_RES_SENT = 0x20000    # bytes of the answer have left
    STRM_F_HEAD_ASKED = 0x40000  # the client's method was HEAD; a rule has changed it
    STRM_F_LAX = 0x80000         # `strict-mode off`: a rewrite that fails is passed over
    STRM_F_TIMEOUT = 0x100000    # timer of the stream itself (queue, retry pause, drain) expired
    STRM_F_FRONT_TIMEOUT = 0x200000
    STRM_F_BACK_TIMEOUT = 0x400000
    STRM_F_BAD_REQUEST = 0x800000
    STRM_F_WOKEN = 0x1000000     # link `runnable` is in the worker's list
    STRM_F_REPLY_WAIT = 0x2000000  # a reply waits for the client to take it
    STRM_F_RES_OPEN = 0x4000000  # res_msg and the parser are set up for the answer
    STRM_F_RES_RULES = 0x8000000  # a rule of the answer waits
    STRM_F_OWN_PAGE = 0x10000000  # the answer is a rule's, not a page for a status
    STRM_F_RULE_WAIT = 0x20000000  # a rule has begun to wait
    STRM_F_RETRYABLE = 0x80000000  # `retry-on`: the whole request is kept until the answer's head is accepted
    STRM_F_LOG_EARLY = 0x40000000  # its line is being written before its end (logasap)

cdef enum timeout_t:             # index of stream_t.own_timeouts; the numbers are those of config/actions/connection.py
    TIMEOUT_SERVER = 0
    TIMEOUT_TUNNEL = 1
    TIMEOUT_CLIENT = 2
    TIMEOUT_CONNECT = 3
    TIMEOUT_QUEUE = 4
    TIMEOUT_TARPIT = 5
    TIMEOUT_COUNT = 6

cdef enum service_t:             # stream_t.service: what control is to answer, config/actions/service.py has the numbers
    SERVICE_STATS = 0            # the page, for reading
    SERVICE_STATS_ADMIN = 1      # the page with its forms: `stats admin` holds
    SERVICE_PROMETHEUS = 2

cdef enum back_state_t:
    BACK_NONE = 0
    BACK_ASSIGN = 1
    BACK_QUEUED = 2
    BACK_CONNECT = 3
    BACK_CONNECTING = 4
    BACK_PAUSE = 5
    BACK_READY = 6

cdef enum:                       # stream_t.persist
    PRST_F_DIRECT = 1            # a cookie, a rule or a table has named the server
    PRST_F_IGNORE = 2            # ignore-persist
    PRST_F_FORCE = 4             # force-persist; both are the arguments of such rules
    PRST_F_LAST = 8              # the server of a connection that the client has

# One direction of bytes, from src to dst.
cdef struct flow_t:
    body_t body                  # inline: where the message ends
    pipe_t* pipe                 # owned while a splice is under way
    uint32_t in_pipe             # bytes in it
    uint32_t n_ready             # bytes at the front of src.rx that belong to the message and are not sent yet
    uint64_t total               # bytes sent to dst
    uint8_t is_open              # body was started
    uint8_t is_done              # the whole message has been taken from src
    uint8_t is_bulk              # a receive filled its buffer
    uint8_t n_small              # splices in a row that moved little

# What a protocol does.
cdef struct stream_ops_t:
    const char* name
    # Goes as far as it can without waiting. Called by stream_process only.
    void (*process)(stream_t* strm) noexcept nogil

cdef struct stream_t:
    uint32_t flags               # STRM_F_*
    uint8_t back_state           # back_state_t
    uint8_t state                # of the protocol (stream_http.pxd)
    char term_err                # why it ended: HAProxy's first termination character
    char term_state              # when: the second
    const stream_ops_t* ops      # borrowed (static)
    worker_t* w                  # borrowed
    conn_t* front                # owned while the stream lives (given back when it ends)
    conn_t* back                 # owned from BACK_CONNECTING on; NULL before
    px_t* fe                     # borrowed (program)
    px_t* be                     # borrowed (program), or NULL
    srv_t* srv                   # borrowed (program), or NULL
    srv_t* wanted_srv            # borrowed (program): a rule's choice, until it was tried; or NULL
    const srv_t* last_srv        # borrowed (program): of the last attempt, avoided by a redispatch
    flow_t req                   # front → back
    flow_t res                   # back → front
    timer_t timer                # queue, pause, drain
    list_t link                  # in a queue, or in worker_t.asking
    list_t runnable              # in worker_t.runnable
    int32_t n_retries
    int32_t srv_queue            # its place in the server's queue, from 1; 0: it never waited there
    int32_t be_queue
    # marks in ms, monotonic; 0: not reached
    uint64_t t_start             # accept (tcp) or first byte of the request (http)
    uint64_t t_request           # head complete
    uint64_t t_queue             # server assigned
    uint64_t t_connect           # connected
    uint64_t t_response          # answer's head complete
    uint64_t t_real_us           # wall clock of t_start
    uint32_t kept_at             # STRM_F_RETRYABLE: where the request's body stands in front.rx
    uint32_t kept_len            # ... and its bytes
    uint64_t bytes_in            # from the client
    uint64_t bytes_out           # to the client
    px_t* next_be                # borrowed (program): what the rules have chosen, or NULL
    const void* last_rule        # rule_t, borrowed (program): the last final rule that applied, or NULL
    const void* failed_rule      # rule_t, borrowed (program): the rule that could not do its work, or NULL
    const void* waiting_rule     # rule_t, borrowed (program): the rule that waits, or had not been waited for at the end; or NULL
    uint32_t n_calls             # times that ops.process has run
    uint32_t rule_at             # where the rule set of `phase` goes on
    uint32_t head_in             # bytes that the request's head counts as, with tables only
    uint8_t n_stores             # entries behind `trackers` that are to learn the server (stick_rules)
    srv_t* stick_srv             # borrowed (program): what a `stick` rule has found, or NULL
    uint8_t phase                # phase_t (http_rules.pxd)
    uint8_t service              # service_t, with STRM_F_INTERNAL
    uint16_t status              # http: what the client got, 0 none
    uint8_t has_asked            # http: the request's head has left to a server
    uint64_t more_in             # http: bytes of interim heads, and of the body of an answer that was not used
    uint32_t counted_head        # http: what the head that has come counts as, before rules change it (reply_counted_head)
    uint16_t reply_status        # http: an answer of our own that is to be sent
    uint16_t server_status       # http: what the server answered, 0 none
    uint64_t number              # %rt plus one; 0: it has none yet
    void* capture_block          # owned (worker_t.captures), or NULL; what follows up to unique_id stands in it
    slice_t* captures_req        # [fe.n_captures_req]
    slice_t* captures_res        # [fe.n_captures_res]
    slice_t cookie_req           # `capture cookie`: name=value
    slice_t cookie_res
    slice_t unique_id
    peer_t back_local            # of the last connection to a server, for a log format; family 0: none
    uint8_t log_level            # set-log-level: level + 1, 9 for silent; 0: as usual
    uint8_t persist              # PRST_F_*
    uint8_t cookie_chose         # wanted_srv comes from the cookie
    char cookie_seen             # third letter of the termination state; 0: no cookie
    char cookie_done             # the fourth; 0: none was set
    uint32_t cookie_last         # dates of the client's cookie (http/cookie.pxd); 0: it has none
    uint32_t cookie_first
    uint8_t has_saved            # saved_peer and saved_local are those of front, to be put back
    int16_t prio_class           # set-priority-class, set-priority-offset
    int32_t prio_offset
    int64_t queue_key            # its place in a queue: class, then time of arrival and offset
    uint64_t balance_key         # what `balance` hashes (hash_key.pxd) + 1; 0: not asked for yet
    uint32_t own_retries         # set-retries: their number + 1; 0: the backend's
    uint32_t question            # what a rule has asked control (questions.pxd): its number
    uint8_t question_state       # question_state_t
    uint8_t answer_len           # bytes of `answer`: 4, 16, or 0 for none
    uint8_t answer[16]           # an address, network byte order
    sock_marks_t back_marks      # set-bc-mark, set-bc-tos
    uint32_t own_timeouts[6]     # set-timeout, by timeout_t, in ms; 0: the proxy's
    uint8_t msg_scope            # VARS_REQ or VARS_RES: whose; 0: the program has no variables
    uint8_t coding               # http: coding_t that the answer may get
    uint8_t comp_stage           # http: comp_stage_t (compress.pxd)
    packer_t* packer             # owned while the answer is compressed, else NULL
    packer_t* req_packer         # owned while the request is compressed, else NULL
    void* filters                # owned (worker_t.filters): filters_t of filters.pxd, or NULL
    # http
    h1_parser_t parser           # request's, then answer's
    http_msg_t req_msg
    http_msg_t res_msg
    hdr_t* req_hdrs              # inline storage behind the struct
    hdr_t* res_hdrs
    stkctr_t* trackers           # inline storage behind the struct: [n_trackers + TRACK_STORES], or NULL
    uint32_t log_line_len        # bytes of the saved request line
    uint8_t log_method_len
    uint8_t log_version_len
    peer_t saved_peer            # of front, where a rule has changed them for this stream
    peer_t saved_local
    vars_t txn_vars              # inline; only prepared where the worker has_vars
    vars_t msg_vars              # inline: the request's variables, then the answer's
    char* log_line               # inline storage behind the headers': method, target, version as received (logurilen)

# The timeout that a rule has set for this stream, else the proxy's.
cdef inline uint32_t stream_timeout(const stream_t* strm, timeout_t which, uint32_t usual) noexcept nogil:
    cdef uint32_t own = strm.own_timeouts[<int> which]
    return own if own else usual

cdef inline int32_t stream_retries(const stream_t* strm) noexcept nogil:
    return <int32_t> strm.own_retries - 1 if strm.own_retries else strm.be.retries

# Whether the client is told to send no further request on this connection, because of a soft stop. Not where it has sent one
# already: it would never know that it was not read. own: bytes of this very request that are still in the front's buffer.
cdef inline bint stream_is_last(const stream_t* strm, uint64_t own) noexcept nogil:
    return strm.w.is_stopping and not (strm.req.is_done and strm.front.rx.len > own)

# The server's answer is not used, of whose body `body` bytes have come. haproxy: they are counted, and it has no time.
cdef inline void stream_drop_answer(stream_t* strm, uint64_t body) noexcept nogil:
    strm.bytes_out += strm.counted_head + body
    strm.more_in += body
    strm.t_response = 0

# Before a rule changes an address of the front connection: stream_end puts it back.
cdef void stream_save_addresses(stream_t* strm) noexcept nogil
# Bytes of one stream with room for max_hdrs headers each way, for the request line that is kept for the log, and for the tracked
# counters, if there are any.
cdef uint32_t stream_size(uint32_t max_hdrs, uint32_t logurilen, uint32_t n_trackers) noexcept nogil
# A stream on this front connection, whose owner it becomes. NULL when memory is short.
cdef stream_t* stream_new(worker_t* w, conn_t* front, const stream_ops_t* ops) noexcept nogil
# Runs ops.process, again while something happened meanwhile, and frees the stream once it has ended.
cdef void stream_process(stream_t* strm) noexcept nogil
# Processes it later in this turn; for wake-ups from inside another stream.
cdef inline void stream_wake(stream_t* strm) noexcept nogil:
    if not strm.flags & STRM_F_WOKEN:
        strm.flags |= STRM_F_WOKEN
        list_add_tail(&strm.w.runnable, &strm.runnable)

# Keeps what a log format may show of the connection to the server, which is about to be given back or closed.
cdef void stream_note_back(stream_t* strm) noexcept nogil
# Notes why it ends, the first reason only.
cdef void stream_set_term(stream_t* strm, char err, char state) noexcept nogil
# The end: back is closed unless it was given away, slot and counters are given back, the line is logged. The front
# connection stays for the caller (strm.front).
cdef void stream_end(stream_t* strm) noexcept nogil
# Ends the stream and closes its front connection.
cdef void stream_kill(stream_t* strm) noexcept nogil
# Ends and frees it without a log line, between two turns of the loop only.
cdef void stream_discard(stream_t* strm) noexcept nogil
# Ends and frees it by an administrator's order, with a log line; between two turns of the loop only.
cdef void stream_shut_down(stream_t* strm) noexcept nogil
# Enters the backend (or leaves it, be NULL): gauges and counters.
cdef void stream_set_backend(stream_t* strm, px_t* be) noexcept nogil
cdef void stream_set_timer(stream_t* strm, uint32_t ms) noexcept nogil
cdef void stream_stop_timer(stream_t* strm) noexcept nogil
cdef stream_t* stream_of_timer(timer_t* timer) noexcept nogil

# This worker's slots of the counters.
cdef counters_t* fe_counters(const stream_t* strm) noexcept nogil
cdef counters_t* be_counters(const stream_t* strm) noexcept nogil
cdef counters_t* srv_slot(const stream_t* strm) noexcept nogil
