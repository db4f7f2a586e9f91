# Python's view of the arena: live state and counters out as plain tuples, changes by master and control in.
#
# Knows where every number of the arena stands and which change needs the lb lock. Must not know what a state means (control
# decides) nor who asks. No C type leaves it. Works in every process forked after the program was built.

import os
from collections import namedtuple

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport getpid

from fastlb_core.base.arena cimport (
    WORKER_S_GONE, WORKER_S_STARTING, arena_rate, arena_rate_in, arena_t, rate_limits_t, worker_slot_t,
)
from fastlb_core.base.atomic cimport (
    add_fetch_i64, add_fetch_u32, cas_i32, load_i32, load_u32, load_u64, store_i32, store_i64, store_u32, store_u64,
)
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.bridge.builder cimport Program
from fastlb_core.bridge.server_state cimport ServerState
from fastlb_core.lb.balance cimport lb_recover, lb_refresh, lb_set_pid
from fastlb_core.lb.recover cimport recover_proxy, recover_server
from fastlb_core.lb.server cimport srv_t
from fastlb_core.lb.shared cimport SRV_S_STARTING, SRV_S_STOPPED, counters_t, px_shared_t, srv_shared_t
from fastlb_core.lb.times cimport (
    TIMES_BUCKETS, TIMES_KINDS, times_clear, times_fold, times_limit, times_read, times_t,
)
from fastlb_core.lb.totals cimport totals_clear, totals_fold, totals_rate, totals_rate_max, totals_read
from fastlb_core.net.address cimport addr_length
from fastlb_core.program.persist cimport COOKIE_ROOM, persist_hash, srv_cookie
from fastlb_core.program.program cimport listener_t, program_t, px_t
from fastlb_core.proxy.stick_store cimport stick_recover, stick_set_process
from fastlb_core.proxy.stick_table cimport stick_table_t

cdef extern from "sys/socket.h":
    enum:
        AF_INET
        AF_INET6

# The fields of these tuples carry the names of the C structs' fields: base/arena.pxd and lb/shared.pxd say what they mean.
Globals = namedtuple(
    "Globals",
    "master_pid n_workers start_ms start_real_ms n_conns n_conns_max maxconn cum_conns cum_reqs generation size used"
    " limits tls_rate tls_rate_max comp_in_rate comp_out_rate",
)
Limits = namedtuple("Limits", "conn_rate sess_rate tls_rate comp_rate")
WorkerState = namedtuple(
    "WorkerState",
    "pid state command heartbeat_ms n_loops n_wakeups n_accepted log_dropped n_conns n_streams n_idle_back n_pipes"
    " pool_bytes idle_ns window_ns",
)
ProxyState = namedtuple(
    "ProxyState",
    "fe_conns fe_conns_max fe_maxconn fe_state be_conns be_conns_max queued queued_max last_change_ms down_time_ms"
    " down_trans last_sess_ms n_active n_backup total_weight using_backup",
)
Counters = namedtuple(
    "Counters",
    "cum_conn cum_sess cum_req cum_lbconn bytes_in bytes_out denied_req denied_resp failed_req failed_conn failed_resp"
    " denied_conn denied_sess retries redispatches cli_aborts srv_aborts intercepted http_rsp connect reuse idle_hits"
    " comp_in comp_out comp_rsp queue_ms connect_ms response_ms total_ms queue_ms_max connect_ms_max response_ms_max total_ms_max"
    " sess_rate sess_rate_max conn_rate conn_rate_max req_rate req_rate_max idle_conns used_conns",
)


cdef void _put_text(char* field, size_t size, bytes text):
    """As much of it as the field takes, a NUL behind."""
    text = text[:size - 1]
    memset(field, 0, size)
    memcpy(field, <const char*> text, len(text))


cdef uint64_t _now_ms() noexcept nogil:
    cdef timespec ts
    clock_gettime(CLOCK_MONOTONIC, &ts)
    return <uint64_t> ts.tv_sec * 1000 + <uint64_t> ts.tv_nsec // 1000000


