# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# What one program leaves to the one that a reload puts in its place: counts, states of servers, entries of stick tables.
#
# Knows how the same object is found in two programs (by its names) and where it stands in the arena. Must not know
# configurations: what was changed at run time, and what the new file says, is the caller's knowledge. For the master; both
# programs may be running.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport getpid

from fastlb_core.base.atomic cimport add_fetch_u64, load_u64
from fastlb_core.bridge.builder cimport Program
from fastlb_core.lb.balance cimport lb_refresh, lb_set_pid
from fastlb_core.lb.shared cimport counters_t, px_shared_t, srv_shared_t
from fastlb_core.lb.times cimport times_pass_on, times_t
from fastlb_core.lb.totals cimport totals_pass_on
from fastlb_core.net.address cimport addr_length
from fastlb_core.program.program cimport program_t
from fastlb_core.proxy.stick_copy cimport stick_copy, stick_is_alike, stick_servers_t
from fastlb_core.proxy.stick_store cimport stick_set_process
from fastlb_core.proxy.stick_table cimport stick_table_t

cdef enum:
    CHECK_INPROGRESS = 1         # srv_shared_t.check_flags


cdef uint64_t _now_ms() noexcept nogil:
    cdef timespec ts
    clock_gettime(CLOCK_MONOTONIC, &ts)
    return <uint64_t> ts.tv_sec * 1000 + <uint64_t> ts.tv_nsec // 1000000


def _names(Program program):
    """What each place of the program is called: frontends, backends, servers, listeners; None for what is not there."""
    found = [("frontend", px.name) if px.is_frontend else None for px in program.proxies]
    found += [("backend", px.name) if px.is_backend else None for px in program.proxies]
    found += [
        None if srv.index in program.removed else ("server", program.proxies[srv.proxy].name, srv.name, srv.is_internal)
        for srv in program.servers
    ]
    seen = {}
    for li in program.listeners:
        # Those of a port range, or without a name, are told apart by their order.
        key = ("listener", program.proxies[li.proxy].name, li.name)
        seen[key] = seen.get(key, 0) + 1
        found.append((*key, seen[key]))
    return found


cdef counters_t* _counters_at(const program_t* ptr, uint32_t place) noexcept nogil:
    if place < ptr.n_proxies:
        return ptr.proxies[place].fe_counters
    place -= ptr.n_proxies
    if place < ptr.n_proxies:
        return ptr.proxies[place].be_counters
    place -= ptr.n_proxies
    if place < ptr.n_configured:
        return ptr.servers[place].counters
    return ptr.listeners[place - ptr.n_configured].counters


cdef times_t* _times_at(const program_t* ptr, uint32_t place) noexcept nogil:
    """NULL for a listener."""
    if place < ptr.n_proxies:
        return ptr.proxies[place].fe_times
    place -= ptr.n_proxies
    if place < ptr.n_proxies:
        return ptr.proxies[place].be_times
    place -= ptr.n_proxies
    return ptr.servers[place].times if place < ptr.n_configured else NULL


cdef void _raise(int32_t* to, int32_t value) noexcept nogil:
    if value > to[0]:
        to[0] = value


