# A sample: one typed value taken from the traffic or from the proxy's own state, and what an evaluation may look at.
#
# Knows HAProxy's sample types and its casts between them (manual, section 7.3). Must not know streams: `eval_t` carries
# what fetches need, and `strm` is opaque here (proxy/ casts it). Nothing here allocates: bytes that a fetch or converter
# makes stand in the worker's scratch area, which each rule starts afresh.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport http_msg_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.program cimport program_t, px_t

cdef enum smp_type_t:            # the numbers are also the indexes of config/samples/types.py
    SMP_T_ANY = 0                # a converter's input: whatever comes
    SMP_T_SAME = 1               # a converter's output: the type that came in
    SMP_T_BOOL = 2
    SMP_T_SINT = 3
    SMP_T_ADDR = 4               # declared only: IPv4 or IPv6
    SMP_T_IPV4 = 5
    SMP_T_IPV6 = 6
    SMP_T_STR = 7
    SMP_T_BIN = 8
    SMP_T_METH = 9
    SMP_T_COUNT = 10

cdef enum:                       # sample_t.flags
    SMP_F_MORE = 0x01            # with EVAL_O_ITERATE: the fetch has more values; called again it gives the next one
    SMP_F_MAY_CHANGE = 0x02      # no final answer yet: more bytes may come (tcp-request content waits)
    SMP_F_CONST = 0x04           # the bytes of `str` are borrowed from a message: never write into them

# BOOL and SINT: num. IPV4: the first four bytes of ip. IPV6: ip. STR, BIN: str. METH: num is a method_t; METHOD_OTHER has
# the name in str.
cdef struct sample_t:
    uint8_t type                 # smp_type_t; never ANY, SAME or ADDR
    uint8_t reserved
    uint16_t flags               # SMP_F_*
    uint32_t room                # bytes that may be written at str.ptr; 0 when they may not
    int64_t num
    uint8_t ip[16]               # network byte order
    slice_t str                  # borrowed: from a message, the program or the scratch area, valid until the rule ends
    uint64_t ctx[4]              # where a fetch with SMP_F_MORE goes on; its own business

# Bytes made during one rule: a bump area of the worker.
cdef struct scratch_t:
    char* area                   # owned by the worker
    uint32_t size
    uint32_t used
    char* page                   # owned by the worker: the answer that a rule is putting together
    uint32_t page_size

cdef enum eval_scope_t:          # variables: "proc.", "sess.", "txn.", "req.", "res.", "check."
    VARS_PROC = 0
    VARS_SESS = 1
    VARS_TXN = 2
    VARS_REQ = 3
    VARS_RES = 4
    VARS_CHECK = 5
    VARS_SCOPES = 6

cdef enum:                       # eval_t.options
    EVAL_O_RESPONSE = 0x01       # the answer is looked at: `hdr` means res.hdr
    EVAL_O_ITERATE = 0x02        # ACLs: fetches with several values give them one by one
    EVAL_O_FINAL = 0x04          # no more bytes will come: nothing MAY_CHANGE
    EVAL_O_NO_HTTP = 0x08        # there will be no request: req is NULL for good
    EVAL_O_PEEKED = 0x10         # req is seen in req_bytes, which go on as they are: they hold the head, and no body of it
    EVAL_O_LOG = 0x80            # a log line is written: req and res are NULL, what is known of them is in the stream

