# Testing access to load balancing and the arena: one backend in an arena of its own, driven from Python.
#
# Knows how to lay out a backend without the program builder. Must not be imported outside tests/ and bench/.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport getpid

from fastlb_core.base.arena cimport (
    arena_alloc, arena_map, arena_t, arena_unmap, shlock_free_of, shlock_lock, shlock_lock_parent, shlock_t,
    shlock_trylock, shlock_unlock)
from fastlb_core.base.rate cimport rate_add, rate_t
from fastlb_core.bridge.builder cimport Program
from fastlb_core.lb.balance cimport (
    lb_find, lb_has_queue, lb_pick, lb_recover, lb_refresh, lb_release, lb_set_process, lb_source_key, lb_take,
    srv_dynamic_maxconn, srv_has_queue)
from fastlb_core.lb.heap cimport HEAP_NOWHERE, heap_is_sound, heap_node_t, heap_push, heap_remove, heap_t, heap_update
from fastlb_core.lb.leastconn cimport leastconn_t
from fastlb_core.lb.roundrobin cimport roundrobin_is_sound, roundrobin_t
from fastlb_core.lb.ring cimport ring_is_sound
from fastlb_core.lb.server cimport LB_NO_KEY, PICK_NONE, PICK_OK, PICK_QUEUE_BACKEND, PICK_QUEUE_SERVER, SRV_F_BACKUP, lb_t, srv_t
from fastlb_core.lb.shared cimport SRV_S_RUNNING, counters_t, px_shared_t, share_give, share_take, srv_shared_t
from fastlb_core.lb.times cimport (
    TIMES_BUCKETS, times_add, times_bucket, times_clear, times_fold, times_kind_t, times_limit, times_read, times_t,
)
from fastlb_core.lb.totals cimport totals_clear, totals_fold, totals_rate, totals_rate_max, totals_read
from fastlb_core.program.program cimport px_t

PICKS = {PICK_OK: "ok", PICK_QUEUE_SERVER: "queue-server", PICK_QUEUE_BACKEND: "queue-backend", PICK_NONE: "none"}