cdef class Ledger:
    """What of a program's counting has gone to programs after it. Its workers may count on: what they add goes the next time."""

    cdef readonly Program program
    cdef Program heir                # the last one
    cdef uint32_t n_places
    cdef uint32_t n_timed            # places with histograms, the first ones
    cdef counters_t* counters        # owned: [n_places], passed on already
    cdef times_t* times              # owned: [n_timed]
    cdef int64_t* heir_places        # owned: [n_places], -1 for what the heir does not have
    cdef uint64_t cum_conns
    cdef uint64_t cum_reqs
    cdef bint has_passed

    def __cinit__(self, Program program):
        self.program = program
        self.n_timed = 2 * program.ptr.n_proxies + program.ptr.n_configured
        self.n_places = self.n_timed + program.ptr.n_listeners

    def __dealloc__(self):
        free(self.counters)
        free(self.times)
        free(self.heir_places)

    def forget(self):
        """The last heir came to nothing: all goes to the next one."""
        self.has_passed = False
        self.cum_conns = self.cum_reqs = 0
        if self.counters != NULL:
            memset(self.counters, 0, self.n_places * sizeof(counters_t))
            memset(self.times, 0, self.n_timed * sizeof(times_t))

    def _open(self):
        if self.counters != NULL:
            return
        self.counters = <counters_t*> calloc(self.n_places + 1, sizeof(counters_t))
        self.times = <times_t*> calloc(self.n_timed + 1, sizeof(times_t))
        self.heir_places = <int64_t*> calloc(self.n_places + 1, sizeof(int64_t))
        if self.counters == NULL or self.times == NULL or self.heir_places == NULL:
            free(self.counters)
            self.counters = NULL
            raise MemoryError

    def _find_heirs(self, Program heir):
        if self.heir is heir:
            return
        places = {key: place for place, key in enumerate(_names(heir)) if key is not None}
        for place, key in enumerate(_names(self.program)):
            self.heir_places[<uint32_t> place] = places.get(key, -1)
        self.heir = heir

    def pass_on(self, Program heir):
        """Adds what was counted since the last call to the same objects of `heir`. Raises MemoryError."""
        self._open()
        self._find_heirs(heir)
        with nogil:
            self._pass_counters(heir.ptr)
            self._pass_peaks(heir.ptr)
            self._pass_sums(heir.ptr)
        self.has_passed = True

    cdef void _pass_counters(self, program_t* heir) noexcept nogil:
        cdef program_t* own = self.program.ptr
        cdef int64_t at
        cdef uint32_t place
        for place in range(self.n_places):
            at = self.heir_places[place]
            if at < 0:
                self._keep_requests(place, heir)
                continue
            totals_pass_on(
                _counters_at(own, place), own.n_workers, _counters_at(heir, <uint32_t> at), heir.n_workers,
                &self.counters[place], not self.has_passed)
            if place < self.n_timed:
                times_pass_on(
                    _times_at(own, place), own.n_workers, _times_at(heir, <uint32_t> at), heir.n_workers, &self.times[place])

    cdef void _keep_requests(self, uint32_t place, program_t* heir) noexcept nogil:
        """A frontend is gone; its requests stay among those of the whole program."""
        cdef const counters_t* slots = _counters_at(self.program.ptr, place)
        cdef uint64_t count = 0
        cdef int32_t worker
        if place >= self.program.ptr.n_proxies:
            return
        for worker in range(self.program.ptr.n_workers + 1):
            count += slots[worker].cum_req
        if count > self.counters[place].cum_req:
            add_fetch_u64(&heir.arena.cum_reqs, count - self.counters[place].cum_req)
        self.counters[place].cum_req = count

    cdef void _pass_peaks(self, program_t* heir) noexcept nogil:
        cdef program_t* own = self.program.ptr
        cdef px_shared_t* px
        cdef const px_shared_t* old_px
        cdef srv_shared_t* srv
        cdef const srv_shared_t* old_srv
        cdef uint32_t i, at
        for i in range(2 * own.n_proxies):
            if self.heir_places[i] < 0:
                continue
            at = <uint32_t> self.heir_places[i] % heir.n_proxies
            px = heir.proxies[at].sh
            old_px = own.proxies[i % own.n_proxies].sh
            _raise(&px.fe_conns_max, old_px.fe_conns_max)
            _raise(&px.be_conns_max, old_px.be_conns_max)
            _raise(&px.queued_max, old_px.queued_max)
            px.last_sess_ms = max(px.last_sess_ms, old_px.last_sess_ms)
        for i in range(own.n_configured):
            if self.heir_places[2 * own.n_proxies + i] < 0:
                continue
            srv = heir.servers[<uint32_t> self.heir_places[2 * own.n_proxies + i] - 2 * heir.n_proxies].sh
            old_srv = own.servers[i].sh
            _raise(&srv.served_max, old_srv.served_max)
            _raise(&srv.queued_max, old_srv.queued_max)
            srv.last_sess_ms = max(srv.last_sess_ms, old_srv.last_sess_ms)

    cdef void _pass_sums(self, program_t* heir) noexcept nogil:
        cdef uint64_t conns = load_u64(&self.program.ptr.arena.cum_conns)
        cdef uint64_t reqs = load_u64(&self.program.ptr.arena.cum_reqs)
        add_fetch_u64(&heir.arena.cum_conns, conns - self.cum_conns)
        add_fetch_u64(&heir.arena.cum_reqs, reqs - self.cum_reqs)
        self.cum_conns = conns
        self.cum_reqs = reqs