# What a rule may look at. Filled by the stream (proxy/rules) before its rules run; pointers are NULL where that thing is
# not there yet. All are borrowed and valid until the rules have run.
cdef struct eval_t:
    const program_t* program
    void* strm                   # stream_t, NULL for `tcp-request connection|session`
    conn_t* front                # client; never NULL in traffic
    conn_t* back                 # server, or NULL
    const px_t* fe
    const px_t* be               # NULL before one was chosen
    http_msg_t* req              # complete request head, or NULL
    http_msg_t* res              # complete answer head, or NULL
    slice_t req_bytes            # received and not yet forwarded bytes of the request: its body, or TCP's
    slice_t res_bytes
    uint32_t options             # EVAL_O_*
    uint32_t worker              # index
    int32_t pid
    uint64_t now_ms              # monotonic
    uint64_t real_us             # wall clock
    scratch_t* scratch
    void* vars[6]                # by eval_scope_t: vars_t of program/vars.pxd, or NULL
    const void* rule             # rule_t that runs, or NULL
    const void** last_rule       # where the stream keeps the last final rule, or NULL
    void* room_for_facts         # log_rec_t of proxy/log.pxd: what the aliases of a format show
    const void* facts            # the same once it was filled for the format at hand, else NULL
    # What the stream remembers of both messages once their bytes are gone; ptr NULL where there is nothing yet.
    slice_t* captures_req        # borrowed (stream): n_captures_req values of `capture request header`, by slot
    slice_t* captures_res        # the same of `capture response header`
    uint32_t n_captures_req
    uint32_t n_captures_res
    slice_t log_method           # the request line as it came
    slice_t log_uri
    slice_t log_ver              # "HTTP/1.1"
    slice_t log_res_ver          # of the answer
    slice_t unique_id            # ptr NULL before it was made (proxy/unique_id.pxd)
    uint16_t server_status       # the status as the server sent it, 0: none yet
    uint16_t txn_status          # the status that goes to the client, 0: none yet
    slice_t res_cache            # name of the cache that the answer came from
    slice_t res_comp             # name of the algorithm that the answer is compressed with
    void* logger                 # logger_t of proxy/log.pxd; NULL outside of a worker
    uint8_t log_step             # log_step_t of the line that is being written
    void* trackers               # trackers_t of proxy/track.pxd, or NULL

# `n` writable bytes that live until the rule ends; NULL when the area is full (the sample then fails).
cdef inline char* scratch_take(eval_t* ev, uint32_t n) noexcept nogil:
    cdef scratch_t* scratch = ev.scratch
    cdef char* piece = scratch.area + scratch.used
    if n > scratch.size - scratch.used:
        return NULL
    scratch.used += n
    return piece

# What is left of the area at its end, for a writer that does not know its length before; keep what was used with
# scratch_take. *room: bytes.
cdef inline char* scratch_rest(eval_t* ev, uint32_t* room) noexcept nogil:
    room[0] = ev.scratch.size - ev.scratch.used
    return ev.scratch.area + ev.scratch.used

cdef inline bint smp_set_bool(sample_t* smp, bint value) noexcept nogil:
    smp.type = SMP_T_BOOL
    smp.num = 1 if value else 0
    return True

cdef inline bint smp_set_int(sample_t* smp, int64_t value) noexcept nogil:
    smp.type = SMP_T_SINT
    smp.num = value
    return True

# Borrowed bytes of a message or of the program.
cdef inline bint smp_set_str(sample_t* smp, const char* ptr, uint32_t length) noexcept nogil:
    smp.type = SMP_T_STR
    smp.flags |= SMP_F_CONST
    smp.room = 0
    smp.str = slice_of(ptr, length)
    return True

# Bytes in the scratch area: `length` of `room` are used.
cdef inline bint smp_set_own(sample_t* smp, uint8_t type, char* ptr, uint32_t length, uint32_t room) noexcept nogil:
    smp.type = type
    smp.flags &= <uint16_t> ~SMP_F_CONST
    smp.room = room
    smp.str = slice_of(ptr, length)
    return True

# Of a STR or BIN sample the bytes from start to end (start <= end <= its length), where they stand.
cdef inline bint smp_keep(sample_t* smp, uint32_t start, uint32_t end) noexcept nogil:
    smp.room -= start if smp.room > start else smp.room
    smp.str = slice_of(smp.str.ptr + start, end - start)
    return True

# True: a value of type `have` may become one of type `want` (compile time and run time agree on this table).
cdef bint smp_can_cast(uint8_t have, uint8_t want) noexcept nogil
# Turns the sample into type `want` (ANY and SAME: leaves it). False when that value cannot be one: "abc" as an integer.
cdef bint smp_cast(eval_t* ev, sample_t* smp, uint8_t want) noexcept nogil
# A writable copy of a STR or BIN sample's bytes in the scratch area, unless they are writable already. False: no room.
cdef bint smp_make_writable(eval_t* ev, sample_t* smp) noexcept nogil
# The sample's bytes as text, cast where needed: for log formats and string converters. False as smp_cast.
cdef bint smp_to_text(eval_t* ev, const sample_t* smp, slice_t* text) noexcept nogil