cdef class Snapshot:
    """The arena of one program. Indexes are the program's, times CLOCK_MONOTONIC ms; nothing blocks longer than the lb lock.

    Raises IndexError for an index the program does not have and ValueError for a value out of its range.
    """

    cdef readonly Program program
    cdef program_t* ptr          # borrowed (program, which this object keeps)
    cdef arena_t* arena          # shared
    cdef int32_t n_workers

    def __init__(self, program: Program):
        self.program = program
        self.ptr = program.ptr
        self.arena = program.ptr.arena
        self.n_workers = program.ptr.n_workers

    # -- finding

    cdef px_t* _proxy(self, index) except NULL:
        if not 0 <= index < self.ptr.n_proxies:
            raise IndexError(f"no proxy {index}")
        return self.ptr.proxies[<uint32_t> index]

    cdef srv_t* _server(self, index) except NULL:
        if not 0 <= index < self.ptr.n_servers:
            raise IndexError(f"no server {index}")
        return self.ptr.servers[<uint32_t> index]

    cdef worker_slot_t* _worker(self, index) except NULL:
        if not 0 <= index < self.n_workers:
            raise IndexError(f"no worker {index}")
        return &self.arena.workers[<uint32_t> index]

    cdef counters_t* _slots(self, kind, index) except NULL:
        if kind == "frontend":
            return self._proxy(index).fe_counters
        if kind == "backend":
            return self._proxy(index).be_counters
        if kind == "server":
            return self._server(index).counters
        if kind != "listener":
            raise ValueError(f"no counters of kind {kind!r}")
        if not 0 <= index < self.ptr.n_listeners:
            raise IndexError(f"no listener {index}")
        return self.ptr.listeners[<uint32_t> index].counters

    # -- reading

    def globals(self):
        """Globals of the arena; cum_reqs is summed over the frontends."""
        cdef arena_t* a = self.arena
        cdef uint32_t proxy
        cdef counters_t total
        cdef uint64_t cum_reqs = a.cum_reqs, now_ms = _now_ms()
        cdef uint32_t tls_rate = arena_rate(a, <size_t> &(<worker_slot_t*> NULL).tls_rate, now_ms)
        for proxy in range(self.ptr.n_proxies):
            totals_read(self.ptr.proxies[proxy].fe_counters, self.n_workers, &total)
            cum_reqs += total.cum_req
        return Globals(
            a.master_pid, self.n_workers, a.start_ms, a.start_real_ms, a.n_conns, a.n_conns_max, a.maxconn, a.cum_conns,
            cum_reqs, a.generation, a.size, a.used, Limits(**a.limits), tls_rate, max(tls_rate, a.tls_rate_max),
            arena_rate(a, <size_t> &(<worker_slot_t*> NULL).comp_in_rate, now_ms),
            arena_rate(a, <size_t> &(<worker_slot_t*> NULL).comp_out_rate, now_ms),
        )

    def workers(self):
        """A WorkerState for each worker."""
        found = []
        for index in range(self.n_workers):
            w = self._worker(index)
            found.append(WorkerState(
                load_i32(&w.pid), load_i32(&w.state), load_i32(&w.command), load_u64(&w.heartbeat_ms), w.n_loops, w.n_wakeups,
                w.n_accepted, w.log_dropped, w.n_conns, w.n_streams, w.n_idle_back, w.n_pipes, w.pool_bytes, w.idle_ns,
                w.window_ns,
            ))
        return found

    def proxy_state(self, proxy):
        """ProxyState of one proxy."""
        cdef px_shared_t* sh = self._proxy(proxy).sh
        return ProxyState(
            sh.fe_conns, sh.fe_conns_max, sh.fe_maxconn, sh.fe_state, sh.be_conns, sh.be_conns_max, sh.queued, sh.queued_max,
            sh.last_change_ms, sh.down_time_ms, sh.down_trans, sh.last_sess_ms, sh.n_active, sh.n_backup, sh.total_weight,
            sh.using_backup,
        )

    def server_state(self, server):
        """ServerState of one server."""
        cdef srv_t* srv = self._server(server)
        cdef ServerState found = ServerState.__new__(ServerState)
        cdef char room[COOKIE_ROOM]
        cdef slice_t cookie = srv_cookie(srv, room)
        cdef uint32_t before
        found.cookie_text = cookie.ptr[:cookie.len] if cookie.len else b""
        while True:
            before = load_u32(&srv.sh.addr_seq)
            memcpy(&found.sh, srv.sh, sizeof(srv_shared_t))
            if not before & 1 and load_u32(&srv.sh.addr_seq) == before:
                found.address_len = addr_length(found.sh.addr) or srv.addr_len
                return found

    def counters(self, kind, index):
        """Counters of a "frontend", "backend", "server" or "listener", summed over all workers, dead ones included."""
        cdef counters_t* slots = self._slots(kind, index)
        cdef counters_t c
        totals_read(slots, self.n_workers, &c)
        return Counters(
            c.cum_conn, c.cum_sess, c.cum_req, c.cum_lbconn, c.bytes_in, c.bytes_out, c.denied_req, c.denied_resp,
            c.failed_req, c.failed_conn, c.failed_resp, c.denied_conn, c.denied_sess, c.retries, c.redispatches,
            c.cli_aborts, c.srv_aborts, c.intercepted, tuple(c.http_rsp[i] for i in range(6)), c.connect, c.reuse, c.idle_hits,
            c.comp_in, c.comp_out, c.comp_rsp, c.queue_ms, c.connect_ms, c.response_ms, c.total_ms, c.queue_ms_max,
            c.connect_ms_max, c.response_ms_max, c.total_ms_max, *self._rates(slots), c.idle_conns, c.used_conns,
        )

    cdef times_t* _times(self, kind, index) except NULL:
        if kind == "server":
            return self._server(index).times
        return self._proxy(index).fe_times if kind == "frontend" else self._proxy(index).be_times

    def times(self, kind, index):
        """Histograms of a "frontend", "backend" or "server": for queue, connect, response and total (buckets, sum in ms)."""
        cdef times_t found
        cdef int which
        cdef uint32_t bucket
        cdef list histograms = [], counts
        times_read(self._times(kind, index), self.n_workers, &found)
        for which in range(<int> TIMES_KINDS):
            counts = []
            for bucket in range(TIMES_BUCKETS):
                counts.append(found.buckets[which][bucket])
            histograms.append((tuple(counts), found.sums_ms[which]))
        return tuple(histograms)

    @staticmethod
    def times_limits():
        """The longest time of each bucket in ms, but of the last, which has none."""
        cdef uint32_t bucket
        cdef list limits = []
        for bucket in range(TIMES_BUCKETS - 1):
            limits.append(times_limit(bucket))
        return tuple(limits)

    cdef void _clear_times(self):
        cdef uint32_t i
        for i in range(self.ptr.n_proxies):
            times_clear(self.ptr.proxies[i].fe_times, self.n_workers)
            times_clear(self.ptr.proxies[i].be_times, self.n_workers)
        for i in range(self.ptr.n_servers):
            times_clear(self.ptr.servers[i].times, self.n_workers)

    cdef void _fold_times(self, int32_t worker):
        cdef uint32_t i
        for i in range(self.ptr.n_proxies):
            times_fold(self.ptr.proxies[i].fe_times, self.n_workers, worker)
            times_fold(self.ptr.proxies[i].be_times, self.n_workers, worker)
        for i in range(self.ptr.n_servers):
            times_fold(self.ptr.servers[i].times, self.n_workers, worker)

    cdef tuple _rates(self, counters_t* slots):
        """Rate and highest rate of sessions, connections and requests."""
        cdef size_t offsets[3]
        cdef uint64_t now = _now_ms()
        offsets[0] = <size_t> &(<counters_t*> NULL).sess_rate
        offsets[1] = <size_t> &(<counters_t*> NULL).conn_rate
        offsets[2] = <size_t> &(<counters_t*> NULL).req_rate
        found = []
        for i in range(3):
            rate = totals_rate(slots, self.n_workers, offsets[i], now)
            found.append(rate)
            found.append(max(rate, totals_rate_max(slots, self.n_workers, offsets[i])))
        return tuple(found)

    def sample_rates(self):
        """Once a second: makes the highest rates exact over all workers."""
        cdef uint32_t i
        for i in range(self.ptr.n_proxies):
            self._rates(self.ptr.proxies[i].fe_counters)
            self._rates(self.ptr.proxies[i].be_counters)
        for i in range(self.ptr.n_servers):
            self._rates(self.ptr.servers[i].counters)
        finished = arena_rate_in(self.arena, <size_t> &(<worker_slot_t*> NULL).tls_rate, <uint32_t> (_now_ms() // 1000) - 1)
        self.arena.tls_rate_max = max(self.arena.tls_rate_max, <uint32_t> finished)

    def clear_counters(self, everything):
        """`clear counters`: the maxima; with `everything` all that counts. Gauges stay (management guide, "clear counters")."""
        cdef uint32_t i
        cdef px_t* px
        cdef srv_t* srv
        self.arena.tls_rate_max = 0
        for i in range(self.ptr.n_proxies):
            px = self.ptr.proxies[i]
            totals_clear(px.fe_counters, self.n_workers, everything)
            totals_clear(px.be_counters, self.n_workers, everything)
            px.sh.fe_conns_max = px.sh.fe_conns
            px.sh.be_conns_max = px.sh.be_conns
            px.sh.queued_max = px.sh.queued
        for i in range(self.ptr.n_servers):
            srv = self.ptr.servers[i]
            totals_clear(srv.counters, self.n_workers, everything)
            srv.sh.served_max = srv.sh.served
            srv.sh.queued_max = srv.sh.queued
            if everything:
                srv.sh.failed_checks = srv.sh.failed_hana = srv.sh.down_trans = 0
        for i in range(self.ptr.n_listeners):
            totals_clear(self.ptr.listeners[i].counters, self.n_workers, everything)
        if everything:
            self._clear_times()

    # -- workers, for the master

    def set_worker(self, index, pid, state=WORKER_S_STARTING):
        """A worker was forked. Its state is set only if it has not set it itself by now."""
        cdef worker_slot_t* w = self._worker(index)
        cdef int32_t before = load_i32(&w.state)
        store_i32(&w.pid, pid)
        # The worker may be saying "running" at this very moment: that must stand.
        if before == 0 or before == WORKER_S_GONE:
            cas_i32(&w.state, &before, state)

    def set_wake_fd(self, index, fd):
        """The eventfd that wakes the worker's poll, the same number in every process; before the fork."""
        self._worker(index).wake_fd = fd

    def set_observed_fd(self, fd):
        """The eventfd by which workers tell control of errors (`observe`), the same number in every process; before the fork."""
        self.arena.observed_fd = fd

    def command_worker(self, index, command):
        """Stores a WORKER_C_* and wakes the worker."""
        store_i32(&self._worker(index).command, command)
        self.wake_worker(index)

    def wake_worker(self, index):
        """Makes the worker look at its command and its queues; nothing when it has no eventfd."""
        w = self._worker(index)
        if w.wake_fd > 0:
            try:
                os.eventfd_write(w.wake_fd, 1)
            except BlockingIOError:
                pass  # the counter is full: it is awake

    def recover_worker(self, index):
        """The worker has died: everything it held is given back, what it counted goes to the totals; who waits is woken.

        Called by the master alone, after it saw the death (reaped or not), before it starts the worker again.
        """
        cdef worker_slot_t* w = self._worker(index)
        cdef int32_t worker = index
        cdef int32_t pid = load_i32(&w.pid)
        cdef int64_t lost = 0
        cdef uint32_t i
        cdef px_t* px
        self._recover_balance(pid, worker)
        self._recover_tables(pid, worker)
        for i in range(self.ptr.n_proxies):
            px = self.ptr.proxies[i]
            lost += recover_proxy(px.sh, px.fe_counters, px.be_counters, worker, self.n_workers)
        for i in range(self.ptr.n_servers):
            recover_server(self.ptr.servers[i], worker, self.n_workers)
        for i in range(self.ptr.n_listeners):
            self._fold_listener(&self.ptr.listeners[i], worker)
        self._fold_times(worker)
        add_fetch_i64(&self.arena.n_conns, -lost)
        w.n_conns = w.n_streams = w.n_idle_back = w.n_pipes = 0
        w.pool_bytes = 0
        store_i32(&w.state, WORKER_S_GONE)
        store_i32(&w.pid, 0)
        self._wake_waiters()

    def recover_process(self, pid):
        """A process other than a worker has died, control: its locks are freed and what they guard is made anew."""
        self._recover_balance(pid, -1)
        self._recover_tables(pid, -1)
        self._wake_waiters()

    cdef void _recover_balance(self, int32_t pid, int32_t worker):
        cdef uint64_t now = _now_ms()
        cdef uint32_t i
        lb_set_pid(getpid())
        for i in range(self.ptr.n_proxies):
            if self.ptr.proxies[i].lb.n_servers:
                lb_recover(&self.ptr.proxies[i].lb, pid, worker, self.n_workers, now)

    cdef void _recover_tables(self, int32_t pid, int32_t worker):
        cdef uint64_t now = _now_ms()
        cdef uint32_t i
        stick_set_process(getpid(), -1)
        for i in range(self.ptr.n_tables):
            stick_recover(<const stick_table_t*> self.ptr.tables[i], pid, worker, now)

    cdef void _fold_listener(self, listener_t* li, int32_t worker):
        totals_fold(li.counters, self.n_workers, worker)

    cdef _wake_waiters(self):
        """Slots may be free that nobody gave back: every worker with a queue looks for itself."""
        cdef uint64_t waiters = 0
        cdef uint32_t i
        for i in range(self.ptr.n_proxies):
            waiters |= load_u64(&self.ptr.proxies[i].sh.waiters)
        for i in range(self.ptr.n_servers):
            waiters |= load_u64(&self.ptr.servers[i].sh.waiters)
        for index in range(self.n_workers):
            if waiters >> <uint64_t> index & 1:
                self.wake_worker(index)

    # -- changes, for control

    cdef px_t* _backend_of(self, srv_t* srv):
        cdef uint32_t i
        for i in range(self.ptr.n_proxies):
            if srv.lb_index < self.ptr.proxies[i].lb.n_servers and self.ptr.proxies[i].lb.servers[srv.lb_index] == srv:
                return self.ptr.proxies[i]
        return NULL

    cdef _refresh(self, srv_t* srv, uint64_t now_ms):
        """Load balancing follows a change of this server, and who waited for one looks again."""
        cdef px_t* px = self._backend_of(srv)
        if px == NULL:
            return  # an internal service stands in no balancer
        lb_set_pid(getpid())
        lb_refresh(&px.lb, now_ms)
        if load_u64(&px.sh.waiters) or load_u64(&srv.sh.waiters):
            self._wake_waiters()

    def set_admin(self, server, admin):
        """All SRV_A_* bits at once."""
        cdef srv_t* srv = self._server(server)
        store_u32(&srv.sh.admin, admin)
        self._refresh(srv, _now_ms())

    def set_state(self, server, state):
        """SRV_S_*. STARTING begins slowstart (RUNNING at once where the server has none); STOPPED ends its idle connections."""
        cdef srv_t* srv = self._server(server)
        cdef uint64_t now = _now_ms()
        if not 0 <= state <= 3:
            raise ValueError(f"no server state {state}")
        if state == SRV_S_STARTING:
            srv.sh.slowstart_until_ms = now + srv.slowstart_ms
        if state == SRV_S_STOPPED:
            add_fetch_u32(&srv.sh.kill_seq, 1)
        store_i32(&srv.sh.state, state)
        self._refresh(srv, now)

    def set_weight(self, server, weight):
        """The user's weight, 0..256."""
        cdef srv_t* srv = self._server(server)
        if not 0 <= weight <= 256:
            raise ValueError(f"weight {weight} is not within 0..256")
        srv.sh.uweight = weight
        self._refresh(srv, _now_ms())

    def set_maxconn(self, server, maxconn):
        """Streams at once over all workers; 0 = no limit."""
        cdef srv_t* srv = self._server(server)
        if not 0 <= maxconn < 2**31:
            raise ValueError(f"maxconn {maxconn}")
        store_i32(&srv.sh.maxconn, maxconn)
        self._refresh(srv, _now_ms())

    def set_address(self, server, address):
        """A packed sockaddr of an IP address with its port, for a server that has one; idle connections to the old are closed."""
        cdef srv_t* srv = self._server(server)
        cdef const char* packed = address
        cdef uint32_t length = addr_length(packed) if len(address) >= 16 else 0
        if length == 0 or length != len(address) or addr_length(srv.sh.addr) == 0:
            raise ValueError("only an IP address can be changed, and into another one")
        add_fetch_u32(&srv.sh.addr_seq, 1)
        memcpy(srv.sh.addr, packed, length)
        add_fetch_u32(&srv.sh.addr_seq, 1)
        add_fetch_u32(&srv.sh.kill_seq, 1)

    def set_dynamic_cookie(self, server, key):
        """The cookie that a backend's key makes of the server's address; None takes it away."""
        cdef srv_t* srv = self._server(server)
        cdef bytes text = key or b""
        store_u64(&srv.sh.cookie, persist_hash(slice_of(<const char*> text, len(text)), srv) if text else 0)

    def set_check(self, server, *, flags=None, health=None, status=None, code=None, duration_ms=None, description=None,
                  time_ms=None, failed_checks=None, rise=None, fall=None, failed_hana=None):
        """Stores what is not None; code -1 means none. Without a lock: only control writes these."""
        cdef srv_shared_t* sh = self._server(server).sh
        if flags is not None:
            sh.check_flags = flags
        if health is not None:
            sh.health = health
        if status is not None:
            sh.check_status = status
        if code is not None:
            sh.check_code = code
        if duration_ms is not None:
            sh.check_duration_ms = duration_ms
        if time_ms is not None:
            sh.check_time_ms = time_ms
        if failed_checks is not None:
            sh.failed_checks = failed_checks
        if failed_hana is not None:
            sh.failed_hana = failed_hana
        if rise is not None:
            sh.rise = rise
        if fall is not None:
            sh.fall = fall
        if description is not None:
            _put_text(sh.check_desc, sizeof(sh.check_desc), description.encode("utf-8", "replace"))

    def set_destinations(self, server, *, check_host=None, check_port=None, agent_host=None, agent_port=None, is_agent_off=None):
        """Stores what is not None: where checks and agents' questions go, "" and 0 for where the line says."""
        cdef srv_shared_t* sh = self._server(server).sh
        if check_host is not None:
            _put_text(sh.check_host, sizeof(sh.check_host), check_host.encode("ascii"))
        if check_port is not None:
            sh.check_port = check_port
        if agent_host is not None:
            _put_text(sh.agent_host, sizeof(sh.agent_host), agent_host.encode("ascii"))
        if agent_port is not None:
            sh.agent_port = agent_port
        if is_agent_off is not None:
            sh.is_agent_off = bool(is_agent_off)

    def take_observed(self, server):
        """How often a server's error-limit was reached since the last call, and observed_t of the last time (`observe`)."""
        cdef srv_shared_t* sh = self._server(server).sh
        cdef uint32_t now = load_u32(&sh.observed)
        cdef uint32_t count = now - sh.observed_done
        sh.observed_done = now
        return count, load_i32(&sh.observed_why)

    def forget_errors(self, server):
        """The server's errors in a row (`observe`) begin anew."""
        store_i32(&self._server(server).sh.consecutive_errors, 0)

    def set_server_times(self, server, *, last_change_ms=None, down_time_ms=None, down_trans=None):
        """Stores what is not None."""
        cdef srv_shared_t* sh = self._server(server).sh
        if last_change_ms is not None:
            sh.last_change_ms = last_change_ms
        if down_time_ms is not None:
            sh.down_time_ms = down_time_ms
        if down_trans is not None:
            sh.down_trans = down_trans

    def set_proxy_times(self, proxy, *, last_change_ms=None, down_time_ms=None, down_trans=None):
        """Stores what is not None; of the backend half."""
        cdef px_shared_t* sh = self._proxy(proxy).sh
        if last_change_ms is not None:
            sh.last_change_ms = last_change_ms
        if down_time_ms is not None:
            sh.down_time_ms = down_time_ms
        if down_trans is not None:
            sh.down_trans = down_trans

    def set_frontend_state(self, proxy, state):
        """0 run, 1 stopped, 2 paused; the workers are woken to stop or resume accepting."""
        if not 0 <= state <= 2:
            raise ValueError(f"no frontend state {state}")
        store_i32(&self._proxy(proxy).sh.fe_state, state)
        for index in range(self.n_workers):
            self.wake_worker(index)

    def set_frontend_maxconn(self, proxy, maxconn):
        """Connections at once over all workers; 0 = no limit."""
        store_i32(&self._proxy(proxy).sh.fe_maxconn, maxconn)
        for index in range(self.n_workers):
            self.wake_worker(index)

    def set_global_maxconn(self, maxconn):
        """Connections at once of the whole program."""
        store_i64(&self.arena.maxconn, maxconn)
        for index in range(self.n_workers):
            self.wake_worker(index)

    def set_rate_limits(self, **limits):
        """Any of conn_rate, sess_rate, tls_rate and comp_rate (rate_limits_t), 0 for no limit."""
        cdef rate_limits_t* now = &self.arena.limits
        wanted = Limits(**now[0])._replace(**limits)
        store_u32(&now.conn_rate, wanted.conn_rate)
        store_u32(&now.sess_rate, wanted.sess_rate)
        store_u32(&now.tls_rate, wanted.tls_rate)
        store_u32(&now.comp_rate, wanted.comp_rate)
        for index in range(self.n_workers):
            self.wake_worker(index)

    def refresh(self, server, now_ms):
        """A tick of slowstart: weight and limit follow the ramp; RUNNING when it is over."""
        self._refresh(self._server(server), now_ms)
