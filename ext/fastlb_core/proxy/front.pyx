# Front connections' implementation.
#
# A connection in wait holds no stream and no buffer: conn_t alone, until its first byte.

from libc.errno cimport ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastlb_core.base.arena cimport arena_rate, rate_limits_t, worker_slot_t
from fastlb_core.base.atomic cimport (
    add_fetch_i32, add_fetch_i64, add_fetch_u64, load_i32, load_i64, load_relaxed_u32, sub_fetch_i32,
)
from fastlb_core.base.buf cimport buf_consume, buf_data
from fastlb_core.base.list cimport list_add_tail
from fastlb_core.base.rate cimport rate_add
from fastlb_core.base.wheel cimport wheel_set
from fastlb_core.lb.shared cimport counters_t
from fastlb_core.lb.totals cimport totals_rate_now
from fastlb_core.net.conn cimport (
    CONN_F_CAN_RECV, CONN_F_CAN_SEND, CONN_F_CIP_WAIT, CONN_F_CLOSED, CONN_F_EOF, CONN_F_ERROR, CONN_F_HANDSHAKE,
    CONN_F_NODELAY, CONN_F_PROXY_SEEN, CONN_F_PROXY_WAIT, CONN_F_UNIX, conn_close, conn_drain, conn_keep_tlvs, conn_new,
    conn_ops_t, conn_poll, conn_recv, conn_set_timer, conn_shut_write, conn_stop_timer, conn_t, conn_trim,
)
from fastlb_core.net.conn_err cimport (
    CONN_ERR_CIP_CUT, CONN_ERR_CIP_EMPTY, CONN_ERR_CIP_TIMEOUT, CONN_ERR_PP_CUT, CONN_ERR_PP_EMPTY, CONN_ERR_PP_TIMEOUT,
    conn_err_t,
)
from fastlb_core.net.loop cimport loop_add, loop_del
from fastlb_core.net.netscaler cimport cip_fault, cip_parse
from fastlb_core.net.proxy_protocol cimport PP_ERROR, PP_NEED_MORE, PP_OK, pp_fault, pp_parse, pp_result_t, pp_tlvs
from fastlb_core.net.silent cimport reset_on_close
from fastlb_core.net.tls cimport tls_handshake
from fastlb_core.program.program cimport (
    LI_F_ACCEPT_CIP, LI_F_ACCEPT_PROXY, LI_F_SHARED_FD, LI_F_UNIX, LOG_S_ACCEPT, PX_MODE_HTTP, PX_O_DISABLED, PX_O_DONTLOGNULL,
    PX_O_IGNORE_PROBES, PX_O_NOLINGER_FE, listener_t, px_t,
)
from fastlb_core.proxy.evaluate cimport eval_close_session
from fastlb_core.proxy.idle_pool cimport idle_detach
from fastlb_core.program.rules cimport RULES_FILTER, RULES_TCP_CONNECTION, RULES_TCP_SESSION, px_rules
from fastlb_core.proxy.filters cimport filters_start
from fastlb_core.proxy.front_log cimport front_log_failure
from fastlb_core.proxy.secure cimport secure_error, secure_front
from fastlb_core.proxy.stream cimport (
    STRM_F_FIRST, STRM_F_FRONT_TIMEOUT, stream_new, stream_ops_t, stream_process, stream_t, stream_wake,
)
from fastlb_core.proxy.stream_log cimport stream_passes
from fastlb_core.proxy.tcp_rules cimport front_rules
from fastlb_core.proxy.tracking cimport tracking_accepted, tracking_end_front, tracking_silent
from fastlb_core.proxy.worker cimport worker_t
from fastlb_core.sys.epoll cimport EPOLLEXCLUSIVE, EPOLLIN
from fastlb_core.sys.socket cimport AF_UNIX, SOCK_CLOEXEC, SOCK_NONBLOCK, accept4, sockaddr, socklen_t
from fastlb_core.sys.splice cimport close

cdef enum:
    LINGER_MS = 1000             # how long what a client still sends is read away
    LINGER_STEPS = 16            # receives of one turn
    RATE_TICK_MS = 50            # between two looks whether `rate-limit sessions` lets the next one in

