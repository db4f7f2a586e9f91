# The back side's state machine; the diagram is in stream.pxd.

from libc.errno cimport EADDRNOTAVAIL, EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from fastlb_core.base.atomic cimport load_i32, store_relaxed_u64
from fastlb_core.base.buf cimport buf_take, buf_tail
from fastlb_core.base.rate cimport rate_add
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.fcgi cimport fcgi_put_before
from fastlb_core.http.message cimport METHOD_GET, METHOD_HEAD, msg_target
from fastlb_core.http.uri cimport uri_path_query
from fastlb_core.lb.balance cimport lb_pick, lb_release, lb_take, srv_has_queue
from fastlb_core.lb.server cimport (
    LB_NO_KEY, LB_OPS_KEYED, PICK_NONE, PICK_OK, PICK_QUEUE_BACKEND, PICK_QUEUE_SERVER, SRV_F_FCGI, SRV_F_FOLLOWS_CLIENT,
    SRV_F_INTERNAL, pick_t, srv_t,
)
from fastlb_core.lb.limit cimport srv_is_full
from fastlb_core.lb.shared cimport srv_is_usable
from fastlb_core.net.conn cimport (
    CONN_F_CAN_SEND, CONN_F_CONNECTING, CONN_F_ERROR, CONN_F_PREFERS_LAST, CONN_F_PRIVATE, CONN_F_REUSED, conn_close,
    conn_local, conn_poll, conn_set_timer, conn_stop_timer, conn_t, peer_t,
)
from fastlb_core.net.connect cimport CONNECT_KEEPALIVE, CONNECT_NOLINGER
from fastlb_core.net.tls cimport tls_put_before
from fastlb_core.program.hash_key cimport hash_key, hash_key_t
from fastlb_core.program.program cimport (
    LOG_S_CONNECT, PX_MODE_HTTP, PX_O_NOLINGER_BE, PX_O_PREFER_LAST, PX_O_SRVTCPKA, RETRY_CONN_FAILURE, REUSE_AGGRESSIVE,
    REUSE_NEVER, REUSE_SAFE, px_t,
)
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t
from fastlb_core.proxy.backend cimport (
    BACK_R_FAILED, BACK_R_INTERNAL, BACK_R_NOWHERE, BACK_R_REDIRECT, BACK_R_TRY, BACK_R_WAIT, back_result_t,
)
from fastlb_core.proxy.dial cimport dial
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.fcgi cimport fcgi_open
from fastlb_core.proxy.idle_pool cimport idle_attach, idle_give, idle_take, idle_take_own
from fastlb_core.proxy.link cimport link_wish, link_wish_t
from fastlb_core.proxy.observe cimport OBSERVED_CONNECTED, OBSERVED_NOT_CONNECTED, observe
from fastlb_core.proxy.persist cimport persist_is_forced, persist_lost
from fastlb_core.proxy.proxy_header cimport PROXY_HEADER_MAX, proxy_header
from fastlb_core.proxy.queue cimport queue_add, queue_is_busy, queue_is_first, queue_offer, queue_remove
from fastlb_core.proxy.secure cimport secure_back, secure_name
from fastlb_core.proxy.stream cimport (
    BACK_ASSIGN, BACK_CONNECT, BACK_CONNECTING, BACK_NONE, BACK_PAUSE, BACK_QUEUED, BACK_READY, PRST_F_DIRECT,
    PRST_F_FORCE, PRST_F_LAST,
    STRM_F_BACK_TIMEOUT,
    STRM_F_FIRST, STRM_F_HAS_SLOT, STRM_F_IN_BACKEND, STRM_F_INTERNAL, STRM_F_QUEUED, STRM_F_REDISPATCHED, STRM_F_TIMEOUT,
    TIMEOUT_CONNECT, TIMEOUT_QUEUE, be_counters, srv_slot, stream_note_back, stream_retries, stream_set_backend,
    stream_set_term, stream_set_timer, stream_stop_timer, stream_t, stream_timeout,
)
from fastlb_core.proxy.stream_log cimport stream_passes
from fastlb_core.proxy.use_server cimport use_server
from fastlb_core.sys.socket cimport AF_UNIX

