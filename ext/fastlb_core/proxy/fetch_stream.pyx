# Sample fetches of what a stream is and what it goes through (manual, section 7.3.3): names, identifiers, timeouts, bytes.
#
# Knows stream_t and the proxies it passes. Must not know connections (fetch_conn), nor what is in messages.
# haproxy: until a backend was chosen, a stream's backend is its frontend; so is it here for those who ask.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

from fastlb_core.http.message cimport BODY_CHUNKED, http_msg_t
from fastlb_core.lb.server cimport SRV_F_INTERNAL, srv_t
from fastlb_core.net.conn cimport CONN_F_EOF, CONN_F_ERROR
from fastlb_core.program.expr cimport arg_t, fetch_fn
from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport rule_t
from fastlb_core.program.sample cimport (
    SMP_T_STR, eval_t, sample_t, scratch_take, smp_set_bool, smp_set_int, smp_set_own, smp_set_str,
)
from fastlb_core.proxy.reply cimport reply_counted_request
from fastlb_core.proxy.stream cimport (
    STRM_F_REDISPATCHED, TIMEOUT_CLIENT, TIMEOUT_CONNECT, TIMEOUT_QUEUE, TIMEOUT_SERVER, TIMEOUT_TARPIT, TIMEOUT_TUNNEL, flow_t,
    stream_t, stream_timeout, timeout_t,
)

cdef enum:
    LINE_MAX = 16                # characters of a colon and a line's number

cdef fetch_entry_t[64] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_stream_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline const stream_t* _strm(const eval_t* ev) noexcept nogil:
    return <const stream_t*> ev.strm


cdef inline const px_t* _be(const eval_t* ev) noexcept nogil:
    """NULL only where there is no stream."""
    if ev.strm == NULL:
        return NULL
    return ev.be if ev.be != NULL else ev.fe


cdef inline const srv_t* _srv(const eval_t* ev) noexcept nogil:
    """NULL before one was chosen, and for what is no server of the configuration."""
    cdef const srv_t* srv
    if ev.strm == NULL:
        return NULL
    srv = _strm(ev).srv
    return NULL if srv == NULL or srv.flags & SRV_F_INTERNAL else srv


# ---- names and identifiers