cdef const stream_ops_t* http_ops = NULL
cdef const stream_ops_t* tcp_ops = NULL
cdef conn_ops_t greet_ops
cdef conn_ops_t secure_ops
cdef conn_ops_t idle_ops
cdef conn_ops_t busy_ops
cdef conn_ops_t linger_ops
cdef worker_t* the_worker = NULL   # a process is one worker: conn callbacks find it here


cdef void front_set_ops(const stream_ops_t* http, const stream_ops_t* tcp) noexcept nogil:
    global http_ops, tcp_ops
    http_ops = http
    tcp_ops = tcp


cdef px_t* front_px(const conn_t* front) noexcept nogil:
    return (<const listener_t*> front.origin).px


cdef inline counters_t* _li_slot(worker_t* w, const conn_t* front) noexcept nogil:
    return &(<const listener_t*> front.origin).counters[w.index]


# -- closing

cdef void _on_close(conn_t* front) noexcept nogil:
    cdef worker_t* w = the_worker
    cdef px_t* fe = front_px(front)
    idle_detach(front)
    tracking_end_front(w, front)
    eval_close_session(w, front)
    sub_fetch_i32(&fe.sh.fe_conns, 1)
    add_fetch_i64(&w.arena.n_conns, -1)
    w.n_fronts -= 1
    w.slot.n_conns -= 1
    fe.fe_counters[w.index].used_conns -= 1
    _li_slot(w, front).used_conns -= 1
    if w.is_full:
        front_listen(w)


cdef void _linger_io(conn_t* front) noexcept nogil:
    cdef int _step
    for _step in range(LINGER_STEPS):
        if conn_drain(front) <= 0:
            break
    # One that sends faster than it is read has its turn again when more comes; the timer ends it.
    if front.flags & (CONN_F_EOF | CONN_F_ERROR):
        conn_close(front)


cdef void _linger_timer(conn_t* front) noexcept nogil:
    conn_close(front)


cdef void front_linger(worker_t* w, conn_t* front) noexcept nogil:
    if front.flags & (CONN_F_EOF | CONN_F_ERROR):
        conn_close(front)
        return
    front.ops = &linger_ops
    front.rx.len = 0
    conn_trim(front)
    conn_shut_write(front)
    conn_set_timer(front, LINGER_MS)
    if conn_poll(front):
        _linger_io(front)
    else:
        conn_close(front)


# -- between requests

cdef void _start_http(worker_t* w, conn_t* front, uint32_t flags) noexcept nogil:
    """A stream for the bytes (or the end) that the idle connection has just seen."""
    cdef stream_t* strm = stream_new(w, front, http_ops)
    if strm == NULL:
        conn_close(front)
        return
    conn_stop_timer(front)
    front.ops = &busy_ops
    strm.fe = front_px(front)
    strm.flags |= flags
    if front.rx.len == 0:
        # haproxy: where nothing came, the request began when it was first waited for.
        strm.t_start = front.since_ms + front.handshake_ms
    if front.n_requests == 0:
        strm.flags |= STRM_F_FIRST
    front.n_requests += 1
    stream_passes(strm, LOG_S_ACCEPT)
    if px_rules(strm.fe, RULES_FILTER) != NULL:
        filters_start(strm)
    stream_wake(strm)


cdef void _idle_io(conn_t* front) noexcept nogil:
    cdef worker_t* w = the_worker
    cdef int n
    if not front.flags & (CONN_F_CAN_RECV | CONN_F_EOF | CONN_F_ERROR):
        return
    n = conn_recv(front, w.program.maxrewrite)
    if n > 0:
        _start_http(w, front, 0)
    elif n < 0:
        if front.n_requests or front_px(front).options & (PX_O_DONTLOGNULL | PX_O_IGNORE_PROBES):
            if not front.n_requests:
                tracking_silent(w, front)
            conn_close(front)
        else:
            _start_http(w, front, 0)


cdef void _idle_timer(conn_t* front) noexcept nogil:
    if front.n_requests or front_px(front).options & PX_O_IGNORE_PROBES:
        if not front.n_requests:
            tracking_silent(the_worker, front)
        conn_close(front)
    else:
        _start_http(the_worker, front, STRM_F_FRONT_TIMEOUT)