cdef class Balancer:
    """One backend: `servers` is a list of dicts with weight, maxconn, minconn, backup, id, slowstart_ms (all optional).

    Server indexes are configuration order. Raises KeyError for an unknown algorithm, MemoryError. Times in ms.
    """

    cdef arena_t* arena          # owned
    cdef lb_t lb
    cdef srv_t* storage          # owned
    cdef uint32_t n_workers

    def __cinit__(self, algorithm: bytes, servers: list, n_workers: int = 1, all_backups: bool = False, fullconn: int = 0,
                  balance_factor: int = 0, draws: int = 2):
        cdef uint32_t index
        self.n_workers = n_workers
        self.lb.ops = lb_find(algorithm)
        if self.lb.ops == NULL:
            raise KeyError(algorithm)
        self.lb.n_servers = len(servers)
        self.lb.all_backups = all_backups
        self.lb.fullconn = fullconn
        self.lb.balance_factor = balance_factor
        self.lb.draws = draws
        each = sizeof(srv_shared_t) + sizeof(counters_t) * (n_workers + 1) + 2 * 64
        capacity = self.lb.ops.capacity(self.lb.n_servers, 256 * self.lb.n_servers)
        self.arena = arena_map(len(servers) * each + capacity * 4 + sizeof(px_shared_t) + 4096, n_workers)
        self.storage = <srv_t*> calloc(len(servers) + 1, sizeof(srv_t))
        self.lb.servers = <srv_t**> calloc(len(servers) + 1, sizeof(srv_t*))
        if self.arena == NULL or self.storage == NULL or self.lb.servers == NULL:
            raise MemoryError
        self.lb.sh = <px_shared_t*> arena_alloc(self.arena, sizeof(px_shared_t))
        self.lb.sh.n_servers = self.lb.n_servers
        self.lb.sh.lb_capacity = capacity
        self.lb.sh.lb_entries = <uint32_t*> arena_alloc(self.arena, capacity * 4)
        for index, options in enumerate(servers):
            self._add_server(index, options)
        lb_set_process(getpid(), 0)
        lb_refresh(&self.lb, 0)

    cdef int _add_server(self, uint32_t index, dict options) except -1:
        cdef srv_t* srv = &self.storage[index]
        self.lb.servers[index] = srv
        srv.sh = <srv_shared_t*> arena_alloc(self.arena, sizeof(srv_shared_t))
        srv.counters = <counters_t*> arena_alloc(self.arena, sizeof(counters_t) * (self.n_workers + 1))
        if srv.sh == NULL or srv.counters == NULL:
            raise MemoryError
        srv.index = srv.lb_index = index
        srv.id = options.get("id", index + 1)
        srv.ring_id = srv.id
        srv.flags = SRV_F_BACKUP if options.get("backup") else 0
        srv.minconn = options.get("minconn", 0)
        srv.slowstart_ms = options.get("slowstart_ms", 0)
        srv.sh.uweight = srv.sh.iweight = options.get("weight", 1)
        srv.sh.maxconn = options.get("maxconn", 0)
        srv.sh.state = SRV_S_RUNNING
        return 0

    def __dealloc__(self):
        free(self.storage)
        free(self.lb.servers)
        arena_unmap(self.arena)

    cdef srv_t* _server(self, index) except NULL:
        if not 0 <= index < self.lb.n_servers:
            raise IndexError(index)
        return self.lb.servers[<uint32_t> index]

    def enter(self, worker: int) -> None:
        """Makes this process worker `worker`; after a fork."""
        lb_set_process(getpid(), worker)

    def pick(self, key: int | None = 0, avoid: int | None = None) -> tuple[str, int | None]:
        cdef srv_t* srv = NULL
        cdef srv_t* avoided = self._server(avoid) if avoid is not None else NULL
        result = lb_pick(&self.lb, LB_NO_KEY if key is None else <uint64_t> key, avoided, &srv)
        return PICKS[result], srv.lb_index if srv != NULL else None

    def picks(self, n: int) -> list[int]:
        """`n` picks, each given back at once; the servers chosen."""
        chosen = []
        for _ in range(n):
            result, index = self.pick()
            if result != "ok":
                raise RuntimeError(result)
            self.release(index)
            chosen.append(index)
        return chosen

    def take(self, index: int) -> str:
        return PICKS[lb_take(&self.lb, self._server(index), False)]

    def release(self, index: int) -> int:
        return lb_release(&self.lb, self._server(index))

    def churn(self, n: int, holding: int = 1) -> float:
        """`n` times a pick and, `holding` picks later, a release, in C; nanoseconds for each pair. Ends holding none."""
        cdef srv_t** held = <srv_t**> calloc(holding, sizeof(srv_t*))
        cdef uint32_t window = holding, i, total = n
        cdef timespec before, after
        cdef srv_t* srv
        if held == NULL:
            raise MemoryError
        with nogil:
            clock_gettime(CLOCK_MONOTONIC, &before)
            for i in range(total + window):
                srv = held[i % window]
                if srv != NULL:
                    lb_release(&self.lb, srv)
                held[i % window] = NULL
                if i < total and lb_pick(&self.lb, i * <uint32_t> 2654435761, NULL, &srv) == PICK_OK:
                    held[i % window] = srv
            clock_gettime(CLOCK_MONOTONIC, &after)
        free(held)
        return ((after.tv_sec - before.tv_sec) * 1e9 + after.tv_nsec - before.tv_nsec) / n

    def refresh(self, now_ms: int = 0) -> None:
        lb_refresh(&self.lb, now_ms)

    def recover(self, pid: int, worker: int) -> bool:
        return lb_recover(&self.lb, pid, worker, self.n_workers, 0)

    def set(self, index: int, **fields: int) -> None:
        """Writes fields of srv_shared_t as control does; refresh() makes them count."""
        cdef srv_shared_t* sh = self._server(index).sh
        for name, value in fields.items():
            if name == "uweight":
                sh.uweight = value
            elif name == "state":
                sh.state = value
            elif name == "admin":
                sh.admin = value
            elif name == "maxconn":
                sh.maxconn = value
            elif name == "queued":
                sh.queued = value
            elif name == "waiters":
                sh.waiters = value
            elif name == "slowstart_until_ms":
                sh.slowstart_until_ms = value
            else:
                raise KeyError(name)

    def set_backend(self, be_conns: int = 0, queued: int = 0, waiters: int = 0) -> None:
        self.lb.sh.be_conns = be_conns
        self.lb.sh.queued = queued
        self.lb.sh.waiters = waiters

    def server(self, index: int) -> dict[str, int]:
        """Live state of one server."""
        cdef srv_t* srv = self._server(index)
        return {
            "served": srv.sh.served, "served_max": srv.sh.served_max, "eweight": srv.sh.eweight, "state": srv.sh.state,
            "throttle": srv.sh.throttle, "limit": srv_dynamic_maxconn(&self.lb, srv), "has_queue": srv_has_queue(srv),
            "held": [srv.counters[worker].held for worker in range(self.n_workers + 1)],
        }

    def backend(self) -> dict[str, int]:
        """Live state of the backend."""
        cdef px_shared_t* sh = self.lb.sh
        return {
            "n_active": sh.n_active, "n_backup": sh.n_backup, "total_weight": sh.total_weight,
            "has_queue": lb_has_queue(&self.lb), "using_backup": sh.using_backup,
            "lock_owner": sh.lock.owner, "generation": sh.lock.generation,
        }

    def turns(self, group: int = 0) -> dict[str, object]:
        """The round of roundrobin's active (0) or backup (1) servers; rr_group_t and rr_server_t as they are."""
        cdef roundrobin_t* state = <roundrobin_t*> self.lb.sh.lb_entries
        servers = [
            (state.servers[i].queue, state.servers[i].position, state.servers[i].last, state.servers[i].weight)
            for i in range(self.lb.n_servers)
        ]
        round_ = &state.groups[<uint32_t> group]
        return {"fresh": round_.fresh, "now": round_.now, "weight": round_.weight, "next": round_.next_weight, "servers": servers}

    def is_sound(self) -> bool:
        """True when the heaps of roundrobin or leastconn, or the ring of points, are in order; always for the others."""
        cdef leastconn_t* least = <leastconn_t*> self.lb.sh.lb_entries
        if self.lb.ops == lb_find(b"roundrobin"):
            return roundrobin_is_sound(<roundrobin_t*> self.lb.sh.lb_entries, self.lb.n_servers)
        if self.lb.ops == lb_find(b"leastconn"):
            return heap_is_sound(&least.groups[0]) and heap_is_sound(&least.groups[1])
        if self.lb.ops == lb_find(b"consistent") or self.lb.ops == lb_find(b"random"):
            return ring_is_sound(&self.lb)
        return True

    def hold_lock(self) -> None:
        """Takes the lb lock and keeps it, as a process that is about to be killed does."""
        shlock_lock(&self.lb.sh.lock, getpid())

    def die_torn(self) -> None:
        """All that a process leaves that was killed while it changed the structure: its lock, and garbage; then the freeing."""
        self.hold_lock()
        self.scramble()
        shlock_free_of(&self.lb.sh.lock, getpid())

    def scramble(self) -> None:
        """Fills the algorithm's structure with garbage: what a process killed in its middle may leave."""
        memset(self.lb.sh.lb_entries, 0xa5, self.lb.sh.lb_capacity * 4)


