# Tracked counters of sessions and streams: what `track-sc` begins, and what is counted from then on until the stream ends.
#
# Knows which event counts in which data types (manual, section 4.2 "stick-table"). Must not know rules nor streams: those keep
# the arrays and call this at the right moments.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stick_key cimport stick_key_t
from fastlb_core.proxy.stick_table cimport stick_entry_t, stick_table_t

cdef enum:
    TRACK_MAX = 12               # tune.stick-counters at most; HAProxy's default is 3
    TRACK_STORES = 8             # `stick store` rules that a stream may apply

cdef struct stkctr_t:
    const stick_table_t* table   # borrowed (program); NULL: not tracking
    stick_entry_t* entry         # shared, arena: held, with this worker's reference

# The counters that a rule, fetch or event sees: eval_t.trackers. Counter i is the stream's, else the session's.
cdef struct trackers_t:
    stkctr_t* strm               # borrowed (stream): [n], or NULL
    stkctr_t* sess               # borrowed (front connection): [n], or NULL
    uint32_t n                   # tune.stick-counters

# NULL where counter i is not tracked.
cdef inline stkctr_t* track_of(const trackers_t* all, uint32_t i) noexcept nogil:
    if all == NULL or i >= all.n:
        return NULL
    if all.strm != NULL and all.strm[i].table != NULL:
        return all.strm + i
    if all.sess != NULL and all.sess[i].table != NULL:
        return all.sess + i
    return NULL

# Begins to track the key in ctr, which must be unused (haproxy: the first track-sc of a counter wins), and counts conn_cnt,
# conn_rate and conn_cur; with is_request also http_req_cnt and http_req_rate: from http-request rules, where the request has
# been counted before. False: the table is full, nothing is tracked.
cdef bint track_begin(
    eval_t* ev, stkctr_t* ctr, const stick_table_t* table, const stick_key_t* key, bint is_request) noexcept nogil
# Ends all of an array: conn_cur, the reference; the entry's age begins anew. Twice is harmless.
cdef void track_end(stkctr_t* ctrs, uint32_t n, uint64_t now_ms) noexcept nogil
# The connection passed `tcp-request connection` and `session` rules: sess_cnt, sess_rate of the session's counters.
cdef void track_session(stkctr_t* ctrs, uint32_t n, uint64_t now_ms) noexcept nogil
# A request begins, before http-request rules. haproxy: bad ones and those that never came count too.
cdef void track_http_req(const trackers_t* all, uint64_t now_ms) noexcept nogil
# A bad, denied or tarpitted request, or a server's 4xx.
cdef void track_http_err(const trackers_t* all, uint64_t now_ms) noexcept nogil
# A bad or cut answer, or a server's 5xx but 501 and 505.
cdef void track_http_fail(const trackers_t* all, uint64_t now_ms) noexcept nogil
# Bytes from the client, and to it, since the last call.
cdef void track_bytes(const trackers_t* all, uint64_t n_in, uint64_t n_out, uint64_t now_ms) noexcept nogil
cdef void track_glitch(const trackers_t* all, uint64_t n, uint64_t now_ms) noexcept nogil

# For the actions sc-inc-gpc*, sc-add-gpc: adds to counter `type` (STICK_GPC0, STICK_GPC1, or STICK_GPC and its index) and one
# increment, or n, to its rate. False: not tracked.
cdef bint track_gpc_add(
    const trackers_t* all, uint32_t i, uint32_t type, uint32_t index, uint64_t n, uint64_t now_ms) noexcept nogil
# For sc-set-gpt, sc-set-gpt0: STICK_GPT0, or STICK_GPT and its index. False: not tracked.
cdef bint track_gpt_set(
    const trackers_t* all, uint32_t i, uint32_t type, uint32_t index, int64_t value, uint64_t now_ms) noexcept nogil
# Adds n to `type`, a general purpose counter, and to its rate; returns the counter, else the rate, else 0. The entry is locked.
cdef int64_t gpc_add(
    const stick_table_t* table, stick_entry_t* entry, uint32_t type, uint32_t index, uint64_t n, uint64_t now_ms) noexcept nogil