cdef void _busy_io(conn_t* front) noexcept nogil:
    stream_process(<stream_t*> front.owner)


cdef void _busy_timer(conn_t* front) noexcept nogil:
    cdef stream_t* strm = <stream_t*> front.owner
    strm.flags |= STRM_F_FRONT_TIMEOUT
    stream_process(strm)


cdef uint32_t _wait_ms(const px_t* fe, bint is_first) noexcept nogil:
    """How long a client may think before its request; 0: for ever. haproxy: "timeout http-keep-alive"."""
    if not is_first and fe.t_http_keep_alive:
        return fe.t_http_keep_alive
    return fe.t_http_request if fe.t_http_request else fe.t_client


cdef inline void _begin_idle(worker_t* w, conn_t* front) noexcept nogil:
    """haproxy: for the times of the next request (%t, %Ti) the connection begins anew when an answer has left."""
    front.since_ms = w.loop.now_ms
    front.since_real_us = w.loop.real_us
    front.handshake_ms = 0


cdef void front_idle(worker_t* w, conn_t* front) noexcept nogil:
    front.owner = NULL
    if front.n_requests:
        # The time before the next request begins here (%Ti).
        front.since_ms = w.loop.now_ms
    if front.rx.len:
        if front.n_requests:
            _begin_idle(w, front)
        _start_http(w, front, 0)
        return
    conn_trim(front)
    if front.flags & CONN_F_ERROR:
        conn_close(front)
        return
    front.ops = &idle_ops
    if front.n_requests:
        _begin_idle(w, front)
    conn_set_timer(front, _wait_ms(front_px(front), front.n_requests == 0))
    if front.flags & (CONN_F_CAN_RECV | CONN_F_EOF):
        _idle_io(front)
        if front.ops != &idle_ops or front.flags & CONN_F_CLOSED:
            return
    if not conn_poll(front):
        conn_close(front)


# -- what comes before the protocol: a PROXY header, or NetScaler's

cdef pp_result_t _greeting(conn_t* front) noexcept nogil:
    """The next header that is waited for; taken from the buffer where it has come whole."""
    cdef const uint8_t* bytes = <const uint8_t*> buf_data(&front.rx)
    cdef uint32_t magic = (<const listener_t*> front.origin).cip_magic
    cdef bint is_proxy = bool(front.flags & CONN_F_PROXY_WAIT)
    cdef const uint8_t* tlvs
    cdef uint32_t used = 0, tlvs_len = 0
    cdef pp_result_t result
    if is_proxy:
        result = pp_parse(bytes, front.rx.len, &used, &front.peer, &front.local)
    else:
        result = cip_parse(bytes, front.rx.len, magic, &used, &front.peer, &front.local)
    if result != PP_OK:
        return result
    if is_proxy:
        tlvs = pp_tlvs(bytes, used, &tlvs_len)
        conn_keep_tlvs(front, tlvs, tlvs_len)
        front.flags |= CONN_F_PROXY_SEEN
    front.flags &= ~(<uint32_t> (CONN_F_PROXY_WAIT if is_proxy else CONN_F_CIP_WAIT))
    buf_consume(&front.rx, used)
    return PP_OK


cdef conn_err_t _greeting_error(conn_t* front, bint is_bad, bint is_timeout) noexcept nogil:
    """Why the header that is waited for has not come whole; is_bad: something else has come."""
    cdef const uint8_t* bytes = <const uint8_t*> buf_data(&front.rx)
    cdef bint is_proxy = bool(front.flags & CONN_F_PROXY_WAIT)
    if is_bad:
        return pp_fault(bytes, front.rx.len) if is_proxy else \
            cip_fault(bytes, front.rx.len, (<const listener_t*> front.origin).cip_magic)
    if front.rx.len:
        return CONN_ERR_PP_CUT if is_proxy else CONN_ERR_CIP_CUT
    if is_timeout:
        return CONN_ERR_PP_TIMEOUT if is_proxy else CONN_ERR_CIP_TIMEOUT
    return CONN_ERR_PP_EMPTY if is_proxy else CONN_ERR_CIP_EMPTY