cdef class Heap:
    """heap_t for n servers, on the C heap."""

    cdef heap_t heap

    def __cinit__(self, n: int):
        self.heap.nodes = <heap_node_t*> calloc(n, sizeof(heap_node_t))
        self.heap.place = <uint32_t*> calloc(n, sizeof(uint32_t))
        if self.heap.nodes == NULL or self.heap.place == NULL:
            raise MemoryError
        for index in range(n):
            self.heap.place[<uint32_t> index] = HEAP_NOWHERE

    def __dealloc__(self):
        free(self.heap.nodes)
        free(self.heap.place)

    def push(self, index: int, key: int, tie: int) -> None:
        heap_push(&self.heap, index, key, tie)

    def remove(self, index: int) -> None:
        heap_remove(&self.heap, index)

    def update(self, index: int, key: int, tie: int) -> None:
        heap_update(&self.heap, index, key, tie)

    def head(self) -> int | None:
        return self.heap.nodes[0].index if self.heap.count else None

    def is_sound(self) -> bool:
        return heap_is_sound(&self.heap)

    def __len__(self) -> int:
        return self.heap.count


cdef class Arena:
    """An arena and one lock in it."""

    cdef arena_t* arena          # owned
    cdef shlock_t* lock          # in the arena
    cdef int64_t* number         # in the arena: what the lock guards

    def __cinit__(self, size: int, n_workers: int = 1):
        self.arena = arena_map(size, n_workers)
        if self.arena == NULL:
            raise MemoryError
        self.lock = <shlock_t*> arena_alloc(self.arena, sizeof(shlock_t))
        self.number = <int64_t*> arena_alloc(self.arena, sizeof(int64_t))

    def __dealloc__(self):
        arena_unmap(self.arena)

    def alloc(self, size: int) -> tuple[int, bool] | None:
        """Offset of `size` new bytes and whether they are zero, or None when the arena is full."""
        cdef uint8_t* piece = <uint8_t*> arena_alloc(self.arena, size)
        if piece == NULL:
            return None
        zero = not any(piece[i] for i in range(<int> size))
        memset(piece, 0xff, size)
        return <uint64_t> piece - <uint64_t> self.arena, zero

    @property
    def size(self) -> int:
        return self.arena.size

    @property
    def owner(self) -> int:
        return self.lock.owner

    @property
    def generation(self) -> int:
        return self.lock.generation

    @property
    def value(self) -> int:
        return self.number[0]

    def lock_it(self) -> None:
        shlock_lock(self.lock, getpid())

    def lock_parent(self) -> bool:
        return shlock_lock_parent(self.lock, getpid())

    def try_lock(self) -> bool:
        return shlock_trylock(self.lock, getpid())

    def unlock(self) -> None:
        shlock_unlock(self.lock)

    def free_of(self, pid: int) -> bool:
        return shlock_free_of(self.lock, pid)

    def add(self, n: int) -> None:
        """Adds 1 to the number `n` times, each time under the lock, without an atomic."""
        cdef int64_t left = n
        cdef int32_t pid = getpid()
        with nogil:
            while left:
                left -= 1
                shlock_lock(self.lock, pid)
                self.number[0] += 1
                shlock_unlock(self.lock)


