# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# The logger: which targets want a line, the syslog header of each, and when batches leave; contracts in log.pxd.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from fastlb_core.base.atomic cimport add_fetch_u64
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.program.fcgi_app cimport fcgi_app_t
from fastlb_core.program.program cimport (
    LI_F_UNIX, LOG_F_ISO, LOG_F_LOCAL, LOG_F_RAW, LOG_F_RFC3164, LOG_F_RFC5424, LOG_F_SHORT, LOG_F_TIMED,
    LOG_K_JSON, LOG_K_NONE, LOG_S_ANY, listener_t, log_profile_step_t, log_profile_t, log_target_t, program_t, px_t,
)
from fastlb_core.program.logformat cimport lf_build, logformat_t
from fastlb_core.proxy.log_date cimport (
    LOG_ISO_LEN, LOG_SYSLOG_LEN, LOG_ZONE_LEN, log_dates_init, log_dates_now, log_dates_t,
)
from fastlb_core.proxy.log_json cimport JSON_ROOM_MIN, log_json
from fastlb_core.proxy.log_line cimport log_line
from fastlb_core.proxy.log_out cimport LOG_BODY_MAX, LOG_NAME_MAX, out_byte, out_bytes, out_name, out_t, out_u64
from fastlb_core.proxy.log_sink cimport SINK_LINE_MAX, sink_add, sink_destroy, sink_flush, sink_init, sink_room, sink_t

cdef enum:
    FLUSH_MS = 10                # a line waits so long at most
    LOG_ERR = 3
    HEADER_MAX = 1280            # bytes of the longest header: host name and tag of LOG_NAME_MAX, and 256 for the rest

cdef struct logger_t:
    const program_t* program     # borrowed
    uint64_t* dropped            # borrowed (arena), atomic
    sink_t* sinks                # owned: [n_sinks]
    uint32_t n_sinks
    # owned: [n_proxies + 1 + n_fcgi_apps], where sampling positions begin: of proxies, of the program, of applications
    uint32_t* first_position
    uint32_t* positions          # owned: lines seen by each target, within its sample
    uint32_t* unix_ids           # owned: [n_proxies], id of the proxy's unix listener, 0 where it has none
    uint32_t n_waiting           # lines in all sinks
    uint64_t oldest_ms           # monotonic, when the first of them was queued
    log_dates_t dates            # inline
    char pid[16]                 # inline: digits of program.log_pid
    uint32_t pid_len
    char body[8192]              # inline: LOG_BODY_MAX, the text of the line at hand
    uint32_t longest_text        # bytes
    uint32_t longest_header      # bytes of any target's header at most
    char* rooms                  # owned: four of room_size bytes, for a format's text and structured data, and a profile's
    uint32_t room_size


cdef logger_t* logger_new(const program_t* program, uint64_t* dropped) noexcept nogil:
    cdef logger_t* logger = <logger_t*> calloc(1, sizeof(logger_t))
    if logger == NULL:
        return NULL
    logger.program = program
    logger.dropped = dropped
    log_dates_init(&logger.dates)
    # haproxy: a text has one byte less than the longest line of any target, before a target cuts its line.
    logger.longest_text = longest_line(program) - 1 if longest_line(program) else 0
    logger.room_size = logger.longest_text + 1 if logger.longest_text >= 1024 else 1024
    logger.longest_header = longest_header(program)
    logger.rooms = <char*> malloc(4 * <size_t> logger.room_size)
    if logger.rooms == NULL or not init_tables(logger) or not init_sinks(logger):
        logger_free(logger)
        return NULL
    return logger


cdef uint32_t longest_line(const program_t* program) noexcept nogil:
    """`len` of all targets, the largest."""
    cdef uint32_t i, at, longest = 0
    cdef const px_t* px
    for i in range(program.n_log_targets):
        if program.log_targets[i].max_length > longest:
            longest = program.log_targets[i].max_length
    for i in range(program.n_proxies):
        px = program.proxies[i]
        for at in range(px.n_log_targets):
            if px.log_targets[at].max_length > longest:
                longest = px.log_targets[at].max_length
    return longest


