# Sample fetches of proxies' and servers' live state (manual, section 7.3.2): connections, queues, rates, weights.
#
# Knows where those numbers stand in the arena: the atomic gauges of all workers where there is one, sums over the workers
# for rates. Must not know what a stream does. A proxy or server that the expression does not name was filled in when it was
# compiled.

from libc.stdint cimport int32_t, int64_t, uint32_t

from fastlb_core.base.atomic cimport load_i32, load_relaxed_i32
from fastlb_core.lb.limit cimport srv_limit
from fastlb_core.lb.server cimport SRV_F_BACKUP, SRV_F_INTERNAL, srv_t
from fastlb_core.lb.shared cimport counters_t, px_shared_t, srv_is_reachable, srv_is_usable
from fastlb_core.lb.totals cimport totals_rate_now
from fastlb_core.program.expr cimport ARG_SERVER, arg_t, fetch_fn
from fastlb_core.program.program cimport PX_CAP_BE, PX_O_DISABLED, px_t
from fastlb_core.program.sample cimport eval_t, sample_t, smp_set_bool, smp_set_int
from fastlb_core.proxy.stream cimport STRM_F_IN_BACKEND, stream_t

cdef enum:
    WEIGHT_SCALE = 16            # srv_shared_t.eweight is the weight times this

cdef fetch_entry_t[32] entries
cdef uint32_t n_entries = 0


cdef const fetch_entry_t* fetch_proxy_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline const px_t* _px(const arg_t* args) noexcept nogil:
    return <const px_t*> args[0].ptr


cdef inline const srv_t* _srv(const arg_t* args) noexcept nogil:
    """NULL for a server of a disabled proxy. haproxy: such a server has numbers; here it is not in the program."""
    return <const srv_t*> args[0].ptr if args[0].type == ARG_SERVER else NULL


cdef int32_t _usable(const px_t* px) noexcept nogil:
    """haproxy: while one backup stands in for all active servers, it is the only usable one."""
    cdef const px_shared_t* sh = px.sh
    cdef int32_t n = load_relaxed_i32(&sh.n_active)
    if n > 0:
        return n
    if load_relaxed_i32(&sh.first_backup) >= 0:
        return 1
    return load_relaxed_i32(&sh.n_backup)


cdef int64_t _waiting(const px_t* px) noexcept nogil:
    """Everybody who waits: for any server of the backend, or for one in particular."""
    cdef int64_t n = load_i32(&px.sh.queued)
    cdef uint32_t i
    for i in range(px.lb.n_servers):
        n += load_relaxed_i32(&px.lb.servers[i].sh.queued)
    return n


cdef uint32_t _rate(eval_t* ev, const counters_t* slots, size_t offset) noexcept nogil:
    return totals_rate_now(slots, ev.program.n_workers, offset, ev.now_ms)


# ---- backends

cdef bint nbsrv(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const px_t* px = _px(args)
    return smp_set_int(smp, 0 if px.options & PX_O_DISABLED else _usable(px))


cdef bint _is_entering(const eval_t* ev, const px_t* px) noexcept nogil:
    """haproxy: a stream counts once its backend is chosen, before that one's rules run; here it enters behind them."""
    cdef const stream_t* strm = <const stream_t*> ev.strm
    return strm != NULL and ev.be == px and not strm.flags & STRM_F_IN_BACKEND and ev.res == NULL


cdef bint be_conn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const px_t* px = _px(args)
    cdef int64_t n = load_i32(&px.sh.be_conns)
    return smp_set_int(smp, n + 1 if _is_entering(ev, px) else n)


cdef bint queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, _waiting(_px(args)))