cdef class Totals:
    """The counters of one object for n workers, in an arena; written as workers do."""

    cdef arena_t* arena          # owned
    cdef counters_t* slots       # in the arena
    cdef int32_t n_workers

    def __cinit__(self, n_workers: int):
        self.n_workers = n_workers
        self.arena = arena_map(sizeof(counters_t) * (n_workers + 1), n_workers)
        if self.arena == NULL:
            raise MemoryError
        self.slots = <counters_t*> arena_alloc(self.arena, sizeof(counters_t) * (n_workers + 1))

    def __dealloc__(self):
        arena_unmap(self.arena)

    def count(self, worker: int, requests: int = 0, bytes_in: int = 0, total_ms: int = 0, n_5xx: int = 0, used: int = 0) -> None:
        """Adds to one worker's slot; total_ms is one event's time, averaged as the engine does."""
        cdef counters_t* slot = &self.slots[<uint32_t> worker]
        slot.cum_req += requests
        slot.cum_lbconn += requests
        slot.bytes_in += bytes_in
        slot.http_rsp[5] += n_5xx
        slot.used_conns += used
        if total_ms:
            slot.total_ms = slot.total_ms - (slot.total_ms + 1023) // 1024 + <uint64_t> total_ms
            slot.total_ms_max = max(slot.total_ms_max, <uint64_t> total_ms)

    def event(self, worker: int, second: int, n: int) -> None:
        rate_add(&self.slots[<uint32_t> worker].sess_rate, second, n)

    def read(self) -> dict[str, object]:
        cdef counters_t total
        totals_read(self.slots, self.n_workers, &total)
        return total

    def rate(self, now_ms: int) -> int:
        return totals_rate(self.slots, self.n_workers, <size_t> &(<counters_t*> NULL).sess_rate, now_ms)

    def rate_max(self) -> int:
        return totals_rate_max(self.slots, self.n_workers, <size_t> &(<counters_t*> NULL).sess_rate)

    def fold(self, worker: int) -> None:
        totals_fold(self.slots, self.n_workers, worker)

    def clear(self, everything: bool) -> None:
        totals_clear(self.slots, self.n_workers, everything)