cdef inline uint32_t shown_length(slice_t name) noexcept nogil:
    return name.len if name.len < LOG_NAME_MAX else LOG_NAME_MAX


cdef uint32_t longest_header(const program_t* program) noexcept nogil:
    cdef uint32_t i, tag = shown_length(program.log_tag)
    for i in range(program.n_proxies):
        tag = max(tag, shown_length(program.proxies[i].log_tag))
    for i in range(program.n_log_profiles):
        tag = max(tag, shown_length(program.log_profiles[i].tag))
    return HEADER_MAX - 2 * LOG_NAME_MAX + tag + shown_length(program.log_hostname)


cdef char* log_room(logger_t* logger, uint32_t* bytes) noexcept nogil:
    bytes[0] = logger.room_size
    return logger.rooms


cdef char* log_room_sd(logger_t* logger, uint32_t* bytes) noexcept nogil:
    bytes[0] = logger.room_size
    return logger.rooms + logger.room_size


cdef log_dates_t* log_dates(logger_t* logger) noexcept nogil:
    return &logger.dates


cdef uint32_t log_text_room(const logger_t* logger, const px_t* px) noexcept nogil:
    cdef uint32_t i, room, least = LOG_BODY_MAX
    cdef const log_target_t* target
    for i in range(px.n_log_targets):
        target = &px.log_targets[i]
        room = target.max_length
        if not target.is_ring:
            room = room - logger.longest_header if room > logger.longest_header else 0
        if room < least:
            least = room
    # The configuration is refused where this is not what the targets say.
    return least if least > JSON_ROOM_MIN else JSON_ROOM_MIN


cdef uint32_t log_unix_id(const logger_t* logger, const px_t* fe) noexcept nogil:
    return logger.unix_ids[fe.index]


cdef bint init_tables(logger_t* logger) noexcept nogil:
    cdef const program_t* program = logger.program
    cdef const listener_t* li
    cdef uint32_t i, n_targets = 0
    cdef out_t pid
    pid.at = logger.pid
    pid.end = logger.pid + 16
    out_u64(&pid, <uint64_t> program.log_pid)
    logger.pid_len = <uint32_t> (pid.at - logger.pid)
    logger.first_position = <uint32_t*> calloc(program.n_proxies + 1 + program.n_fcgi_apps, sizeof(uint32_t))
    logger.unix_ids = <uint32_t*> calloc(program.n_proxies + 1, sizeof(uint32_t))
    if logger.first_position == NULL or logger.unix_ids == NULL:
        return False
    for i in range(program.n_proxies):
        logger.first_position[i] = n_targets
        n_targets += program.proxies[i].n_log_targets
    logger.first_position[program.n_proxies] = n_targets
    n_targets += program.n_log_targets
    for i in range(program.n_fcgi_apps):
        logger.first_position[program.n_proxies + 1 + i] = n_targets
        n_targets += (<const fcgi_app_t*> program.fcgi_apps[i]).n_log_targets
    logger.positions = <uint32_t*> calloc(n_targets + 1, sizeof(uint32_t))
    for i in range(program.n_listeners):
        li = &program.listeners[program.n_listeners - 1 - i]
        if li.flags & LI_F_UNIX:
            logger.unix_ids[li.px.index] = li.id
    return logger.positions != NULL


cdef bint init_sinks(logger_t* logger) noexcept nogil:
    cdef const program_t* program = logger.program
    logger.sinks = <sink_t*> calloc(program.n_log_sinks + 1, sizeof(sink_t))
    if logger.sinks == NULL:
        return False
    while logger.n_sinks < program.n_log_sinks:
        if not sink_init(&logger.sinks[logger.n_sinks], &program.log_sinks[logger.n_sinks]):
            return False
        logger.n_sinks += 1
    return True


