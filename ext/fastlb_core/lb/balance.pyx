# The backend's face to the engine: the lb lock, slots, dispatch to the algorithm, and effective weights.
#
# Knows when an algorithm's structure must follow a change or be made anew. Must not know how any algorithm chooses.
#
# A worker may be killed anywhere. What it did not finish under the lock is made good by lb_recover: `held` of each worker
# is one store per slot and never torn, so served is summed up from it, and the structure is rebuilt from the weights.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport strcmp
from posix.unistd cimport getpid

from fastlb_core.base.arena cimport shlock_free_of, shlock_lock, shlock_lock_parent, shlock_unlock
from fastlb_core.base.atomic cimport load_u64, store_i32
from fastlb_core.base.bug cimport flb_bug_on, flb_unlikely
from fastlb_core.lb.consistent cimport consistent_ops
from fastlb_core.lb.first cimport first_ops
from fastlb_core.lb.hash cimport hash_address, map_based_ops
from fastlb_core.lb.leastconn cimport leastconn_ops
from fastlb_core.lb.limit cimport srv_is_full, srv_limit
from fastlb_core.lb.random cimport random_ops
from fastlb_core.lb.roundrobin cimport roundrobin_ops
from fastlb_core.lb.server cimport (
    LB_OPS_DYNAMIC, PICK_NONE, PICK_OK, PICK_QUEUE_SERVER, SRV_F_BACKUP, lb_ops_t, lb_t, pick_t, srv_t)
from fastlb_core.lb.shared cimport (
    SRV_S_RUNNING, SRV_S_STARTING, px_shared_t, srv_is_reachable, srv_is_usable, srv_shared_t)
from fastlb_core.lb.static_rr cimport static_rr_ops

cdef enum:
    WEIGHT_SCALE = 16        # steps of a user weight, and of its ramp during slowstart

cdef int32_t process_pid = 0         # signs the locks
cdef int32_t process_worker = -1     # whose `held` counts


# -- process

cdef void lb_set_process(int32_t pid, int32_t worker) noexcept nogil:
    global process_pid, process_worker
    lb_set_pid(pid)
    process_worker = worker


cdef void _sign() noexcept nogil:
    """A process that never said who it is still signs with its own pid: 0 is nobody's."""
    global process_pid
    if process_pid == 0:
        process_pid = getpid()


cdef void lb_set_pid(int32_t pid) noexcept nogil:
    global process_pid
    # 0 in the lock means free: never sign with it.
    process_pid = pid if pid > 0 else getpid()


cdef const lb_ops_t* lb_find(const char* name) noexcept nogil:
    cdef const lb_ops_t* rows[7]
    cdef uint32_t row
    rows[0] = roundrobin_ops()
    rows[1] = static_rr_ops()
    rows[2] = leastconn_ops()
    rows[3] = first_ops()
    rows[4] = map_based_ops()
    rows[5] = consistent_ops()
    rows[6] = random_ops()
    for row in range(7):
        if strcmp(rows[row].name, name) == 0:
            return rows[row]
    return NULL


# -- lock

cdef inline bint _is_sound(const lb_t* lb) noexcept nogil:
    # Plus one, so that a structure that was never built is not taken for one.
    return lb.sh.lb_generation == lb.sh.lock.generation + 1


cdef void _rebuild(lb_t* lb) noexcept nogil:
    _count_usable(lb)
    if lb.ops != NULL and lb.sh.n_servers:
        lb.ops.rebuild(lb)
    lb.sh.lb_generation = lb.sh.lock.generation + 1


cdef inline void _lock(lb_t* lb) noexcept nogil:
    """Takes the lb lock; afterwards the structure is sound, even if its last owner died."""
    shlock_lock(&lb.sh.lock, process_pid)
    if flb_unlikely(not _is_sound(lb)):
        _rebuild(lb)


# -- slots

cdef inline void _add_slot(lb_t* lb, srv_t* srv) noexcept nogil:
    cdef int32_t served = srv.sh.served + 1
    srv.counters[process_worker].held += 1
    store_i32(&srv.sh.served, served)
    if served > srv.sh.served_max:
        store_i32(&srv.sh.served_max, served)
    if lb.ops.moved != NULL:
        lb.ops.moved(lb, srv)