cdef enum:
    RETRY_PAUSE_MS = 1000        # between two tries of the same server, or timeout connect if that is shorter


cdef void back_start(stream_t* strm, px_t* be) noexcept nogil:
    if not strm.flags & STRM_F_IN_BACKEND or strm.be != be:
        stream_set_backend(strm, be)
    strm.back_state = BACK_ASSIGN
    # haproxy: the rules choose once; a redispatch balances.
    strm.wanted_srv = use_server(strm)


cdef void _release(stream_t* strm) noexcept nogil:
    """Gives the slot of strm.srv back and wakes who waits for it."""
    cdef uint64_t waiters
    if strm.flags & STRM_F_HAS_SLOT:
        strm.flags &= ~(<uint32_t> STRM_F_HAS_SLOT)
        waiters = lb_release(&strm.be.lb, strm.srv)
        if waiters:
            queue_offer(strm.w, strm.be, strm.srv, waiters)


cdef void _assigned(stream_t* strm, srv_t* srv) noexcept nogil:
    strm.srv = srv
    strm.back_state = BACK_CONNECT
    strm.t_queue = strm.w.loop.now_ms
    if srv.flags & SRV_F_INTERNAL:
        # It has no slots, and nothing was balanced.
        return
    strm.flags |= STRM_F_HAS_SLOT
    if not strm.persist & (PRST_F_DIRECT | PRST_F_LAST):
        # haproxy: what persistence or a rule has chosen was not balanced.
        srv_slot(strm).cum_lbconn += 1
        be_counters(strm).cum_lbconn += 1
    store_relaxed_u64(&srv.sh.last_sess_ms, strm.w.loop.now_ms)
    store_relaxed_u64(&strm.be.sh.last_sess_ms, strm.w.loop.now_ms)


cdef uint64_t _key(stream_t* strm) noexcept nogil:
    """What `balance` hashes, or LB_NO_KEY: no such algorithm, or nothing to hash."""
    cdef eval_t ev
    if strm.be.hash_key == NULL:
        return LB_NO_KEY
    if strm.balance_key == 0:
        # Once: a try that failed may have taken the head out of the buffer.
        eval_stream(&ev, strm, EVAL_O_FINAL)
        strm.balance_key = hash_key(<const hash_key_t*> strm.be.hash_key, &ev) + 1
    return strm.balance_key - 1


cdef srv_t* _last_server(const stream_t* strm) noexcept nogil:
    """The server of a connection that the client has, where requests prefer one (manual, "option prefer-last-server")."""
    cdef const px_t* be = strm.be
    cdef const conn_t* own = strm.front.mate
    cdef bint is_told = bool(strm.front.flags & CONN_F_PREFERS_LAST)
    cdef srv_t* srv
    if not is_told and not be.options & PX_O_PREFER_LAST or be.lb.ops.flags & LB_OPS_KEYED:
        return NULL
    while own != NULL:
        srv = <srv_t*> own.origin
        if srv.proxy_name.ptr == be.name.ptr and srv_is_usable(srv.sh) and (
                is_told or be.max_keep_alive_queue < 0 or not srv_is_full(&be.lb, srv)
                or load_i32(&srv.sh.queued) < be.max_keep_alive_queue):
            return srv
        own = own.next_own
    return NULL