cdef void logger_free(logger_t* logger) noexcept nogil:
    cdef uint32_t i
    if logger == NULL:
        return
    for i in range(logger.n_sinks):
        sink_destroy(&logger.sinks[i])
    free(logger.rooms)
    free(logger.sinks)
    free(logger.first_position)
    free(logger.positions)
    free(logger.unix_ids)
    free(logger)


cdef void log_stream(
    logger_t* logger, const log_rec_t* rec, slice_t sd, const log_event_t* event, uint64_t now_ms, uint64_t now_real_us
) noexcept nogil:
    cdef const px_t* fe = rec.fe
    cdef uint32_t length
    if fe.n_log_targets == 0 or fe.log_kind == LOG_K_NONE:
        return
    if fe.log_kind == LOG_K_JSON:
        length = log_json(logger.body, log_text_room(logger, fe), &logger.dates, rec, logger.unix_ids[fe.index])
    else:
        length = log_line(logger.body, &logger.dates, rec, logger.unix_ids[fe.index])
    queue_line(logger, fe, rec.level, slice_of(logger.body, length), sd, event, now_ms, now_real_us)


cdef void log_formatted(
    logger_t* logger, const px_t* px, uint8_t level, slice_t text, slice_t sd, const log_event_t* event, uint64_t now_ms,
    uint64_t now_real_us
) noexcept nogil:
    queue_line(logger, px, level, text, sd, event, now_ms, now_real_us)


cdef void log_text(
    logger_t* logger, const px_t* px, uint8_t level, slice_t text, const log_event_t* event, uint64_t now_ms,
    uint64_t now_real_us
) noexcept nogil:
    queue_line(logger, px, level, text, slice_of(NULL, 0), event, now_ms, now_real_us)


cdef struct line_t:              # the parts of one target's line
    slice_t tag
    slice_t text
    slice_t sd
    bint is_whole                # it must not be cut: structured data that has no room is left out


cdef slice_t profile_text(logger_t* logger, eval_t* ev, const void* format, uint32_t room) noexcept nogil:
    cdef char* into = logger.rooms + <size_t> room * logger.room_size
    return slice_of(into, lf_build(ev, <const logformat_t*> format, into, logger.room_size))


cdef bint apply_profile(logger_t* logger, const log_target_t* target, const log_event_t* event, line_t* line) noexcept nogil:
    """What the profile says of this step instead of the proxy. False: there shall be no line."""
    cdef const log_profile_t* profile = event.profile if event.profile != NULL else target.profile
    cdef const log_profile_step_t* step
    if profile == NULL:
        return True
    if profile.tag.len:
        line.tag = profile.tag
    step = &profile.steps[<int> event.step]
    if not step.is_set:
        step = &profile.steps[<int> LOG_S_ANY]
    if step.is_dropped:
        return False
    if step.format != NULL:
        line.text = profile_text(logger, event.ev, step.format, 2)
        if line.text.len > logger.longest_text:
            line.text.len = logger.longest_text
        line.is_whole = False
    if step.sd != NULL:
        line.sd = profile_text(logger, event.ev, step.sd, 3)
    return True


cdef void queue_line(
    logger_t* logger, const px_t* px, uint8_t level, slice_t text, slice_t sd, const log_event_t* event, uint64_t now_ms,
    uint64_t now_real_us
) noexcept nogil:
    cdef const program_t* program = logger.program
    cdef line_t line
    line.tag = px.log_tag if px != NULL and px.log_tag.len else program.log_tag
    line.text = text
    if text.len > logger.longest_text:
        line.text.len = logger.longest_text
    line.sd = sd
    line.is_whole = px != NULL and text.ptr == logger.body and px.log_kind == LOG_K_JSON
    if px != NULL:
        queue_copies(logger, px.log_targets, px.n_log_targets, px.index, level, &line, event, now_ms, now_real_us)
    else:
        queue_copies(logger, program.log_targets, program.n_log_targets, program.n_proxies, level, &line, event, now_ms,
                     now_real_us)


