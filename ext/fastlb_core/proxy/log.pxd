# Log lines: formatting in C from a finished stream's facts, and batches to the sinks (sendmmsg).
#
# Knows HAProxy's default, tcplog and httplog lines (manual, section 8.2) and the formats of section 4.2 "log".
# Must not know streams: the engine fills a log_rec_t. Nothing here allocates per line.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.program.fcgi_app cimport fcgi_app_t
from fastlb_core.program.program cimport log_profile_t, log_step_t, program_t, px_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.log_date cimport log_dates_t

cdef enum:                       # log_rec_t.flags
    LOG_R_BYTES_PLUS = 0x01      # logasap: "+" before time and bytes
    LOG_R_REDISPATCHED = 0x02    # "+" before the retries
    LOG_R_BAD_REQUEST = 0x04     # request shown as <BADREQ>
    LOG_R_SECURE = 0x08          # the client's connection has TLS

# Everything a line of today can show. Times in ms, -1 where the phase was not reached.
cdef struct log_rec_t:
    uint64_t accept_real_us      # wall clock of the connection (tcp) or of the request's first byte (http), microseconds
    int32_t t_request            # TR
    int32_t t_queue              # Tw
    int32_t t_connect            # Tc
    int32_t t_response           # Tr
    int32_t t_total              # Ta (http), Tt (tcp)
    int32_t status               # 0 or less: -1 shown
    uint64_t bytes_in
    uint64_t bytes_out
    const void* client           # sockaddr, borrowed (conn)
    const void* local            # sockaddr the client connected to, borrowed (conn)
    const px_t* fe
    const px_t* be               # NULL: none chosen, the frontend's name is shown
    const srv_t* srv             # NULL: <NOSRV>
    char term[4]                 # "----", "SH--", ...; tcplog shows the first two
    int32_t actconn
    int32_t feconn
    int32_t beconn
    int32_t srvconn
    int32_t retries
    int32_t srv_queue
    int32_t be_queue
    uint32_t flags               # LOG_R_*
    slice_t method               # http: the request line as received, borrowed (valid during the call)
    slice_t target
    slice_t version              # "HTTP/1.1"
    uint8_t level                # syslog severity, normally 6 (info)
    # for formats only
    uint64_t conn_real_us        # wall clock of the accept, or of the end of the connection's last answer
    int32_t t_handshake          # Th
    int32_t t_idle               # Ti
    int32_t t_data               # Td
    int32_t t_session            # Tt
    # for `option httplog json`: borrowed (stream)
    const slice_t* captures_req
    const slice_t* captures_res
    uint32_t n_captures_req
    uint32_t n_captures_res
    slice_t cookie_req
    slice_t cookie_res
    slice_t unique_id

# What a profile needs to give a line its own text.
cdef struct log_event_t:
    eval_t* ev                   # borrowed: what its formats look at
    log_step_t step
    const log_profile_t* profile  # borrowed (program): instead of the targets' own, or NULL

cdef struct logger_t             # one per worker; opaque

# The most that a line's text may have where it must not be cut: what the shortest target of `px` leaves behind a header.
cdef uint32_t log_text_room(const logger_t* logger, const px_t* px) noexcept nogil
# Room for the text of a line of free length and its structured data: as long as the longest line of any target.
cdef char* log_room(logger_t* logger, uint32_t* bytes) noexcept nogil
cdef char* log_room_sd(logger_t* logger, uint32_t* bytes) noexcept nogil
# The dates of its lines.
cdef log_dates_t* log_dates(logger_t* logger) noexcept nogil
# The id of the frontend's unix listener, which stands for the port of a client on a unix socket.
cdef uint32_t log_unix_id(const logger_t* logger, const px_t* fe) noexcept nogil

# Opens the sinks of the program for this worker (after privileges are dropped, as haproxy does). NULL on lack of memory.
# `dropped` (atomic counter in the arena, borrowed) counts lines that no sink took.
cdef logger_t* logger_new(const program_t* program, uint64_t* dropped) noexcept nogil
cdef void logger_free(logger_t* logger) noexcept nogil
# Queues one line for each target of rec.fe that wants it, in rec.fe's log_kind. Flushes a full batch by itself.
# sd: structured data, empty for none. event: for the targets' profiles, NULL where none has one; the same below.
cdef void log_stream(
    logger_t* logger, const log_rec_t* rec, slice_t sd, const log_event_t* event, uint64_t now_ms, uint64_t now_real_us
) noexcept nogil
# Queues a line that was built from a format, with its structured data (empty: none), to the targets of `px`.
cdef void log_formatted(
    logger_t* logger, const px_t* px, uint8_t level, slice_t text, slice_t sd, const log_event_t* event, uint64_t now_ms,
    uint64_t now_real_us
) noexcept nogil
# Queues a free-text line (already without line end) to the targets of `px`, or of the program where NULL.
cdef void log_text(
    logger_t* logger, const px_t* px, uint8_t level, slice_t text, const log_event_t* event, uint64_t now_ms,
    uint64_t now_real_us
) noexcept nogil
# The same to an application's `log-stderr` targets, with its name for a tag.
cdef void log_app(logger_t* logger, const fcgi_app_t* app, slice_t text, uint64_t now_ms, uint64_t now_real_us) noexcept nogil
# Sends what waits. Never blocks: what the kernel does not take is dropped and counted.
cdef void log_flush(logger_t* logger) noexcept nogil
# ms until the oldest waiting line must leave (10 ms after it was queued), or -1 when nothing waits.
cdef int log_due(const logger_t* logger, uint64_t now_ms) noexcept nogil