cdef pick_t _choose(stream_t* strm, srv_t** srv) noexcept nogil:
    cdef uint64_t key
    cdef pick_t pick
    srv[0] = strm.wanted_srv
    if srv[0] != NULL:
        strm.wanted_srv = NULL
        pick = PICK_QUEUE_SERVER if srv_has_queue(srv[0]) else lb_take(&strm.be.lb, srv[0], persist_is_forced(strm))
        if pick != PICK_NONE:
            strm.persist |= PRST_F_DIRECT
            return pick
        persist_lost(strm)
    if strm.front.mate != NULL and strm.stick_srv == NULL and strm.last_srv == NULL:
        srv[0] = _last_server(strm)
        if srv[0] != NULL:
            pick = lb_take(&strm.be.lb, srv[0], False)
            if pick != PICK_NONE:
                strm.persist |= PRST_F_LAST
                return pick
    key = _key(strm)
    if key == LB_NO_KEY and queue_is_busy(strm.be) and not (strm.flags & STRM_F_QUEUED and queue_is_first(strm)):
        srv[0] = NULL
        return PICK_QUEUE_BACKEND
    if strm.stick_srv != NULL:
        pick = lb_take(&strm.be.lb, strm.stick_srv, persist_is_forced(strm))
        if pick != PICK_NONE:
            srv[0] = strm.stick_srv
            strm.persist |= PRST_F_DIRECT
            return pick
    if strm.be.direct_server != NULL:
        srv[0] = strm.be.direct_server
        return PICK_OK
    return lb_pick(&strm.be.lb, key, strm.last_srv, srv)


cdef back_result_t _queue_full(stream_t* strm, srv_t* srv) noexcept nogil:
    """`maxqueue`: so many wait for that server already."""
    strm.srv = srv
    srv_slot(strm).failed_conn += 1
    be_counters(strm).failed_conn += 1
    stream_set_term(strm, b'S', b'Q')
    return BACK_R_FAILED


cdef bint _may_be_redirected(const stream_t* strm) noexcept nogil:
    """# haproxy: other methods, and targets without a path, go to the server itself."""
    cdef slice_t path
    if strm.be.mode != PX_MODE_HTTP or strm.req_msg.method != METHOD_GET and strm.req_msg.method != METHOD_HEAD:
        return False
    path = uri_path_query(msg_target(&strm.req_msg))
    return path.len != 0 and path.ptr[0] == b'/'


cdef back_result_t _nowhere(stream_t* strm) noexcept nogil:
    """`option transparent`, and the client has connected to no address: it came by a unix socket."""
    strm.t_queue = strm.w.loop.now_ms
    be_counters(strm).failed_conn += 1
    stream_set_term(strm, b'I', b'C')
    return BACK_R_NOWHERE


cdef back_result_t _assign(stream_t* strm) noexcept nogil:
    cdef uint32_t wait_ms
    cdef srv_t* srv = NULL
    cdef pick_t pick
    if strm.flags & STRM_F_INTERNAL:
        _assigned(strm, strm.be.internal_server)
        return BACK_R_TRY
    pick = _choose(strm, &srv)
    if pick == PICK_OK:
        if srv == strm.be.direct_server and (<const peer_t*> conn_local(strm.front)).family == AF_UNIX:
            return _nowhere(strm)
        _assigned(strm, srv)
        return BACK_R_REDIRECT if srv.redir.len and _may_be_redirected(strm) else BACK_R_TRY
    if pick == PICK_NONE:
        be_counters(strm).failed_conn += 1
        stream_set_term(strm, b'S', b'C')
        return BACK_R_FAILED
    if pick == PICK_QUEUE_SERVER and srv.maxqueue > 0 and load_i32(&srv.sh.queued) >= srv.maxqueue:
        if strm.be.redispatch == 0 or strm.persist & (PRST_F_DIRECT | PRST_F_FORCE) != PRST_F_DIRECT:
            return _queue_full(strm, srv)
        # haproxy: persistence gives way to a full queue (manual, section 5.2 "maxqueue").
        strm.srv = srv
        _redispatch(strm)
        return BACK_R_TRY
    queue_add(strm, srv if pick == PICK_QUEUE_SERVER else NULL)
    strm.back_state = BACK_QUEUED
    # haproxy: "timeout queue" falls back to "timeout connect".
    wait_ms = stream_timeout(strm, TIMEOUT_QUEUE, strm.be.t_queue if strm.be.t_queue else strm.be.t_connect)
    if wait_ms:
        stream_set_timer(strm, wait_ms)
    # A slot may have become free between the look and the queueing, when nobody saw us wait yet.
    return _queued(strm)