cdef void log_app(logger_t* logger, const fcgi_app_t* app, slice_t text, uint64_t now_ms, uint64_t now_real_us) noexcept nogil:
    cdef line_t line
    line.tag = app.name
    line.text = text
    line.sd = slice_of(NULL, 0)
    line.is_whole = False
    queue_copies(logger, app.log_targets, app.n_log_targets, logger.program.n_proxies + 1 + app.index, LOG_ERR, &line, NULL,
                 now_ms, now_real_us)


cdef void queue_copies(
    logger_t* logger, const log_target_t* targets, uint32_t n_targets, uint32_t owner, uint8_t level, const line_t* usual,
    const log_event_t* event, uint64_t now_ms, uint64_t now_real_us
) noexcept nogil:
    """One copy of the line with its header for each target that wants it. owner: whose sampling positions they are."""
    cdef uint32_t* positions = &logger.positions[logger.first_position[owner]]
    cdef const log_target_t* target
    cdef line_t line
    cdef sink_t* sink
    cdef uint32_t i, length
    log_dates_now(&logger.dates, <int64_t> (now_real_us // 1000000))
    for i in range(n_targets):
        target = &targets[i]
        if level > target.level:
            continue
        line = usual[0]
        if event != NULL and not apply_profile(logger, target, event, &line) or not is_sampled(target, &positions[i]):
            continue
        sink = &logger.sinks[target.sink]
        length = write_line(logger, target, level, &line, <uint32_t> (now_real_us % 1000000), sink_room(sink))
        if logger.n_waiting == 0:
            logger.oldest_ms = now_ms
        logger.n_waiting += 1
        if sink_add(sink, length):
            flush_sink(logger, sink, now_ms)


cdef bint is_sampled(const log_target_t* target, uint32_t* position) noexcept nogil:
    """`sample`: lines are counted from 1 to the sample's size over and over; only those within a range pass."""
    cdef uint32_t i
    if target.sample_size == 0:
        return True
    position[0] = position[0] % target.sample_size + 1
    for i in range(target.n_ranges):
        if target.ranges[2 * i] <= position[0] <= target.ranges[2 * i + 1]:
            return True
    return False


cdef uint32_t write_line(
    logger_t* logger, const log_target_t* target, uint8_t level, const line_t* line, uint32_t us, char* into
) noexcept nogil:
    """Header, text and line end; returns the bytes. The line is cut at max_length, its end not counted."""
    cdef char header[1280]
    cdef uint32_t length, most = target.max_length
    cdef slice_t text = line.text
    cdef slice_t sd = line.sd
    cdef out_t out
    out.at = header
    out.end = header + HEADER_MAX
    write_header(logger, target, level if level > target.min_level else target.min_level, line.tag, us, &out)
    length = <uint32_t> (out.at - header)
    if target.is_ring:
        # haproxy: `len` is that of the text, the ring's `maxlen` that of all.
        text.len = text.len if text.len < most else most
        most = SINK_LINE_MAX
    if length > most:
        length = most
    memcpy(into, header, length)
    if target.format == LOG_F_RFC5424:
        # RFC 5424, 6.3: without structured data a dash stands for it
        if line.is_whole and length + line.sd.len + 1 + text.len > most:
            sd = slice_of(NULL, 0)
        length = append(into, length, sd if sd.len else slice_of(b"-", 1), most)
        length = append(into, length, slice_of(b" ", 1), most)
    length = append(into, length, text, most)
    into[length] = b'\n'
    return length + 1


cdef inline uint32_t append(char* into, uint32_t length, slice_t text, uint32_t most) noexcept nogil:
    cdef uint32_t room = most - length
    if text.len < room:
        room = text.len
    memcpy(into + length, text.ptr, room)
    return length + room


cdef void write_header(
    logger_t* logger, const log_target_t* target, uint8_t level, slice_t tag, uint32_t us, out_t* out
) noexcept nogil:
    cdef uint8_t form = target.format
    if form == LOG_F_RAW:
        return
    if form != LOG_F_ISO:
        # RFC 5424, 6.2.1: facility and severity in one number
        out_byte(out, b'<')
        out_u64(out, level if form == LOG_F_SHORT or form == LOG_F_TIMED else target.facility * 8 + level)
        out_byte(out, b'>')
    if form == LOG_F_LOCAL or form == LOG_F_RFC3164:
        rfc3164_header(logger, form == LOG_F_RFC3164, tag, out)
    elif form == LOG_F_RFC5424:
        rfc5424_header(logger, tag, us, out)
    elif form == LOG_F_TIMED or form == LOG_F_ISO:
        iso_date(logger, us, out)
        out_byte(out, b' ')


cdef void rfc3164_header(logger_t* logger, bint with_host, slice_t tag, out_t* out) noexcept nogil:
    """`Nov 23 09:01:35 [host ]tag[pid]: `."""
    out_bytes(out, logger.dates.syslog, LOG_SYSLOG_LEN)
    out_byte(out, b' ')
    if with_host:
        if logger.program.log_hostname.len:
            out_name(out, logger.program.log_hostname)
        else:
            # haproxy: without log-send-hostname
            out_bytes(out, b"localhost", 9)
        out_byte(out, b' ')
    out_name(out, tag)
    out_byte(out, b'[')
    out_bytes(out, logger.pid, logger.pid_len)
    out_bytes(out, b"]: ", 3)


cdef void rfc5424_header(logger_t* logger, slice_t tag, uint32_t us, out_t* out) noexcept nogil:
    """`1 2026-11-23T09:01:35.123456+01:00 host tag pid - `; what is not known is `-`. Structured data follows."""
    out_bytes(out, b"1 ", 2)
    iso_date(logger, us, out)
    out_byte(out, b' ')
    if logger.program.log_hostname.len:
        out_name(out, logger.program.log_hostname)
    else:
        out_byte(out, b'-')
    out_byte(out, b' ')
    out_name(out, tag)
    out_byte(out, b' ')
    out_bytes(out, logger.pid, logger.pid_len)
    out_bytes(out, b" - ", 3)


cdef void iso_date(logger_t* logger, uint32_t us, out_t* out) noexcept nogil:
    """RFC 3339 with microseconds."""
    cdef int i
    out_bytes(out, logger.dates.iso, LOG_ISO_LEN)
    out.at[0] = b'.'
    for i in range(6):
        out.at[6 - i] = <char> (48 + us % 10)
        us //= 10
    out.at += 7
    out_bytes(out, logger.dates.zone, LOG_ZONE_LEN)


cdef void flush_sink(logger_t* logger, sink_t* sink, uint64_t now_ms) noexcept nogil:
    cdef uint32_t n_lines = sink.n_lines
    cdef uint32_t n_dropped = sink_flush(sink, now_ms)
    logger.n_waiting -= n_lines
    if n_dropped and logger.dropped != NULL:
        add_fetch_u64(logger.dropped, n_dropped)


cdef void log_flush(logger_t* logger) noexcept nogil:
    cdef uint32_t i
    if logger.n_waiting == 0:
        return
    for i in range(logger.n_sinks):
        if logger.sinks[i].n_lines:
            # the lines are about 10 ms old at most: near enough for the pause between attempts to open a sink
            flush_sink(logger, &logger.sinks[i], logger.oldest_ms + FLUSH_MS)


cdef int log_due(const logger_t* logger, uint64_t now_ms) noexcept nogil:
    cdef uint64_t due_ms
    if logger.n_waiting == 0:
        return -1
    due_ms = logger.oldest_ms + FLUSH_MS
    return <int> (due_ms - now_ms) if due_ms > now_ms else 0