cdef bint fe_name(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_str(smp, ev.fe.name.ptr, ev.fe.name.len)


cdef bint fe_id(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, ev.fe.id)


cdef bint fe_defbe(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """A listen section is its own default here, for haproxy it has none."""
    cdef const px_t* px = ev.fe.default_backend
    return px != NULL and px != ev.fe and smp_set_str(smp, px.name.ptr, px.name.len)


cdef bint be_name(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const px_t* px = _be(ev)
    return px != NULL and smp_set_str(smp, px.name.ptr, px.name.len)


cdef bint be_id(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const px_t* px = _be(ev)
    return px != NULL and smp_set_int(smp, px.id)


cdef bint srv_name(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(ev)
    return srv != NULL and smp_set_str(smp, srv.name.ptr, srv.name.len)


cdef bint srv_id(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(ev)
    return srv != NULL and smp_set_int(smp, srv.id)


cdef bint txn_id32(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """The same during the stream's life, and most likely no other's: made of when and where it began."""
    cdef uint64_t mix
    if ev.strm == NULL:
        return False
    mix = (_strm(ev).t_real_us << 6 ^ <uint64_t> ev.worker ^ <uint64_t> <size_t> ev.strm) * <uint64_t> 0x9E3779B97F4A7C15
    return smp_set_int(smp, <int64_t> (mix >> 32))


# ---- timeouts and retries

cdef bint fe_client_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, ev.fe.t_client)


cdef bint fe_tarpit_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, ev.fe.t_tarpit)


cdef bint be_server_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and smp_set_int(smp, _be(ev).t_server)


cdef bint be_tunnel_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and smp_set_int(smp, _be(ev).t_tunnel)


cdef bint _current(eval_t* ev, sample_t* smp, timeout_t which, uint32_t usual) noexcept nogil:
    """What a rule has set for the stream, else the proxy's."""
    return smp_set_int(smp, stream_timeout(_strm(ev), which, usual) if ev.strm != NULL else usual)


cdef bint cur_server_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: 0 until there is a connection to a server."""
    if ev.back == NULL:
        return _be(ev) != NULL and smp_set_int(smp, 0)
    return _be(ev) != NULL and _current(ev, smp, TIMEOUT_SERVER, _be(ev).t_server)


cdef bint cur_tunnel_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: 0 until there is a connection to a server."""
    if ev.back == NULL:
        return _be(ev) != NULL and smp_set_int(smp, 0)
    return _be(ev) != NULL and _current(ev, smp, TIMEOUT_TUNNEL, _be(ev).t_tunnel)


cdef bint cur_client_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _current(ev, smp, TIMEOUT_CLIENT, ev.fe.t_client)


cdef bint cur_connect_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and _current(ev, smp, TIMEOUT_CONNECT, _be(ev).t_connect)


cdef bint cur_queue_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and _current(ev, smp, TIMEOUT_QUEUE, _be(ev).t_queue)


cdef bint cur_tarpit_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and _current(ev, smp, TIMEOUT_TARPIT, _be(ev).t_tarpit)


cdef bint cur_max_retries(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const px_t* be = _be(ev)
    cdef uint32_t own = _strm(ev).own_retries if ev.strm != NULL else 0
    return be != NULL and smp_set_int(smp, own - 1 if own else be.retries)


cdef bint be_connect_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and smp_set_int(smp, _be(ev).t_connect)


cdef bint be_queue_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and smp_set_int(smp, _be(ev).t_queue)


cdef bint be_tarpit_timeout(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and smp_set_int(smp, _be(ev).t_tarpit)


cdef bint be_max_retries(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return _be(ev) != NULL and smp_set_int(smp, _be(ev).retries)


cdef bint txn_conn_retries(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.strm != NULL and smp_set_int(smp, _strm(ev).n_retries)


cdef bint txn_redispatched(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.strm != NULL and smp_set_bool(smp, _strm(ev).flags & STRM_F_REDISPATCHED != 0)


# ---- queues and bytes

cdef bint bc_be_queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """The place that it had in the backend's queue; 0 when it never waited there."""
    return ev.strm != NULL and smp_set_int(smp, _strm(ev).be_queue)


cdef bint bc_srv_queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.strm != NULL and smp_set_int(smp, _strm(ev).srv_queue)


cdef bint req_bytes_in(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """From the client."""
    return ev.strm != NULL and smp_set_int(smp, <int64_t> _strm(ev).bytes_in)


cdef bint res_bytes_out(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """To the client."""
    return ev.strm != NULL and smp_set_int(smp, <int64_t> _strm(ev).bytes_out)


cdef uint64_t _body(const flow_t* flow, const http_msg_t* msg) noexcept nogil:
    """haproxy: of a chunked body its data is counted, not its framing."""
    return flow.body.n_counted if flow.is_open and msg.body == BODY_CHUNKED else flow.total


cdef bint req_bytes_out(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """To the server, or to several where it was sent again. A body that is compressed counts as it came."""
    cdef const stream_t* strm = _strm(ev)
    if strm == NULL:
        return False
    if not strm.req_msg.head_len:
        return smp_set_int(smp, <int64_t> strm.req.total)
    if not strm.has_asked:
        return smp_set_int(smp, 0)
    return smp_set_int(smp, <int64_t> (reply_counted_request(&strm.req_msg) + _body(&strm.req, &strm.req_msg)))


cdef bint res_bytes_in(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """From the server."""
    cdef const stream_t* strm = _strm(ev)
    cdef uint64_t body
    if strm == NULL:
        return False
    body = _body(&strm.res, &strm.res_msg) + strm.more_in
    return smp_set_int(smp, <int64_t> (strm.counted_head + body if strm.server_status else body))


# ---- how it ends

cdef bint txn_sess_term_state(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """The two letters of the log line; `--` while all is well."""
    cdef char* letters
    if ev.strm == NULL:
        return False
    letters = scratch_take(ev, 2)
    if letters == NULL:
        return False
    letters[0], letters[1] = _strm(ev).term_err, _strm(ev).term_state
    return smp_set_own(smp, SMP_T_STR, letters, 2, 2)


cdef bint fs_aborted(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, ev.front.flags & (CONN_F_EOF | CONN_F_ERROR) != 0)


cdef bint last_rule_file(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const rule_t* rule
    if ev.strm == NULL or _strm(ev).last_rule == NULL:
        return False
    rule = <const rule_t*> _strm(ev).last_rule
    return smp_set_str(smp, rule.file.ptr, rule.file.len)


cdef bint last_rule_line(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    if ev.strm == NULL or _strm(ev).last_rule == NULL:
        return False
    return smp_set_int(smp, (<const rule_t*> _strm(ev).last_rule).line)


cdef bint _put_place(eval_t* ev, const rule_t* rule, sample_t* smp) noexcept nogil:
    """`file:line`, where the rule stands."""
    cdef uint32_t room = rule.file.len + LINE_MAX
    cdef char* text = scratch_take(ev, room)
    cdef int n
    if text == NULL:
        return False
    if rule.file.len:
        memcpy(text, rule.file.ptr, rule.file.len)
    n = snprintf(text + rule.file.len, LINE_MAX, ":%u", rule.line)
    return smp_set_own(smp, SMP_T_STR, text, rule.file.len + <uint32_t> n, room)


cdef bint last_entity(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: a rule or a filter; no filter of fastlb ends or refuses a stream."""
    cdef const void* rule
    if ev.strm == NULL:
        return False
    rule = _strm(ev).failed_rule if _strm(ev).failed_rule != NULL else _strm(ev).last_rule
    return rule != NULL and _put_place(ev, <const rule_t*> rule, smp)


cdef bint waiting_entity(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """The rule that something had to be waited for, while it waits or where the stream has ended meanwhile."""
    if ev.strm == NULL or _strm(ev).waiting_rule == NULL:
        return False
    return _put_place(ev, <const rule_t*> _strm(ev).waiting_rule, smp)


cdef bint prio_class(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, _strm(ev).prio_class if ev.strm != NULL else 0)


cdef bint prio_offset(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, _strm(ev).prio_offset if ev.strm != NULL else 0)


cdef bint cpu_calls(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return ev.strm != NULL and smp_set_int(smp, _strm(ev).n_calls)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"fe_name", fe_name)
add(b"fe_id", fe_id)
add(b"fe_defbe", fe_defbe)
add(b"be_name", be_name)
add(b"be_id", be_id)
add(b"srv_name", srv_name)
add(b"srv_id", srv_id)
add(b"txn.id32", txn_id32)
add(b"fe_client_timeout", fe_client_timeout)
add(b"fe_tarpit_timeout", fe_tarpit_timeout)
add(b"be_server_timeout", be_server_timeout)
add(b"be_tunnel_timeout", be_tunnel_timeout)
add(b"cur_server_timeout", cur_server_timeout)
add(b"cur_tunnel_timeout", cur_tunnel_timeout)
add(b"cur_client_timeout", cur_client_timeout)
add(b"cur_connect_timeout", cur_connect_timeout)
add(b"cur_queue_timeout", cur_queue_timeout)
add(b"cur_tarpit_timeout", cur_tarpit_timeout)
add(b"cur_max_retries", cur_max_retries)
add(b"be_connect_timeout", be_connect_timeout)
add(b"be_queue_timeout", be_queue_timeout)
add(b"be_tarpit_timeout", be_tarpit_timeout)
add(b"be_max_retries", be_max_retries)
add(b"txn.conn_retries", txn_conn_retries)
add(b"txn.redispatched", txn_redispatched)
add(b"bc_be_queue", bc_be_queue)
add(b"bc_srv_queue", bc_srv_queue)
add(b"req.bytes_in", req_bytes_in)
add(b"res.bytes_out", res_bytes_out)
add(b"req.bytes_out", req_bytes_out)
add(b"res.bytes_in", res_bytes_in)
add(b"txn.sess_term_state", txn_sess_term_state)
add(b"fs.aborted", fs_aborted)
add(b"last_rule_file", last_rule_file)
add(b"last_rule_line", last_rule_line)
add(b"last_entity", last_entity)
add(b"waiting_entity", waiting_entity)
add(b"cpu_calls", cpu_calls)
add(b"prio_class", prio_class)
add(b"prio_offset", prio_offset)