cdef back_result_t _queued(stream_t* strm) noexcept nogil:
    cdef srv_t* srv = NULL
    cdef pick_t pick
    if strm.flags & STRM_F_TIMEOUT:
        queue_remove(strm)
        strm.t_queue = strm.w.loop.now_ms
        stream_set_term(strm, b's', b'Q')
        be_counters(strm).failed_conn += 1
        if strm.srv != NULL:
            srv_slot(strm).failed_conn += 1
        return BACK_R_FAILED
    if not queue_is_first(strm):
        return BACK_R_WAIT
    if strm.srv != NULL:
        srv = strm.srv
        pick = lb_take(&strm.be.lb, srv, persist_is_forced(strm))
    else:
        pick = lb_pick(&strm.be.lb, LB_NO_KEY, strm.last_srv, &srv)
    if pick == PICK_OK:
        queue_remove(strm)
        stream_stop_timer(strm)
        _assigned(strm, srv)
        return BACK_R_REDIRECT if srv.redir.len and _may_be_redirected(strm) else BACK_R_TRY
    if pick == PICK_NONE:
        queue_remove(strm)
        stream_stop_timer(strm)
        if strm.srv != NULL:
            # That server went away while we waited: any other will do.
            strm.srv = NULL
            persist_lost(strm)
            strm.back_state = BACK_ASSIGN
            return BACK_R_TRY
        be_counters(strm).failed_conn += 1
        stream_set_term(strm, b'S', b'Q')
        return BACK_R_FAILED
    return BACK_R_WAIT


cdef inline bint _is_marked(const stream_t* strm) noexcept nogil:
    return strm.back_marks.has_mark or strm.back_marks.has_tos


cdef conn_t* _reusable(stream_t* strm, slice_t name, uint64_t key) noexcept nogil:
    """An idle connection to strm.srv that this request may use (`http-reuse`), or NULL."""
    cdef conn_t* conn
    if strm.be.mode != PX_MODE_HTTP or strm.n_retries or strm.srv.flags & SRV_F_FOLLOWS_CLIENT or _is_marked(strm):
        return NULL
    conn = idle_take_own(strm.front, strm.srv, name, key)
    if conn != NULL or strm.be.reuse == REUSE_NEVER or strm.srv.send_proxy:
        return conn
    if strm.be.reuse == REUSE_SAFE and strm.flags & STRM_F_FIRST:
        return NULL
    return idle_take(strm.w, strm.srv, name, key, strm.be.reuse == REUSE_AGGRESSIVE and bool(strm.flags & STRM_F_FIRST))


cdef void _add_proxy_header(stream_t* strm) noexcept nogil:
    cdef conn_t* back = strm.back
    cdef uint8_t header[PROXY_HEADER_MAX]
    cdef uint32_t length
    if back.transport != NULL:
        length = proxy_header(strm, header, PROXY_HEADER_MAX)
        if not (tls_put_before(back, <const char*> header, length) if back.secure != NULL else
                fcgi_put_before(back, <const char*> header, length)):
            # The server would take the proxy for the client.
            back.flags |= CONN_F_ERROR
    elif buf_take(&strm.w.loop.bufs, &back.tx):
        back.tx.len = proxy_header(strm, <uint8_t*> buf_tail(&back.tx), back.tx.size)


cdef bint _is_shortage(int err_no) noexcept nogil:
    return err_no == EMFILE or err_no == ENFILE or err_no == ENOBUFS or err_no == ENOMEM or err_no == EAGAIN \
        or err_no == EADDRNOTAVAIL


cdef inline uint32_t _connect_options(const px_t* be) noexcept nogil:
    return (CONNECT_KEEPALIVE if be.options & PX_O_SRVTCPKA else 0) | \
        (CONNECT_NOLINGER if be.options & PX_O_NOLINGER_BE else 0)


