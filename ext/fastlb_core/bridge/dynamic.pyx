# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# fastlb: links the C libraries
"""Servers that commands add and remove while the program runs: what one process knows of them, and their state in the arena.

Knows srv_t, places in balancers, and memory. Must not know who must be told, nor in which order
(docs/internals/dynamic-servers.md).

    every process    learn, forget     its own srv_t, and who stands at which place of the backend: between two turns only
    control alone    reset, resize     the shared state, and how many places count

A server has an index (program_t.servers), which may be given to another one once it is gone, and a place in its backend's
balancer (lb_t.servers). Places never move; where a server has gone stands nobody, until another one of the backend comes.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset
from posix.unistd cimport getpid

from fastlb_core.base.arena cimport arena_alloc
from fastlb_core.bridge.builder cimport Program
from fastlb_core.bridge.layout cimport fill_server_facts, fill_server_state, new_spare
from fastlb_core.bridge.layout_expr cimport take
from fastlb_core.bridge.layout_link cimport new_link
from fastlb_core.bridge.layout_persist cimport index_cookies
from fastlb_core.bridge.layout_tls cimport new_tls_server
from fastlb_core.lb.balance cimport lb_resize, lb_set_pid
from fastlb_core.lb.server cimport SRV_F_INTERNAL, srv_t
from fastlb_core.lb.shared cimport SRV_A_CMAINT, SRV_A_FMAINT, SRV_S_STOPPED, counters_t, srv_shared_t
from fastlb_core.lb.times cimport times_t
from fastlb_core.program.program cimport PX_CAP_BE, program_free, program_new, program_t, px_t

from fastlb_core.bridge.builder import ServerEntry, server_values

cdef enum:
    CHECK_ENABLED = 4        # srv_shared_t.check_flags
    MORE_PLACES = 8          # at least so many are made room for at a time
    NOBODY = 0xffffffff      # srv_t.index of those that stand where a server has gone

# Kinds of arguments (layout_expr.pyx) that stand for something of the whole program.
REFERENCES = frozenset(("proxy", "server", "table", "var", "acl", "patterns", "users", "key", "log_profile", "file", "capture"))


def refers(value):
    """Whether an expression or a format, as plain values, is more than literals or names anything of the program, which only the
    program's own memory has."""
    if isinstance(value, tuple) and value and value[0] in REFERENCES:
        return True
    if isinstance(value, (tuple, list)):
        return any(refers(each) for each in value)
    return not (value is None or isinstance(value, (bool, int, str, bytes)))


