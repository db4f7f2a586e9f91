# Log aliases of connections, times and counters (manual, sections 8.2.6 and 8.4).
#
# Knows which fact each alias shows and what +X makes of it. Must not know quotes or missing values (program/logformat).

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.atomic cimport add_fetch_u64, load_u64
from fastlb_core.base.slice cimport slice_of
from fastlb_core.net.address cimport ADDR_TEXT_MAX, addr_port, addr_write_ip
from fastlb_core.net.conn cimport conn_local
from fastlb_core.program.logformat cimport (
    LF_F_HEX, LF_V_INT, LF_V_PLAIN, LF_V_TEXT, alias_fn, lf_item_t, lf_value_t,
)
from fastlb_core.program.program cimport PX_MODE_HTTP
from fastlb_core.program.sample cimport eval_t, scratch_take
from fastlb_core.proxy.log cimport LOG_R_BYTES_PLUS, LOG_R_REDISPATCHED, log_dates, log_rec_t, log_unix_id
from fastlb_core.proxy.log_date cimport LOG_DATE_LEN, LOG_FULL_LEN, log_date_full, log_dates_accept
from fastlb_core.proxy.log_facts cimport facts_of
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, AF_UNIX, sockaddr, sockaddr_in, sockaddr_in6

cdef alias_entry_t[64] entries
cdef uint32_t n_entries = 0


cdef const alias_entry_t* log_alias_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline stream_t* _stream(eval_t* ev) noexcept nogil:
    return <stream_t*> ev.strm


cdef inline void _int(lf_value_t* value, int64_t number) noexcept nogil:
    value.kind = LF_V_INT
    value.num = number


cdef inline void _hexable(lf_value_t* value, int64_t number, uint8_t width) noexcept nogil:
    value.kind = LF_V_INT
    value.num = number
    value.hex_width = width


# ---- addresses

cdef void _hex_bytes(eval_t* ev, lf_value_t* value, const uint8_t* bytes, uint32_t n) noexcept nogil:
    cdef char* into = scratch_take(ev, 2 * n)
    cdef uint32_t i
    if into == NULL:
        return
    for i in range(n):
        into[2 * i] = b"0123456789ABCDEF"[bytes[i] >> 4]
        into[2 * i + 1] = b"0123456789ABCDEF"[bytes[i] & 15]
    # haproxy: in hexadecimal an address is no string, +Q leaves it alone.
    value.kind = LF_V_PLAIN
    value.text = slice_of(into, 2 * n)


cdef void _ip(eval_t* ev, const lf_item_t* item, lf_value_t* value, const void* address) noexcept nogil:
    cdef int family = (<const sockaddr*> address).sa_family
    cdef char* into
    if family == AF_UNIX:
        value.kind = LF_V_TEXT
        value.text = slice_of(b"unix", 4)
        return
    if family != AF_INET and family != AF_INET6:
        return
    if item.flags & LF_F_HEX:
        if family == AF_INET:
            _hex_bytes(ev, value, <const uint8_t*> &(<const sockaddr_in*> address).sin_addr, 4)
        else:
            _hex_bytes(ev, value, <const uint8_t*> &(<const sockaddr_in6*> address).sin6_addr, 16)
        return
    into = scratch_take(ev, ADDR_TEXT_MAX)
    if into != NULL:
        value.kind = LF_V_TEXT
        value.text = slice_of(into, addr_write_ip(into, address))


cdef void _port(eval_t* ev, lf_value_t* value, const void* address) noexcept nogil:
    cdef int family = (<const sockaddr*> address).sa_family
    if family == AF_UNIX and ev.strm != NULL:
        _hexable(value, log_unix_id(_stream(ev).w.logger, ev.fe), 4)
    elif family == AF_INET or family == AF_INET6:
        _hexable(value, addr_port(address), 4)