cdef bint avg_queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int64_t n = _waiting(_px(args)), servers = _usable(_px(args))
    return smp_set_int(smp, (n + servers - 1) // servers if servers > 0 else n * 2)


cdef bint connslots(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: weight and role do not matter; a server that is down or in maintenance does not count."""
    cdef const px_t* px = _px(args)
    cdef const srv_t* srv
    cdef int64_t slots = 0
    cdef int32_t maxconn
    cdef uint32_t i
    for i in range(px.lb.n_servers):
        srv = px.lb.servers[i]
        if srv.flags & SRV_F_INTERNAL or not srv_is_reachable(srv.sh):
            continue
        maxconn = load_relaxed_i32(&srv.sh.maxconn)
        if maxconn <= 0 or srv.maxqueue <= 0:
            return smp_set_int(smp, -1)
        slots += maxconn - load_relaxed_i32(&srv.sh.served) + srv.maxqueue - load_relaxed_i32(&srv.sh.queued)
    return smp_set_int(smp, slots)


cdef bint _takes_streams(const px_t* px, const srv_t* srv) noexcept nogil:
    """False for a backup while active servers are there, and for all backups but the one that stands in for them."""
    if srv.flags & SRV_F_INTERNAL or not srv_is_usable(srv.sh):
        return False
    if not srv.flags & SRV_F_BACKUP:
        return True
    if load_relaxed_i32(&px.sh.n_active) > 0:
        return False
    return px.sh.first_backup < 0 or px.sh.first_backup == <int32_t> srv.lb_index


cdef bint be_conn_free(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const px_t* px = _px(args)
    cdef const srv_t* srv
    cdef int64_t free = 0
    cdef int32_t limit, left
    cdef uint32_t i
    for i in range(px.lb.n_servers):
        srv = px.lb.servers[i]
        if not _takes_streams(px, srv):
            continue
        limit = srv_limit(&px.lb, srv)
        if limit == 0:
            return smp_set_int(smp, -1)
        left = limit - load_relaxed_i32(&srv.sh.served)
        if left > 0:
            free += left
    return smp_set_int(smp, free)


cdef bint be_sess_rate(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const px_t* px = _px(args)
    cdef int64_t n = _rate(ev, px.be_counters, <size_t> &(<counters_t*> NULL).sess_rate)
    return smp_set_int(smp, n + 1 if _is_entering(ev, px) else n)


# ---- frontends

cdef bint fe_conn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, load_i32(&_px(args).sh.fe_conns))


cdef bint fe_sess_rate(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, _rate(ev, _px(args).fe_counters, <size_t> &(<counters_t*> NULL).sess_rate))


cdef bint fe_req_rate(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_int(smp, _rate(ev, _px(args).fe_counters, <size_t> &(<counters_t*> NULL).req_rate))


# ---- servers

cdef bint srv_conn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(args)
    return srv != NULL and smp_set_int(smp, load_i32(&srv.sh.served))


cdef const px_t* _backend_of(eval_t* ev, const srv_t* srv) noexcept nogil:
    cdef const px_t* px
    cdef uint32_t i
    for i in range(ev.program.n_proxies):
        px = ev.program.proxies[i]
        if px.caps & PX_CAP_BE and srv.lb_index < px.lb.n_servers and px.lb.servers[srv.lb_index] == srv:
            return px
    return NULL


cdef bint srv_conn_free(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: without a limit there is nothing to count: -1; more than the limit are there: a negative number."""
    cdef const srv_t* srv = _srv(args)
    cdef const px_t* px = NULL
    cdef int32_t limit
    if srv == NULL:
        return False
    if srv.minconn > 0:
        # Only minconn's ramp looks at the backend.
        px = _backend_of(ev, srv)
        if px == NULL:
            return False
    limit = srv_limit(&px.lb if px != NULL else NULL, srv)
    return smp_set_int(smp, limit - load_i32(&srv.sh.served) if limit > 0 else -1)


cdef bint srv_queue(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(args)
    return srv != NULL and smp_set_int(smp, load_i32(&srv.sh.queued))


cdef bint srv_is_up(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(args)
    return srv != NULL and smp_set_bool(smp, srv_is_reachable(srv.sh))


cdef bint srv_sess_rate(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(args)
    return srv != NULL and smp_set_int(smp, _rate(ev, srv.counters, <size_t> &(<counters_t*> NULL).sess_rate))


cdef bint srv_iweight(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(args)
    return srv != NULL and smp_set_int(smp, load_relaxed_i32(&srv.sh.iweight))


cdef bint srv_uweight(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const srv_t* srv = _srv(args)
    return srv != NULL and smp_set_int(smp, load_relaxed_i32(&srv.sh.uweight))


cdef bint srv_weight(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """haproxy: rounded up, so that a server that slowstart brings in has at least 1."""
    cdef const srv_t* srv = _srv(args)
    return srv != NULL and smp_set_int(smp, (load_relaxed_i32(&srv.sh.eweight) + WEIGHT_SCALE - 1) // WEIGHT_SCALE)


cdef void add(const char* name, fetch_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"nbsrv", nbsrv)
add(b"be_conn", be_conn)
add(b"be_conn_free", be_conn_free)
add(b"be_sess_rate", be_sess_rate)
add(b"queue", queue)
add(b"avg_queue", avg_queue)
add(b"connslots", connslots)
add(b"fe_conn", fe_conn)
add(b"fe_sess_rate", fe_sess_rate)
add(b"fe_req_rate", fe_req_rate)
add(b"srv_conn", srv_conn)
add(b"srv_conn_free", srv_conn_free)
add(b"srv_queue", srv_queue)
add(b"srv_is_up", srv_is_up)
add(b"srv_sess_rate", srv_sess_rate)
add(b"srv_iweight", srv_iweight)
add(b"srv_uweight", srv_uweight)
add(b"srv_weight", srv_weight)