cdef void _greet_io(conn_t* front) noexcept nogil:
    cdef pp_result_t result = PP_NEED_MORE
    conn_recv(front, 0)
    while front.rx.len:
        result = _greeting(front)
        if result != PP_OK:
            break
        if not front.flags & (CONN_F_PROXY_WAIT | CONN_F_CIP_WAIT):
            conn_stop_timer(front)
            front.handshake_ms = <uint32_t> (the_worker.loop.now_ms - front.since_ms)
            _greeted(the_worker, front)
            return
    if result == PP_ERROR or front.rx.len and front.rx.len >= front.rx.size or front.flags & (CONN_F_EOF | CONN_F_ERROR):
        front_log_failure(the_worker, front, _greeting_error(front, result == PP_ERROR, False))
        conn_close(front)
    elif not conn_poll(front):
        conn_close(front)


cdef void _greet_timer(conn_t* front) noexcept nogil:
    front_log_failure(the_worker, front, _greeting_error(front, False, True))
    conn_close(front)


# -- TLS

cdef void _secure_io(conn_t* front) noexcept nogil:
    cdef worker_t* w = the_worker
    if not front.flags & CONN_F_HANDSHAKE:
        conn_stop_timer(front)
        front.handshake_ms = <uint32_t> (w.loop.now_ms - front.since_ms)
        front.ops = &idle_ops
        _begin(w, front)
    elif front.flags & (CONN_F_EOF | CONN_F_ERROR) or not conn_poll(front):
        front_log_failure(w, front, secure_error(front, False))
        conn_close(front)


cdef void _secure_timer(conn_t* front) noexcept nogil:
    front_log_failure(the_worker, front, secure_error(front, True))
    conn_close(front)


cdef void _greeted(worker_t* w, conn_t* front) noexcept nogil:
    """The client's address is known: what the bind line speaks begins."""
    if (<const listener_t*> front.origin).tls == NULL:
        front.ops = &idle_ops
        _begin(w, front)
        return
    front.ops = &secure_ops
    if not secure_front(front):
        conn_close(front)
        return
    conn_set_timer(front, _wait_ms(front_px(front), True))
    tls_handshake(front)
    _secure_io(front)


# -- accepting

cdef void _begin(worker_t* w, conn_t* front) noexcept nogil:
    """The connection may carry its protocol now."""
    cdef px_t* fe = front_px(front)
    cdef stream_t* strm
    if fe.has_rules and not front_rules(w, front, RULES_TCP_SESSION):
        conn_close(front)
        return
    tracking_accepted(w, front)
    if fe.mode == PX_MODE_HTTP:
        front_idle(w, front)
        return
    strm = stream_new(w, front, tcp_ops)
    if strm == NULL:
        conn_close(front)
        return
    front.ops = &busy_ops
    strm.fe = fe
    strm.flags |= STRM_F_FIRST
    strm.t_start = front.since_ms
    strm.t_real_us = front.since_real_us
    stream_passes(strm, LOG_S_ACCEPT)
    if px_rules(strm.fe, RULES_FILTER) != NULL:
        filters_start(strm)
    stream_wake(strm)


cdef void front_upgrade(stream_t* strm) noexcept nogil:
    if strm.ops == http_ops:
        return
    conn_stop_timer(strm.front)
    strm.front.n_requests += 1
    strm.flags &= ~(<uint32_t> STRM_F_FRONT_TIMEOUT)
    strm.ops = http_ops


cdef void _count_accept(worker_t* w, listener_t* li) noexcept nogil:
    cdef counters_t* fe = &li.px.fe_counters[w.index]
    cdef counters_t* slot = &li.counters[w.index]
    cdef int32_t n = add_fetch_i32(&li.px.sh.fe_conns, 1)
    cdef int64_t total = add_fetch_i64(&w.arena.n_conns, 1)
    if n > li.px.sh.fe_conns_max:
        li.px.sh.fe_conns_max = n
    if total > w.arena.n_conns_max:
        w.arena.n_conns_max = total
    add_fetch_u64(&w.arena.cum_conns, 1)
    fe.cum_conn += 1
    fe.cum_sess += 1
    fe.used_conns += 1
    slot.cum_conn += 1
    slot.cum_sess += 1
    slot.used_conns += 1
    rate_add(&fe.conn_rate, w.loop.second, 1)
    rate_add(&fe.sess_rate, w.loop.second, 1)
    if li.tls != NULL:
        # Before the handshake: what it costs is what `maxsslrate` is about.
        rate_add(&w.slot.tls_rate, w.loop.second, 1)
    w.slot.n_accepted += 1
    w.slot.n_conns += 1
    w.n_fronts += 1