cdef class DynamicServers:
    """Of one program, in one process. Raises ValueError for what does not fit, MemoryError; nothing is changed then."""

    def __init__(self, Program program):
        self.program = program
        self.ptr = program.ptr
        self.homes, self.retired, self.rooms, self.gone = {}, [], {}, {}

    cdef px_t* _backend(self, proxy) except NULL:
        if not 0 <= proxy < self.ptr.n_proxies or not self.ptr.proxies[<uint32_t> proxy].caps & PX_CAP_BE:
            raise ValueError(f"no backend {proxy}")
        return self.ptr.proxies[<uint32_t> proxy]

    cdef srv_t* _server(self, index) except NULL:
        if not 0 <= index < self.ptr.n_servers or self.ptr.servers[<uint32_t> index].flags & SRV_F_INTERNAL:
            raise ValueError(f"no server {index}")
        return self.ptr.servers[<uint32_t> index]

    @property
    def limit(self):
        """Where indexes end."""
        return self.ptr.n_configured + self.ptr.n_spare

    def n_places(self, proxy):
        """Places of the backend that count now."""
        return self._backend(proxy).sh.n_servers

    def free_place(self, proxy):
        """Where the backend's next server stands: the first place that has nobody, or a new one."""
        cdef px_t* px = self._backend(proxy)
        cdef uint32_t place
        for place in range(px.lb.n_servers):
            if px.lb.servers[place].index == NOBODY:
                return place
        return px.lb.n_servers

    # -- every process

    def learn(self, *, index, proxy, place, dict server, tls=None, link=None):
        """The server at a place of a backend. server: arguments of server_values; tls, link: as ProgramBuilder takes them."""
        cdef px_t* px = self._backend(proxy)
        cdef program_t* home
        cdef srv_t facts
        cdef srv_t* srv
        if not 0 <= index < self.limit or not 0 <= place < self.limit:
            raise ValueError(f"no server {index} at place {place}")
        if index < self.ptr.n_configured and index not in self.program.removed:
            raise ValueError(f"server {index} is the configuration's")
        if refers(tls["sni"] if tls is not None else None) or link is not None and any(refers(each) for each in link.values()):
            raise ValueError("an expression that refers to something else")
        self._release()
        home = program_new()
        if home == NULL:
            raise MemoryError("no memory for a server")
        memset(&facts, 0, sizeof(facts))
        try:
            fill_server_facts(home, &facts, px, server_values(**server))
            if tls is not None:
                facts.tls = new_tls_server(home, tls)
            if link is not None:
                facts.link = new_link(home, link)
            self.forget(index)
            self._know_spare(index)
            srv = self._server(index)
            for between in range(px.lb.n_servers, place):
                # Of servers that came and went while this process was not told.
                self._put(px, between, self._nobody(proxy, between))
            self._put(px, place, srv)
        except BaseException:
            program_free(home)
            raise
        self.homes[index] = <size_t> home
        facts.lb_index = place
        give_facts(srv, &facts)
        self.program.added[index] = ServerEntry(index, server["name"], server["id"], proxy, False)
        if px.persist != NULL:
            index_cookies(self.ptr, px)

    cdef int _know_spare(self, index) except -1:
        while self.ptr.n_servers <= index:
            self.ptr.servers[self.ptr.n_servers] = new_spare(self.ptr, self.ptr.n_servers - self.ptr.n_configured)
            self.ptr.n_servers += 1
        return 0

    cdef int _put(self, px_t* px, place, srv_t* srv) except -1:
        cdef uint32_t n = px.lb.n_servers
        cdef srv_t** servers
        if place == n:
            if n >= self.rooms.get(px.index, n):
                # Who goes through the old array does so in this process, and not now.
                servers = <srv_t**> take(self.ptr, sizeof(srv_t*) * (2 * n + MORE_PLACES))
                memcpy(servers, px.lb.servers, sizeof(srv_t*) * n)
                px.lb.servers = servers
                self.rooms[px.index] = 2 * n + MORE_PLACES
            px.lb.n_servers = n + 1
        px.lb.servers[<uint32_t> place] = srv
        return 0

    cdef srv_t* _nobody(self, proxy, place) except NULL:
        cdef size_t known = self.gone.get((proxy, place), 0)
        cdef srv_t* srv = <srv_t*> known
        if srv == NULL:
            srv = new_spare(self.ptr, self.ptr.n_spare)
            srv.index = NOBODY
            srv.lb_index = place
            srv.proxy_name = self._backend(proxy).name
            self.gone[proxy, place] = <size_t> srv
        return srv

    def forget(self, index):
        """Nothing in this process names the server any more. Its streams have ended."""
        cdef px_t* px
        cdef srv_t facts
        cdef srv_t* srv
        cdef srv_t* nobody
        self._release()
        try:
            entry = self.program.entry(index)
        except KeyError:
            return
        srv, px = self._server(index), self._backend(entry.proxy)
        nobody = self._nobody(entry.proxy, srv.lb_index)
        if px.lb.servers[srv.lb_index] == srv:
            px.lb.servers[srv.lb_index] = nobody
        memset(&facts, 0, sizeof(facts))
        give_facts(srv, &facts)
        self._retire(index)
        if self.program.added.pop(index, None) is None:
            self.program.removed.add(index)
        if px.persist != NULL:
            index_cookies(self.ptr, px)

    def _retire(self, index):
        cdef size_t home = self.homes.pop(index, 0)
        if home:
            # A connection that was closed in this turn may look at it until the turn ends.
            self.retired.append(home)

    def _release(self):
        cdef size_t home
        for home in self.retired:
            program_free(<program_t*> home)
        self.retired.clear()

    # -- control alone

    def reset(self, index, dict server, now_ms):
        """The state that the server of that index begins with: in maintenance, nothing counted, its checks not enabled."""
        cdef srv_t* srv = self._server(index)
        cdef srv_shared_t fresh
        cdef srv_t facts = srv[0]
        memset(&fresh, 0, sizeof(fresh))
        facts.sh = &fresh
        fill_server_state(&facts, server_values(**server), now_ms)
        if not fresh.admin & SRV_A_CMAINT:
            fresh.admin |= SRV_A_FMAINT
        fresh.state = SRV_S_STOPPED
        fresh.health = 0
        fresh.check_flags &= ~(<int> CHECK_ENABLED)
        memset(srv.counters, 0, sizeof(counters_t) * (self.ptr.n_workers + 1))
        memset(srv.times, 0, sizeof(times_t) * (self.ptr.n_workers + 1))
        replace_state(srv, &fresh)

    def clear(self, index):
        """A removed server: nothing that any balancer or rule would choose."""
        cdef srv_shared_t fresh
        memset(&fresh, 0, sizeof(fresh))
        fresh.admin = SRV_A_FMAINT
        replace_state(self._server(index), &fresh)

    def resize(self, proxy, n_places, now_ms):
        """So many places of the backend count from now on, all processes know them: fewer than now count never. MemoryError."""
        cdef px_t* px = self._backend(proxy)
        cdef uint32_t* entries = NULL
        cdef uint32_t n = max(n_places, px.sh.n_servers), capacity = 0
        if n > px.lb.n_servers:
            raise ValueError(f"{n} places are not known")
        if n > px.sh.n_servers and px.lb.ops.capacity(n, 0) > px.sh.lb_capacity:
            # Twice as many as were added, so that moving costs no more than the servers themselves.
            capacity = px.lb.ops.capacity(min(2 * n, n + self.ptr.n_spare) + MORE_PLACES, 0)
            entries = <uint32_t*> arena_alloc(self.ptr.arena, sizeof(uint32_t) * <uint64_t> capacity)
            if entries == NULL:
                raise MemoryError("the balancers of added servers have used up their memory")
        lb_set_pid(getpid())
        lb_resize(&px.lb, n, entries, capacity, now_ms)


cdef void replace_state(srv_t* srv, srv_shared_t* fresh) noexcept nogil:
    """Both are in maintenance, so that whatever anybody reads meanwhile says so. The sequences go on."""
    fresh.kill_seq = srv.sh.kill_seq + 1
    fresh.addr_seq = srv.sh.addr_seq
    srv.sh[0] = fresh[0]


cdef void give_facts(srv_t* srv, srv_t* facts) noexcept nogil:
    """What the server is, but for its place in the program and what belongs to that."""
    facts.index = srv.index
    facts.sh = srv.sh
    facts.counters = srv.counters
    facts.times = srv.times
    facts.local = srv.local
    srv[0] = facts[0]