cdef void client_ip(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _ip(ev, item, value, &ev.front.peer)


cdef void client_port(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _port(ev, value, &ev.front.peer)


cdef void frontend_ip(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _ip(ev, item, value, conn_local(ev.front))


cdef void frontend_port(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _port(ev, value, conn_local(ev.front))


cdef const void* _back_local(eval_t* ev) noexcept nogil:
    """Our end of the connection to the server, or NULL."""
    if ev.strm == NULL:
        return NULL
    if ev.back != NULL:
        return conn_local(ev.back)
    return &_stream(ev).back_local


cdef void backend_source_ip(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef const void* address = _back_local(ev)
    if address != NULL:
        _ip(ev, item, value, address)


cdef void backend_source_port(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef const void* address = _back_local(ev)
    if address != NULL:
        _port(ev, value, address)


cdef void server_ip(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef const log_rec_t* rec = facts_of(ev)
    if rec.srv != NULL:
        _ip(ev, item, value, rec.srv.sh.addr)


cdef void server_port(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef const log_rec_t* rec = facts_of(ev)
    if rec.srv != NULL:
        _port(ev, value, rec.srv.sh.addr)


# ---- dates

cdef void _date_ms(eval_t* ev, lf_value_t* value, uint64_t us) noexcept nogil:
    """`25/Nov/2026:21:22:04.912`."""
    cdef char* into = scratch_take(ev, LOG_DATE_LEN + 6)
    cdef uint32_t ms = <uint32_t> (us % 1000000) // 1000
    if into == NULL:
        return
    if ev.strm != NULL:
        memcpy(into, log_dates_accept(log_dates(_stream(ev).w.logger), <int64_t> (us // 1000000)), LOG_DATE_LEN)
    else:
        log_date_full(into, <int64_t> (us // 1000000), False)
    into[LOG_DATE_LEN] = b'.'
    into[LOG_DATE_LEN + 1] = <char> (48 + ms // 100)
    into[LOG_DATE_LEN + 2] = <char> (48 + ms // 10 % 10)
    into[LOG_DATE_LEN + 3] = <char> (48 + ms % 10)
    value.kind = LF_V_PLAIN
    value.text = slice_of(into, LOG_DATE_LEN + 4)


cdef void _date_full(eval_t* ev, lf_value_t* value, uint64_t us, bint is_gmt) noexcept nogil:
    cdef char* into = scratch_take(ev, LOG_FULL_LEN)
    if into == NULL:
        return
    log_date_full(into, <int64_t> (us // 1000000), is_gmt)
    value.kind = LF_V_PLAIN
    value.text = slice_of(into, LOG_FULL_LEN)


cdef void date_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _date_ms(ev, value, facts_of(ev).conn_real_us)


cdef void request_date(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _date_ms(ev, value, facts_of(ev).accept_real_us)


cdef void gmt_date(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _date_full(ev, value, facts_of(ev).conn_real_us, True)


cdef void local_date(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _date_full(ev, value, facts_of(ev).conn_real_us, False)


cdef void request_gmt_date(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _date_full(ev, value, facts_of(ev).accept_real_us, True)


cdef void request_local_date(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _date_full(ev, value, facts_of(ev).accept_real_us, False)


cdef void timestamp(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _hexable(value, <int64_t> (facts_of(ev).conn_real_us // 1000000), 4)


cdef void milliseconds(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    """Three digits, two at least with +X."""
    cdef uint32_t ms = <uint32_t> (facts_of(ev).conn_real_us % 1000000) // 1000
    cdef char* into
    if item.flags & LF_F_HEX:
        _hexable(value, ms, 2)
        return
    into = scratch_take(ev, 3)
    if into == NULL:
        return
    into[0] = <char> (48 + ms // 100)
    into[1] = <char> (48 + ms // 10 % 10)
    into[2] = <char> (48 + ms % 10)
    value.kind = LF_V_PLAIN
    value.text = slice_of(into, 3)


# ---- times

cdef void active_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_total)
    value.is_plus = bool(facts_of(ev).flags & LOG_R_BYTES_PLUS)


cdef void connect_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_connect)


cdef void data_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_data)


cdef void handshake_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_handshake)


cdef void idle_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_idle)


cdef void whole_request_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    """Tq = Th + Ti + TR, -1 where one of them is."""
    cdef const log_rec_t* rec = facts_of(ev)
    if rec.t_request < 0 or rec.t_idle < 0:
        _int(value, -1)
    else:
        _int(value, <int64_t> rec.t_handshake + rec.t_idle + rec.t_request)


cdef void request_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_request)


cdef void response_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_response)


cdef void total_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_session)
    value.is_plus = bool(facts_of(ev).flags & LOG_R_BYTES_PLUS)


cdef void user_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    """Tt without the idle time before the request."""
    cdef const log_rec_t* rec = facts_of(ev)
    _int(value, <int64_t> rec.t_session - (rec.t_idle if rec.t_idle > 0 else 0))
    value.is_plus = bool(rec.flags & LOG_R_BYTES_PLUS)


cdef void queue_time(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).t_queue)


# ---- counters

cdef void bytes_read(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, <int64_t> facts_of(ev).bytes_out)
    value.is_plus = bool(facts_of(ev).flags & LOG_R_BYTES_PLUS)


cdef void bytes_uploaded(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, <int64_t> facts_of(ev).bytes_in)


cdef void active_connections(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).actconn)


cdef void backend_connections(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).beconn)


cdef void frontend_connections(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).feconn)


cdef void server_connections(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).srvconn)


cdef void backend_queue(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).be_queue)


cdef void server_queue(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).srv_queue)


cdef void retries(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _int(value, facts_of(ev).retries)
    value.is_plus = bool(facts_of(ev).flags & LOG_R_REDISPATCHED)


cdef void log_counter(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _hexable(value, <int64_t> load_u64(&ev.fe.sh.n_log_lines), 4)


cdef void request_counter(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    """The stream's number among all of the process. haproxy: every stream has one; here those that show it, so that no
    request pays for a shared counter that nobody reads."""
    cdef stream_t* strm = _stream(ev)
    if strm == NULL:
        _hexable(value, 0, 4)
        return
    if strm.number == 0:
        strm.number = add_fetch_u64(&strm.w.arena.n_numbered, 1)
    _hexable(value, <int64_t> strm.number - 1, 4)


cdef void process_id(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _hexable(value, ev.program.log_pid, 4)


cdef void status_code(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef const log_rec_t* rec = facts_of(ev)
    if rec.status > 0:
        _int(value, rec.status)
    else:
        # haproxy: without HTTP, or a stream to speak it, there is no status to miss.
        _int(value, -1 if ev.fe.mode == PX_MODE_HTTP and not ev.front.err else 0)


cdef void add(const char* name, alias_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"ci", client_ip)
add(b"cp", client_port)
add(b"fi", frontend_ip)
add(b"fp", frontend_port)
add(b"bi", backend_source_ip)
add(b"bp", backend_source_port)
add(b"si", server_ip)
add(b"sp", server_port)
add(b"t", date_time)
add(b"tr", request_date)
add(b"T", gmt_date)
add(b"Tl", local_date)
add(b"trg", request_gmt_date)
add(b"trl", request_local_date)
add(b"Ts", timestamp)
add(b"ms", milliseconds)
add(b"Ta", active_time)
add(b"Tc", connect_time)
add(b"Td", data_time)
add(b"Th", handshake_time)
add(b"Ti", idle_time)
add(b"Tq", whole_request_time)
add(b"TR", request_time)
add(b"Tr", response_time)
add(b"Tt", total_time)
add(b"Tu", user_time)
add(b"Tw", queue_time)
add(b"B", bytes_read)
add(b"U", bytes_uploaded)
add(b"ac", active_connections)
add(b"bc", backend_connections)
add(b"fc", frontend_connections)
add(b"sc", server_connections)
add(b"bq", backend_queue)
add(b"sq", server_queue)
add(b"rc", retries)
add(b"lc", log_counter)
add(b"rt", request_counter)
add(b"pid", process_id)
add(b"ST", status_code)