cdef uint64_t _session_rate(const worker_t* w, const px_t* fe) noexcept nogil:
    """Over all workers and the last second. haproxy: a session and its connection are accepted as one, as here."""
    return totals_rate_now(fe.fe_counters, w.program.n_workers, <size_t> &(<counters_t*> NULL).sess_rate, w.loop.now_ms)


cdef inline bint _is_reached(uint32_t limit, uint64_t rate) noexcept nogil:
    return limit and rate >= limit


cdef bint _is_process_too_fast(const worker_t* w) noexcept nogil:
    """`maxconnrate` or `maxsessrate` is reached: all frontends together."""
    cdef uint32_t conn_limit = load_relaxed_u32(&w.arena.limits.conn_rate)
    cdef uint32_t sess_limit = load_relaxed_u32(&w.arena.limits.sess_rate)
    cdef uint64_t rate = 0
    cdef uint32_t i
    if not conn_limit and not sess_limit:
        return False
    for i in range(w.program.n_proxies):
        rate += _session_rate(w, w.program.proxies[i])
    return _is_reached(conn_limit, rate) or _is_reached(sess_limit, rate)


cdef bint _is_tls_too_fast(const worker_t* w) noexcept nogil:
    """`maxsslrate` is reached."""
    cdef uint32_t limit = load_relaxed_u32(&w.arena.limits.tls_rate)
    return limit and arena_rate(w.arena, <size_t> &(<worker_slot_t*> NULL).tls_rate, w.loop.now_ms) >= limit


cdef inline bint _has_process_rate(const worker_t* w, const listener_t* li) noexcept nogil:
    cdef const rate_limits_t* limits = &w.arena.limits
    return load_relaxed_u32(&limits.conn_rate) or load_relaxed_u32(&limits.sess_rate) or \
        li.tls != NULL and load_relaxed_u32(&limits.tls_rate)


cdef bint _is_too_fast(const worker_t* w, const listener_t* li) noexcept nogil:
    if li.px.session_rate and _session_rate(w, li.px) >= li.px.session_rate:
        return True
    return _is_process_too_fast(w) or li.tls != NULL and _is_tls_too_fast(w)


cdef bint _has_room(const worker_t* w, const listener_t* li) noexcept nogil:
    """False while the frontend's or the global maxconn is reached, or too many have come within a second."""
    cdef int32_t most = load_i32(&li.px.sh.fe_maxconn)
    if _is_too_fast(w, li):
        return False
    if most > 0 and load_i32(&li.px.sh.fe_conns) >= most:
        return False
    return load_i64(&w.arena.n_conns) < load_i64(&w.arena.maxconn)


cdef void _pause(worker_t* w, listener_t* li) noexcept nogil:
    loop_del(&w.loop, li.fds[w.index])
    w.is_listening[li.index] = 0
    w.is_full = True
    if li.px.session_rate or _has_process_rate(w, li):
        # No connection that ends makes room: it is time that does.
        wheel_set(&w.loop.wheel, &w.tick, <uint32_t> w.loop.now_ms + RATE_TICK_MS)