cdef back_result_t _connect(stream_t* strm) noexcept nogil:
    cdef int err_no = 0
    cdef slice_t name = secure_name(strm) if strm.srv.tls != NULL else slice_of(NULL, 0)
    cdef link_wish_t wish
    cdef conn_t* back
    link_wish(strm, &wish)
    back = _reusable(strm, name, wish.key)
    # haproxy: every try is a session of the server's, as its retries show.
    srv_slot(strm).cum_sess += 1
    rate_add(&srv_slot(strm).sess_rate, strm.w.loop.second, 1)
    if back != NULL:
        srv_slot(strm).reuse += 1
        be_counters(strm).reuse += 1
    else:
        srv_slot(strm).connect += 1
        be_counters(strm).connect += 1
        back = dial(&strm.w.loop, strm.srv, conn_local(strm.front) if strm.srv.flags & SRV_F_FOLLOWS_CLIENT else NULL,
                    &wish.source if wish.source.family else NULL, _connect_options(strm.be),
                    &strm.back_marks if _is_marked(strm) else NULL, &err_no)
        if back == NULL:
            if _is_shortage(err_no):
                stream_set_term(strm, b'R', b'C')
                return BACK_R_INTERNAL
            return _failed(strm)
        if strm.srv.tls != NULL and not secure_back(strm, back, name):
            conn_close(back)
            stream_set_term(strm, b'R', b'C')
            return BACK_R_INTERNAL
        if strm.srv.flags & SRV_F_FCGI and not fcgi_open(strm, back):
            conn_close(back)
            stream_set_term(strm, b'R', b'C')
            return BACK_R_INTERNAL
        back.pool_key = wish.key
    strm.back = back
    srv_slot(strm).used_conns += 1
    back.owner = strm
    back.n_requests += 1
    if back.flags & CONN_F_REUSED:
        observe(strm, OBSERVED_CONNECTED)
        strm.back_state = BACK_READY
        strm.t_connect = strm.w.loop.now_ms
        return BACK_R_TRY
    if strm.srv.send_proxy:
        _add_proxy_header(strm)
    strm.back_state = BACK_CONNECTING
    return BACK_R_TRY


cdef void back_connected(stream_t* strm) noexcept nogil:
    observe(strm, OBSERVED_CONNECTED)
    strm.back_state = BACK_READY
    strm.t_connect = strm.w.loop.now_ms
    strm.flags &= ~(<uint32_t> STRM_F_BACK_TIMEOUT)
    conn_stop_timer(strm.back)
    stream_passes(strm, LOG_S_CONNECT)


cdef void _drop_back(stream_t* strm) noexcept nogil:
    if strm.back != NULL:
        srv_slot(strm).used_conns -= 1
        stream_note_back(strm)
        conn_close(strm.back)
        strm.back = NULL


cdef bint _is_time_to_redispatch(const stream_t* strm) noexcept nogil:
    """`option redispatch [interval]`: -1 only the last retry, n every nth one (manual, section 4.2)."""
    cdef int left = stream_retries(strm) - strm.n_retries
    if strm.be.redispatch == 0 or strm.srv.flags & SRV_F_INTERNAL or strm.persist & PRST_F_FORCE:
        return False
    if strm.be.redispatch < 0:
        return left % (-strm.be.redispatch if strm.be.redispatch < -1 else stream_retries(strm) + 1) == 0
    return strm.n_retries % strm.be.redispatch == 0


cdef void _redispatch(stream_t* strm) noexcept nogil:
    srv_slot(strm).redispatches += 1
    be_counters(strm).redispatches += 1
    strm.flags |= STRM_F_REDISPATCHED
    strm.flags &= ~(<uint32_t> STRM_F_BACK_TIMEOUT)
    _release(strm)
    strm.srv = NULL
    strm.stick_srv = NULL
    persist_lost(strm)
    strm.back_state = BACK_ASSIGN


cdef back_result_t _failed(stream_t* strm) noexcept nogil:
    """A try to connect has failed: again, elsewhere, or not at all."""
    cdef uint32_t pause
    _drop_back(strm)
    observe(strm, OBSERVED_NOT_CONNECTED)
    if strm.n_retries >= stream_retries(strm) or not strm.be.retry_on & RETRY_CONN_FAILURE:
        stream_set_term(strm, b's' if strm.flags & STRM_F_BACK_TIMEOUT else b'S', b'C')
        srv_slot(strm).failed_conn += 1
        be_counters(strm).failed_conn += 1
        return BACK_R_FAILED
    strm.n_retries += 1
    strm.last_srv = strm.srv
    if _is_time_to_redispatch(strm):
        _redispatch(strm)
        return BACK_R_TRY
    srv_slot(strm).retries += 1
    be_counters(strm).retries += 1
    if strm.flags & STRM_F_BACK_TIMEOUT:
        # The connect timeout was pause enough.
        strm.flags &= ~(<uint32_t> STRM_F_BACK_TIMEOUT)
        strm.back_state = BACK_CONNECT
        return BACK_R_TRY
    pause = strm.be.t_connect if strm.be.t_connect and strm.be.t_connect < RETRY_PAUSE_MS else RETRY_PAUSE_MS
    strm.back_state = BACK_PAUSE
    stream_set_timer(strm, pause)
    return BACK_R_WAIT