def copy_proxy(Program old, old_index, Program new, new_index):
    """How long the backend has been up or down, and how often it went."""
    cdef const px_shared_t* before = old.ptr.proxies[<uint32_t> old_index].sh
    cdef px_shared_t* sh = new.ptr.proxies[<uint32_t> new_index].sh
    sh.last_change_ms = before.last_change_ms
    sh.down_time_ms = before.down_time_ms
    sh.down_trans = before.down_trans


def copy_server(
        Program old, old_index, Program new, new_index, *, admin, state, health, weight=None, maxconn=None, address=None,
        keeps_checks=False, keeps_check_destination=False, keeps_agent=False):
    """The state of a server that is not running yet. weight, maxconn, address (a packed sockaddr): None for the new file's.

    keeps_checks: what its checks have found last, and whether they are enabled. keeps_check_destination: where commands have
    sent them. keeps_agent: where its agent is asked, and whether.
    """
    cdef const srv_shared_t* before = old.ptr.servers[<uint32_t> old_index].sh
    cdef srv_shared_t* sh = new.ptr.servers[<uint32_t> new_index].sh
    cdef bytes packed = address or b""
    sh.admin = admin
    sh.state = state
    sh.health = health
    if weight is not None:
        sh.uweight = weight
    if maxconn is not None:
        sh.maxconn = maxconn
    if packed and addr_length(sh.addr) and addr_length(<const char*> packed) == len(packed):
        memcpy(sh.addr, <const char*> packed, len(packed))
    sh.last_change_ms = before.last_change_ms
    sh.down_time_ms = before.down_time_ms
    sh.down_trans = before.down_trans
    sh.slowstart_until_ms = before.slowstart_until_ms
    if keeps_check_destination:
        sh.check_port = before.check_port
        memcpy(sh.check_host, before.check_host, sizeof(sh.check_host))
    if keeps_agent:
        sh.agent_port = before.agent_port
        memcpy(sh.agent_host, before.agent_host, sizeof(sh.agent_host))
        sh.is_agent_off = before.is_agent_off
    if keeps_checks:
        sh.check_flags = before.check_flags & ~CHECK_INPROGRESS
        sh.check_status = before.check_status
        sh.check_code = before.check_code
        sh.check_duration_ms = before.check_duration_ms
        sh.check_time_ms = before.check_time_ms
        sh.failed_checks = before.failed_checks
        sh.failed_hana = before.failed_hana
        memcpy(sh.check_desc, before.check_desc, sizeof(sh.check_desc))


def refresh(Program program):
    """Load balancing follows what copy_server has changed."""
    cdef uint32_t i
    lb_set_pid(getpid())
    for i in range(program.ptr.n_proxies):
        if program.ptr.proxies[i].lb.n_servers:
            lb_refresh(&program.ptr.proxies[i].lb, _now_ms())


def copy_table(Program old, old_index, Program new, new_index, *, since_ms=0, now_ids=None):
    """Copies what was touched since then (0: all) into another program's table, see stick_copy.pxd.

    now_ids: the servers' numbers, by their old ones; 0 for those that are gone; None where nothing changed. Returns how many
    entries; None for a table whose keys are of another kind. Raises MemoryError.
    """
    cdef const stick_table_t* source = <const stick_table_t*> old.ptr.tables[<uint32_t> old_index]
    cdef const stick_table_t* to = <const stick_table_t*> new.ptr.tables[<uint32_t> new_index]
    cdef uint64_t since = since_ms
    cdef int64_t copied
    cdef stick_servers_t servers
    cdef uint32_t* ids = NULL
    if not stick_is_alike(to, source):
        return None
    stick_set_process(getpid(), -1)
    servers.n = 0
    if now_ids is not None:
        servers.n = len(now_ids)
        ids = <uint32_t*> calloc(servers.n + 1, sizeof(uint32_t))
        if ids == NULL:
            raise MemoryError
        for place, number in enumerate(now_ids):
            ids[<uint32_t> place] = number
    servers.now_ids = ids
    with nogil:
        copied = stick_copy(to, source, since, &servers if ids != NULL else NULL, _now_ms())
    free(ids)
    if copied < 0:
        raise MemoryError
    return copied