cdef void _accepted(worker_t* w, listener_t* li, int fd, const void* address, socklen_t length) noexcept nogil:
    # defer-accept or not, data is often there already: the first recv() is worth its try.
    cdef uint32_t flags = CONN_F_CAN_RECV | CONN_F_CAN_SEND | (CONN_F_UNIX if li.flags & LI_F_UNIX else CONN_F_NODELAY)
    cdef conn_t* front = conn_new(&w.loop, fd, flags)
    if front == NULL:
        return
    front.origin = li
    if li.px.options & PX_O_NOLINGER_FE:
        reset_on_close(fd)
    memcpy(&front.peer, address, length if length < sizeof(front.peer) else sizeof(front.peer))
    if li.flags & LI_F_UNIX:
        front.peer.family = AF_UNIX
    list_add_tail(&w.fronts, &front.all)
    _count_accept(w, li)
    front.ops = &greet_ops
    if li.px.has_rules and not front_rules(w, front, RULES_TCP_CONNECTION):
        conn_close(front)
        return
    if li.flags & LI_F_ACCEPT_PROXY:
        front.flags |= CONN_F_PROXY_WAIT
    if li.flags & LI_F_ACCEPT_CIP:
        front.flags |= CONN_F_CIP_WAIT
    if front.flags & (CONN_F_PROXY_WAIT | CONN_F_CIP_WAIT):
        conn_set_timer(front, _wait_ms(li.px, True))
        _greet_io(front)
        return
    _greeted(w, front)


cdef void _on_listener(void* owner, uint32_t events) noexcept nogil:
    cdef listener_t* li = <listener_t*> owner
    cdef worker_t* w = the_worker
    cdef uint64_t address[16]
    cdef socklen_t length
    cdef uint32_t _turn
    cdef int fd
    for _turn in range(w.program.maxaccept):
        if not _has_room(w, li):
            _pause(w, li)
            return
        length = sizeof(address)
        fd = accept4(li.fds[w.index], <sockaddr*> address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)
        if fd >= 0:
            _accepted(w, li, fd, address, length)
            continue
        if errno == EINTR or errno == ECONNABORTED:
            continue
        if errno == EMFILE or errno == ENFILE or errno == ENOBUFS or errno == ENOMEM:
            # No descriptor to be had: the level-triggered listener would spin. The worker's tick resumes it.
            _pause(w, li)
        return


cdef void front_listen(worker_t* w) noexcept nogil:
    cdef listener_t* li
    cdef uint32_t i, events
    cdef bint is_full = False
    global the_worker
    the_worker = w
    if w.is_stopping or w.is_paused:
        return
    for i in range(w.program.n_listeners):
        li = &w.program.listeners[i]
        if li.px.options & PX_O_DISABLED or w.is_listening[i]:
            continue
        if li.px.sh.fe_state != 0 or not _has_room(w, li):
            is_full = True
            continue
        # A descriptor that all workers share wakes one of them for each connection.
        events = EPOLLIN | (EPOLLEXCLUSIVE if li.flags & LI_F_SHARED_FD and w.program.n_workers > 1 else 0)
        if loop_add(&w.loop, li.fds[w.index], events, li, _on_listener):
            w.is_listening[i] = 1
        else:
            is_full = True
    w.is_full = is_full


cdef void front_unlisten(worker_t* w) noexcept nogil:
    cdef uint32_t i
    for i in range(w.program.n_listeners):
        if w.is_listening[i]:
            loop_del(&w.loop, w.program.listeners[i].fds[w.index])
            w.is_listening[i] = 0


cdef void front_close_listeners(worker_t* w) noexcept nogil:
    cdef uint32_t i
    for i in range(w.program.n_listeners):
        if w.is_listening[i]:
            # What the kernel has accepted for this process alone would be reset.
            _on_listener(&w.program.listeners[i], 0)
    front_unlisten(w)
    for i in range(w.program.n_listeners):
        close(w.program.listeners[i].fds[w.index])


greet_ops.name = b"greeting"
greet_ops.on_io = _greet_io
greet_ops.on_timer = _greet_timer
greet_ops.on_close = _on_close
secure_ops.name = b"handshake"
secure_ops.on_io = _secure_io
secure_ops.on_timer = _secure_timer
secure_ops.on_close = _on_close
idle_ops.name = b"idle front"
idle_ops.on_io = _idle_io
idle_ops.on_timer = _idle_timer
idle_ops.on_close = _on_close
busy_ops.name = b"busy front"
busy_ops.on_io = _busy_io
busy_ops.on_timer = _busy_timer
busy_ops.on_close = _on_close
linger_ops.name = b"lingering front"
linger_ops.on_io = _linger_io
linger_ops.on_timer = _linger_timer
linger_ops.on_close = _on_close