cdef pick_t _choose(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    if lb.sh.total_weight == 0:
        return PICK_NONE
    if lb.sh.using_backup and lb.sh.first_backup >= 0:
        out[0] = lb.servers[lb.sh.first_backup]
        return PICK_QUEUE_SERVER if srv_is_full(lb, out[0]) else PICK_OK
    return lb.ops.pick(lb, key, avoid, out)


cdef pick_t lb_pick(lb_t* lb, uint64_t key, const srv_t* avoid, srv_t** out) noexcept nogil:
    cdef pick_t result
    out[0] = NULL
    if lb.n_servers == 0:
        return PICK_NONE
    flb_bug_on(process_worker < 0)
    _lock(lb)
    result = _choose(lb, key, avoid, out)
    if result == PICK_OK:
        _add_slot(lb, out[0])
    shlock_unlock(&lb.sh.lock)
    return result


cdef pick_t lb_take(lb_t* lb, srv_t* srv, bint even_down) noexcept nogil:
    cdef pick_t result = PICK_NONE
    cdef int32_t limit
    flb_bug_on(process_worker < 0)
    _lock(lb)
    if even_down or srv_is_reachable(srv.sh):
        limit = srv_limit(lb, srv)
        result = PICK_QUEUE_SERVER if limit and srv.sh.served >= limit else PICK_OK
    if result == PICK_OK:
        _add_slot(lb, srv)
    shlock_unlock(&lb.sh.lock)
    return result


cdef uint64_t lb_release(lb_t* lb, srv_t* srv) noexcept nogil:
    flb_bug_on(process_worker < 0)
    _lock(lb)
    srv.counters[process_worker].held -= 1
    store_i32(&srv.sh.served, srv.sh.served - 1)
    if lb.ops.moved != NULL:
        lb.ops.moved(lb, srv)
    shlock_unlock(&lb.sh.lock)
    return load_u64(&srv.sh.waiters) | load_u64(&lb.sh.waiters)


cdef int32_t srv_dynamic_maxconn(const lb_t* lb, const srv_t* srv) noexcept nogil:
    return srv_limit(lb, srv)


# -- weights

cdef void _ramp(lb_t* lb, srv_t* srv, uint64_t now_ms) noexcept nogil:
    """Effective weight and throttle of one server. haproxy: the ramp has 16 steps, the first one counts at once (manual, 5.2
    "slowstart"); static algorithms ramp the limit only."""
    cdef srv_shared_t* sh = srv.sh
    cdef uint64_t elapsed, steps = WEIGHT_SCALE
    cdef bint is_dynamic = lb.ops != NULL and lb.ops.flags & LB_OPS_DYNAMIC
    if sh.state == SRV_S_STARTING and (now_ms >= sh.slowstart_until_ms or srv.slowstart_ms == 0):
        store_i32(&sh.state, SRV_S_RUNNING)
    sh.throttle = 0
    if sh.state == SRV_S_STARTING:
        elapsed = sh.slowstart_until_ms - now_ms
        elapsed = srv.slowstart_ms - elapsed if elapsed < srv.slowstart_ms else 0
        sh.throttle = <int32_t> (100 * elapsed // srv.slowstart_ms)
        if sh.throttle < 1:
            sh.throttle = 1
        if is_dynamic:
            steps = (WEIGHT_SCALE * elapsed + srv.slowstart_ms - 1) // srv.slowstart_ms
            if steps < 1:
                steps = 1
    sh.eweight = <int32_t> (sh.uweight * steps)


cdef bint _reweigh(lb_t* lb, srv_t* srv) noexcept nogil:
    """Lets the structure follow one server; true when it must be rebuilt for that."""
    cdef uint32_t old = srv.sh.lb_weight
    srv.sh.lb_weight = srv.sh.eweight if srv_is_usable(srv.sh) else 0
    if srv.sh.lb_weight == old:
        return False
    if lb.ops.reweigh == NULL or not _is_sound(lb):
        return True
    lb.ops.reweigh(lb, srv, old)
    return False


cdef void _count_usable(lb_t* lb) noexcept nogil:
    """Who is usable, and whether the backups are in use (manual, 5.2 "backup" and 4.2 "option allbackups")."""
    cdef px_shared_t* sh = lb.sh
    cdef const srv_t* srv
    cdef int32_t n[2], weight[2]
    cdef uint32_t index, group
    n[0] = n[1] = weight[0] = weight[1] = 0
    sh.first_backup = -1
    for index in range(lb.sh.n_servers):
        srv = lb.servers[index]
        if not srv.sh.lb_weight:
            continue
        group = 1 if srv.flags & SRV_F_BACKUP else 0
        if group and not lb.all_backups and sh.first_backup < 0:
            sh.first_backup = <int32_t> index
        n[group] += 1
        weight[group] += srv.sh.lb_weight
    sh.n_active = n[0]
    sh.n_backup = n[1]
    sh.using_backup = 1 if n[0] == 0 and n[1] > 0 else 0
    sh.total_weight = weight[sh.using_backup]


cdef void lb_refresh(lb_t* lb, uint64_t now_ms) noexcept nogil:
    _sign()
    shlock_lock(&lb.sh.lock, process_pid)
    _refresh_locked(lb, now_ms)
    shlock_unlock(&lb.sh.lock)


cdef void _refresh_locked(lb_t* lb, uint64_t now_ms) noexcept nogil:
    cdef uint32_t index
    cdef bint must_rebuild = not _is_sound(lb)
    for index in range(lb.sh.n_servers):
        _ramp(lb, lb.servers[index], now_ms)
        if _reweigh(lb, lb.servers[index]):
            must_rebuild = True
    if must_rebuild:
        _rebuild(lb)
        return
    _count_usable(lb)
    if lb.ops.moved != NULL:
        # A new maxconn changes no weight, but who is full.
        for index in range(lb.sh.n_servers):
            lb.ops.moved(lb, lb.servers[index])


cdef void lb_resize(lb_t* lb, uint32_t n_servers, uint32_t* entries, uint32_t capacity, uint64_t now_ms) noexcept nogil:
    _sign()
    shlock_lock(&lb.sh.lock, process_pid)
    # Whoever dies in between leaves a lock that is freed with a new generation, and enough memory for the number that stands.
    if entries != NULL:
        lb.sh.lb_entries = entries
        lb.sh.lb_capacity = capacity
    lb.sh.n_servers = n_servers
    # Where in the memory things stand depends on the number.
    lb.sh.lb_generation = lb.sh.lock.generation
    _refresh_locked(lb, now_ms)
    shlock_unlock(&lb.sh.lock)


# -- death of a worker

cdef int32_t _sum_held(const srv_t* srv, int32_t n_workers) noexcept nogil:
    cdef int64_t held = 0
    cdef int32_t worker
    for worker in range(n_workers):
        held += srv.counters[worker].held
    return <int32_t> held


cdef bint lb_recover(lb_t* lb, int32_t pid, int32_t worker, int32_t n_workers, uint64_t now_ms) noexcept nogil:
    cdef bint freed = shlock_free_of(&lb.sh.lock, pid)
    cdef uint32_t index
    cdef srv_t* srv
    cdef int32_t served
    _sign()
    if shlock_lock_parent(&lb.sh.lock, process_pid):
        freed = True
    for index in range(lb.sh.n_servers):
        srv = lb.servers[index]
        if worker >= 0:
            srv.counters[worker].held = 0
        served = _sum_held(srv, n_workers)
        if served != srv.sh.served:
            store_i32(&srv.sh.served, served)
            if lb.ops.moved != NULL and _is_sound(lb):
                lb.ops.moved(lb, srv)
    _refresh_locked(lb, now_ms)
    shlock_unlock(&lb.sh.lock)
    return freed


cdef uint32_t lb_source_key(const void* sockaddr) noexcept nogil:
    return hash_address(sockaddr)
