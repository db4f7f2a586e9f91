# Gathering the facts of log lines; contracts in log_facts.pxd.

from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.atomic cimport load_i32, load_i64
from fastlb_core.base.slice cimport slice_of
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.program cimport PX_MODE_HTTP
from fastlb_core.proxy.log cimport LOG_R_BAD_REQUEST, LOG_R_BYTES_PLUS, LOG_R_REDISPATCHED, LOG_R_SECURE
from fastlb_core.proxy.persist cimport persist_letters
from fastlb_core.proxy.stream cimport STRM_F_BAD_REQUEST, STRM_F_LOG_EARLY, STRM_F_REDISPATCHED
from fastlb_core.proxy.worker cimport worker_t

cdef enum:
    LOG_INFO = 6


cdef inline int32_t _span(uint64_t since, uint64_t until) noexcept nogil:
    return <int32_t> (until - since) if since and until >= since else -1


cdef void facts_times(const stream_t* strm, log_rec_t* rec) noexcept nogil:
    cdef uint64_t now = strm.w.loop.now_ms
    cdef uint64_t started = strm.t_request if strm.t_request else strm.t_start
    rec.t_request = _span(strm.t_start, strm.t_request) if strm.t_request else -1
    rec.t_queue = -1
    if strm.t_queue:
        rec.t_queue = _span(started, strm.t_queue)
    rec.t_connect = _span(strm.t_queue, strm.t_connect) if strm.t_connect else -1
    rec.t_response = _span(strm.t_connect, strm.t_response) if strm.t_response else -1
    rec.t_total = _span(strm.t_start, now)


cdef void _more_times(const stream_t* strm, log_rec_t* rec) noexcept nogil:
    """Those that only formats show."""
    cdef const conn_t* front = strm.front
    cdef uint64_t now = strm.w.loop.now_ms
    cdef uint64_t data = strm.t_response if strm.fe.mode == PX_MODE_HTTP else strm.t_connect
    rec.conn_real_us = front.since_real_us
    rec.t_handshake = <int32_t> front.handshake_ms
    rec.t_idle = _span(front.since_ms + front.handshake_ms, strm.t_start)
    rec.t_session = _span(front.since_ms, now)
    rec.t_data = _span(data, now) if data else -1


cdef void facts_of_stream(stream_t* strm, log_rec_t* rec) noexcept nogil:
    cdef worker_t* w = strm.w
    facts_times(strm, rec)
    _more_times(strm, rec)
    rec.accept_real_us = strm.t_real_us
    rec.status = strm.status if strm.status else -1
    rec.bytes_in = strm.bytes_in
    rec.bytes_out = strm.bytes_out
    rec.client = &strm.front.peer
    rec.local = &strm.front.local
    rec.fe = strm.fe
    rec.be = strm.be
    # haproxy: a request that was refused shows the server that its cookie names.
    rec.srv = strm.wanted_srv if strm.srv == NULL and strm.cookie_chose else strm.srv
    rec.term[0] = strm.term_err
    rec.term[1] = strm.term_state
    persist_letters(strm, &rec.term[2])
    rec.actconn = <int32_t> load_i64(&w.arena.n_conns)
    rec.feconn = load_i32(&strm.fe.sh.fe_conns)
    rec.beconn = load_i32(&strm.be.sh.be_conns) if strm.be != NULL else 0
    rec.srvconn = load_i32(&rec.srv.sh.served) if rec.srv != NULL else 0
    rec.retries = strm.n_retries
    rec.srv_queue = strm.srv_queue
    rec.be_queue = strm.be_queue
    rec.flags = (LOG_R_BYTES_PLUS if strm.flags & STRM_F_LOG_EARLY else 0) \
        | (LOG_R_REDISPATCHED if strm.flags & STRM_F_REDISPATCHED else 0) \
        | (LOG_R_SECURE if strm.front.transport != NULL else 0) \
        | (LOG_R_BAD_REQUEST if strm.flags & STRM_F_BAD_REQUEST or not strm.log_line_len else 0)
    rec.method = slice_of(strm.log_line, strm.log_method_len)
    rec.target = slice_of(strm.log_line + strm.log_method_len, strm.log_line_len - strm.log_method_len - strm.log_version_len)
    rec.version = slice_of(strm.log_line + strm.log_line_len - strm.log_version_len, strm.log_version_len)
    rec.level = LOG_INFO
    rec.captures_req = strm.captures_req
    rec.captures_res = strm.captures_res
    rec.n_captures_req = strm.fe.n_captures_req if strm.captures_req != NULL else 0
    rec.n_captures_res = strm.fe.n_captures_res if strm.captures_res != NULL else 0
    rec.cookie_req = strm.cookie_req
    rec.cookie_res = strm.cookie_res
    rec.unique_id = strm.unique_id


cdef void _of_connection(eval_t* ev, log_rec_t* rec) noexcept nogil:
    memset(rec, 0, sizeof(log_rec_t))
    rec.accept_real_us = ev.front.since_real_us
    rec.conn_real_us = ev.front.since_real_us
    rec.client = &ev.front.peer
    rec.local = &ev.front.local
    rec.fe = ev.fe
    rec.be = NULL
    rec.srv = NULL
    rec.t_request = rec.t_queue = rec.t_connect = rec.t_response = rec.t_data = -1
    rec.t_handshake = <int32_t> ev.front.handshake_ms
    rec.t_idle = -1
    rec.t_session = rec.t_total = _span(ev.front.since_ms, ev.now_ms)
    rec.term[0] = rec.term[1] = rec.term[2] = rec.term[3] = b'-'
    if ev.front.err:
        rec.term[0], rec.term[1] = b'P', b'R'
    rec.actconn = <int32_t> load_i64(&ev.program.arena.n_conns)
    rec.feconn = load_i32(&ev.fe.sh.fe_conns)
    rec.flags = LOG_R_BAD_REQUEST | (LOG_R_SECURE if ev.front.transport != NULL else 0)
    rec.level = LOG_INFO


cdef const log_rec_t* facts_of(eval_t* ev) noexcept nogil:
    cdef log_rec_t* rec = <log_rec_t*> ev.room_for_facts
    if ev.facts == NULL:
        if ev.strm != NULL:
            facts_of_stream(<stream_t*> ev.strm, rec)
        else:
            _of_connection(ev, rec)
        ev.facts = rec
    return rec


cdef bint facts_is_error(const stream_t* strm) noexcept nogil:
    if strm.term_err != b'-' and strm.term_err != b'L':
        return True
    return strm.n_retries > 0 or bool(strm.flags & STRM_F_REDISPATCHED) or strm.status >= 500