cdef void back_retry(stream_t* strm) noexcept nogil:
    """A reused connection was closed by the server as we wrote: a fresh one, at once, to the same server."""
    _drop_back(strm)
    strm.n_retries += 1
    srv_slot(strm).retries += 1
    be_counters(strm).retries += 1
    strm.back_state = BACK_CONNECT


cdef void back_redo(stream_t* strm) noexcept nogil:
    # haproxy: counts such a retry twice where the server stays the same.
    back_retry(strm)
    strm.last_srv = strm.srv
    if _is_time_to_redispatch(strm):
        _redispatch(strm)


cdef back_result_t _connecting(stream_t* strm) noexcept nogil:
    cdef conn_t* back = strm.back
    if back.flags & CONN_F_ERROR and not back.flags & CONN_F_CONNECTING:
        # It stood, and was reset before a byte could be sent: no matter for a retry.
        back_connected(strm)
        return BACK_R_TRY
    if back.flags & CONN_F_ERROR or strm.flags & STRM_F_BACK_TIMEOUT:
        return _failed(strm)
    if back.flags & CONN_F_CAN_SEND:
        return BACK_R_TRY
    if not conn_poll(back):
        stream_set_term(strm, b'R', b'C')
        return BACK_R_INTERNAL
    if not back.timer.armed:
        conn_set_timer(back, stream_timeout(strm, TIMEOUT_CONNECT, strm.be.t_connect))
    return BACK_R_WAIT


cdef back_result_t back_advance(stream_t* strm) noexcept nogil:
    cdef back_result_t result = BACK_R_TRY
    while result == BACK_R_TRY:
        if strm.back_state == BACK_ASSIGN:
            result = _assign(strm)
        elif strm.back_state == BACK_QUEUED:
            result = _queued(strm)
        elif strm.back_state == BACK_CONNECT:
            result = _connect(strm)
        elif strm.back_state == BACK_CONNECTING:
            result = _connecting(strm)
            if strm.back != NULL:
                return result
        elif strm.back_state == BACK_PAUSE:
            if not strm.flags & STRM_F_TIMEOUT:
                return BACK_R_WAIT
            strm.flags &= ~(<uint32_t> STRM_F_TIMEOUT)
            strm.back_state = BACK_CONNECT
        else:
            return BACK_R_TRY
    return result


cdef inline bint _is_used_up(const srv_t* srv, const conn_t* back) noexcept nogil:
    return srv.max_reuse >= 0 and back.n_requests > <uint32_t> srv.max_reuse


cdef void back_finish(stream_t* strm, bint keep) noexcept nogil:
    cdef conn_t* back = strm.back
    if back != NULL:
        srv_slot(strm).used_conns -= 1
        stream_note_back(strm)
        strm.back = NULL
        back.owner = NULL
        conn_stop_timer(back)
        if not keep or strm.srv.flags & SRV_F_FOLLOWS_CLIENT or _is_marked(strm) or _is_used_up(strm.srv, back):
            # Such a connection leads to where one client wanted to go, its packets are marked for that client, or it has served
            # its time.
            conn_close(back)
        elif strm.be.reuse == REUSE_NEVER or strm.srv.send_proxy or back.flags & CONN_F_PRIVATE:
            idle_attach(strm.front, back, strm.fe.max_own_conns)
        else:
            idle_give(strm.w, strm.srv, back)
    strm.back_state = BACK_NONE
    _release(strm)