cdef class Times:
    """The histograms of one object for n workers, in an arena; written as workers do."""

    cdef arena_t* arena          # owned
    cdef times_t* slots          # in the arena
    cdef int32_t n_workers

    def __cinit__(self, n_workers: int):
        self.n_workers = n_workers
        self.arena = arena_map(sizeof(times_t) * (n_workers + 1), n_workers)
        if self.arena == NULL:
            raise MemoryError
        self.slots = <times_t*> arena_alloc(self.arena, sizeof(times_t) * (n_workers + 1))

    def __dealloc__(self):
        arena_unmap(self.arena)

    def add(self, worker: int, kind: int, ms: int) -> None:
        times_add(&self.slots[<uint32_t> worker], <times_kind_t> <int> kind, ms)

    def read(self, kind: int) -> tuple[list[int], int]:
        """(buckets, sum of ms)."""
        cdef times_t found
        times_read(self.slots, self.n_workers, &found)
        buckets = [found.buckets[<uint32_t> kind][<uint32_t> bucket] for bucket in range(TIMES_BUCKETS)]
        return buckets, found.sums_ms[<uint32_t> kind]

    def fold(self, worker: int) -> None:
        times_fold(self.slots, self.n_workers, worker)

    def clear(self) -> None:
        times_clear(self.slots, self.n_workers)


def bucket_of(ms: int) -> int:
    return times_bucket(ms)


def limit_of(bucket: int) -> int:
    return times_limit(bucket)


def occupy(program: Program, worker: int, proxy: int, *, fronts: int = 0, backs: int = 0, queued: int = 0, picks: int = 0):
    """Makes this process that worker and takes so many connections, backend streams, queue places and slots, as engines do."""
    cdef px_t* px = program.ptr.proxies[<uint32_t> proxy]
    cdef srv_t* srv = NULL
    cdef int32_t unused = 0
    lb_set_process(getpid(), worker)
    for _ in range(fronts):
        share_take(&px.sh.fe_conns, &px.sh.fe_conns_max, &px.fe_counters[<uint32_t> worker].used_conns)
        program.ptr.arena.n_conns += 1
        px.fe_counters[<uint32_t> worker].cum_conn += 1
    for _ in range(backs):
        share_take(&px.sh.be_conns, &px.sh.be_conns_max, &px.be_counters[<uint32_t> worker].held)
    for _ in range(queued):
        share_take(&px.sh.queued, &px.sh.queued_max, &px.be_counters[<uint32_t> worker].queued)
        px.sh.waiters |= <uint64_t> 1 << <uint32_t> worker
        srv = px.lb.servers[0]
        share_take(&srv.sh.queued, &unused, &srv.counters[<uint32_t> worker].queued)
        srv.sh.waiters |= <uint64_t> 1 << <uint32_t> worker
    for _ in range(picks):
        if lb_pick(&px.lb, LB_NO_KEY, NULL, &srv) == PICK_OK:
            srv.counters[<uint32_t> worker].cum_lbconn += 1


def hold_balancer(program: Program, proxy: int) -> None:
    """Takes the backend's lb lock and keeps it."""
    shlock_lock(&program.ptr.proxies[<uint32_t> proxy].lb.sh.lock, getpid())


def source_key(sockaddr: bytes) -> int:
    """Key of `balance source` for a packed sockaddr."""
    return lb_source_key(<const char*> sockaddr)


def rate_of(events: list[tuple[int, int]]) -> dict[str, int]:
    """A rate_t after (second, count) events."""
    cdef rate_t rate
    memset(&rate, 0, sizeof(rate))
    for second, count in events:
        rate_add(&rate, second, count)
    return rate


def shared_count(steps: list[int]) -> tuple[int, int, int]:
    """(shared, peak, mine) after share_take for each +1 and share_give for each -1 of `steps`."""
    cdef int32_t shared = 0
    cdef int32_t peak = 0
    cdef int64_t mine = 0
    for step in steps:
        if step > 0:
            share_take(&shared, &peak, &mine)
        else:
            share_give(&shared, &mine)
    return shared, peak, mine
