# The worker's loop. A turn: events, timers, streams that were woken, log lines, the dead are buried.

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from posix.unistd cimport getpid

from fastlb_core.base.atomic cimport load_i32, store_i32, store_relaxed_u64
from fastlb_core.base.arena cimport (
    WORKER_C_PAUSE, WORKER_C_RESUME, WORKER_C_SOFT_STOP, WORKER_C_STOP, WORKER_S_GONE, WORKER_S_RUNNING, WORKER_S_STOPPING,
)
from fastlb_core.base.buf cimport opool_destroy, opool_init
from fastlb_core.base.bug cimport FLB_DEBUG, flb_bug_on
from fastlb_core.base.list cimport list_entry, list_init, list_pop, list_t
from fastlb_core.base.wheel cimport timer_t, wheel_set
from fastlb_core.http.fcgi cimport fcgi_destroy_pools, fcgi_n_used
from fastlb_core.http.packer cimport packer_pool_destroy, packer_pool_init
from fastlb_core.lb.balance cimport lb_set_process
from fastlb_core.net.conn cimport conn_bury_dead, conn_close, conn_of_timer, conn_t
from fastlb_core.net.loop cimport (
    TIMER_CONN, TIMER_FILTERS, TIMER_STREAM, TIMER_WORKER, loop_add, loop_del, loop_destroy, loop_init, loop_sleep, loop_turn,
)
from fastlb_core.net.pipe cimport pipe_pool_destroy, pipe_pool_init
from fastlb_core.net.tls cimport tls_destroy_pools, tls_forget_saved, tls_n_used
from fastlb_core.program.changes cimport changes_destroy
from fastlb_core.program.pattern cimport pat_ref_t
from fastlb_core.program.program cimport program_t
from fastlb_core.proxy.bad_message cimport bad_messages_destroy
from fastlb_core.proxy.evaluate cimport eval_close_worker, eval_open_worker
from fastlb_core.proxy.filters cimport filters_size, filters_stream
from fastlb_core.proxy.front cimport front_close_listeners, front_listen, front_set_ops, front_unlisten
from fastlb_core.proxy.idle_pool cimport idle_drop
from fastlb_core.proxy.log cimport log_due, log_flush, logger_free, logger_new
from fastlb_core.proxy.queue cimport queue_init, queue_wake_all
from fastlb_core.proxy.run cimport (
    RUN_CHANGES, RUN_ENDED, RUN_MESSAGE, RUN_MESSAGE_LOST, RUN_QUESTIONS, RUN_TICK, run_result_t,
)
from fastlb_core.proxy.stick_store cimport stick_set_process, stick_sweep
from fastlb_core.proxy.stick_table cimport stick_table_t
from fastlb_core.proxy.stream cimport (
    STRM_F_TIMEOUT, STRM_F_WOKEN, stream_discard, stream_of_timer, stream_process, stream_size, stream_t,
)
from fastlb_core.proxy.stream_http cimport http_stream_ops
from fastlb_core.proxy.stream_tcp cimport tcp_stream_ops
from fastlb_core.proxy.trace cimport trace_worker
from fastlb_core.proxy.track cimport stkctr_t
from fastlb_core.proxy.worker cimport px_local_t, srv_local_t, worker_t
from fastlb_core.sys.epoll cimport EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP
from fastlb_core.sys.splice cimport read

cdef enum:
    STREAMS_PER_SLAB = 16
    TICK_MS = 1000
    SCRATCH_BUFFERS = 16         # what rules may make, in tune.bufsize
    PAGE_BUFFERS = 4             # the largest answer of a rule
    SWEEP_BUDGET = 10000         # expired entries of a table that one tick throws away
    FULL_TICK_MS = 100           # while listeners wait for room that another worker may have made
    MAX_PIPES = 1024
    WAKE_ROUNDS = 8              # of streams that wake others in one turn; what is left waits for the next


cdef void _conn_expired(timer_t* timer) noexcept nogil:
    cdef conn_t* conn = conn_of_timer(timer)
    conn.ops.on_timer(conn)


cdef void _stream_expired(timer_t* timer) noexcept nogil:
    cdef stream_t* strm = stream_of_timer(timer)
    strm.flags |= STRM_F_TIMEOUT
    stream_process(strm)


cdef void _filters_expired(timer_t* timer) noexcept nogil:
    stream_process(filters_stream(timer))


cdef worker_t* _worker_of(timer_t* timer) noexcept nogil:
    return <worker_t*> list_entry(<list_t*> timer, <size_t> &(<worker_t*> NULL).tick)


cdef void _publish(worker_t* w) noexcept nogil:
    """What others may want to know, once a second."""
    w.slot.n_loops = w.loop.n_turns
    w.slot.n_wakeups = w.loop.n_waits_with_events
    w.slot.idle_ns = w.loop.slept_ns
    w.slot.n_pipes = w.pipes.n_used
    w.slot.pool_bytes = <uint64_t> (w.loop.bufs.n_used + w.loop.bufs.n_cached) * w.loop.bufs.area_size \
        + <uint64_t> (w.loop.big_bufs.n_used + w.loop.big_bufs.n_cached) * w.loop.big_bufs.area_size
    store_relaxed_u64(&w.slot.heartbeat_ms, w.loop.now_ms)


cdef void _sweep_tables(worker_t* w) noexcept nogil:
    cdef uint32_t i
    for i in range(w.program.n_tables):
        stick_sweep(<const stick_table_t*> w.program.tables[i], SWEEP_BUDGET, w.loop.now_ms)


cdef void _tick(timer_t* timer) noexcept nogil:
    cdef worker_t* w = _worker_of(timer)
    _publish(w)
    _sweep_tables(w)
    w.has_ticked = True
    if w.is_full:
        front_listen(w)
    # A wake-up may have gone to a worker whose waiter had just given up, or have been lost with a worker that died.
    queue_wake_all(w)
    wheel_set(&w.loop.wheel, timer, <uint32_t> w.loop.now_ms + (FULL_TICK_MS if w.is_full else TICK_MS))


# -- what the master asks

cdef void _soft_stop(worker_t* w) noexcept nogil:
    w.is_stopping = True
    store_i32(&w.slot.state, WORKER_S_STOPPING)
    front_close_listeners(w)
    idle_drop(w, NULL)


cdef void _obey(worker_t* w) noexcept nogil:
    cdef int32_t command = load_i32(&w.slot.command)
    if command == WORKER_C_STOP:
        w.shall_end = True
    elif command == WORKER_C_SOFT_STOP and not w.is_stopping:
        _soft_stop(w)
    elif command == WORKER_C_PAUSE:
        front_unlisten(w)
        w.is_paused = True
    elif command == WORKER_C_RESUME and w.is_paused:
        w.is_paused = False
    if not w.is_paused:
        front_listen(w)


cdef void _woken(void* owner, uint32_t events) noexcept nogil:
    """The slot's eventfd: a command of the master, or a slot of a server that another worker has freed."""
    cdef worker_t* w = <worker_t*> owner
    cdef uint64_t count
    read(w.slot.wake_fd, &count, sizeof(count))
    _obey(w)
    queue_wake_all(w)


cdef void _message(void* owner, uint32_t events) noexcept nogil:
    cdef worker_t* w = <worker_t*> owner
    if events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP) and not events & EPOLLIN:
        w.is_message_lost = True
    else:
        w.has_message = True


# -- life

cdef bint worker_know_servers(worker_t* w) noexcept nogil:
    cdef srv_local_t* srv_local
    cdef uint32_t i
    for i in range(w.program.n_servers):
        if w.program.servers[i].local != NULL:
            continue
        srv_local = <srv_local_t*> calloc(1, sizeof(srv_local_t))
        if srv_local == NULL:
            return False
        list_init(&srv_local.idle)
        srv_local.kill_seq = w.program.servers[i].sh.kill_seq
        queue_init(&srv_local.queue, w.program.servers[i])
        w.program.servers[i].local = srv_local
    return True


cdef bint _make_locals(worker_t* w) noexcept nogil:
    cdef px_local_t* px_local
    cdef uint32_t i
    for i in range(w.program.n_servers):
        w.program.servers[i].local = NULL
    if not worker_know_servers(w):
        return False
    for i in range(w.program.n_proxies):
        px_local = <px_local_t*> calloc(1, sizeof(px_local_t))
        if px_local == NULL:
            return False
        queue_init(&px_local.queue, NULL)
        w.program.proxies[i].local = px_local
    return True


cdef void _log_changes(worker_t* w) noexcept nogil:
    """From here on rules log what they change; what `global` sets at the start each worker sets itself."""
    cdef uint32_t i
    for i in range(w.program.n_pattern_refs):
        (<pat_ref_t*> w.program.pattern_refs[i]).changes = &w.changes
    w.proc_vars.changes = &w.changes


cdef bint worker_init(worker_t* w, const program_t* program, uint32_t index, uint32_t max_fds) noexcept nogil:
    w.program = program
    w.arena = program.arena
    w.slot = &program.arena.workers[index]
    w.index = index
    # Its own word for it: the master writes the slot's pid after the fork, perhaps later than this.
    w.pid = getpid()
    if not loop_init(&w.loop, max_fds, program.bufsize, sizeof(conn_t)):
        return False
    w.loop.on_timer[<int> TIMER_CONN] = _conn_expired
    w.loop.on_timer[<int> TIMER_STREAM] = _stream_expired
    w.loop.on_timer[<int> TIMER_WORKER] = _tick
    w.loop.on_timer[<int> TIMER_FILTERS] = _filters_expired
    w.tick.kind = TIMER_WORKER
    opool_init(&w.streams, stream_size(program.maxhdr, program.logurilen, program.n_trackers), STREAMS_PER_SLAB)
    if program.capture_size:
        opool_init(&w.captures, program.capture_size, STREAMS_PER_SLAB)
    if program.n_filters:
        opool_init(&w.filters, filters_size(program.n_filters), STREAMS_PER_SLAB)
        trace_worker(program, index, w.loop.real_us)
    opool_init(&w.trackers, (program.n_trackers if program.n_trackers else 1) * <uint32_t> sizeof(stkctr_t), STREAMS_PER_SLAB)
    pipe_pool_init(&w.pipes, MAX_PIPES)
    packer_pool_init(&w.packers, program.comp_level, program.max_packers)
    list_init(&w.fronts)
    list_init(&w.runnable)
    list_init(&w.queues)
    list_init(&w.asking)
    w.message_fd = -1
    w.is_listening = <unsigned char*> calloc(program.n_listeners + 1, 1)
    w.logger = logger_new(program, &w.slot.log_dropped)
    w.scratch.size = SCRATCH_BUFFERS * program.bufsize
    w.scratch.page_size = PAGE_BUFFERS * program.bufsize
    w.scratch.area = <char*> malloc(w.scratch.size + w.scratch.page_size)
    w.scratch.page = w.scratch.area + w.scratch.size
    if w.is_listening == NULL or w.logger == NULL or w.scratch.area == NULL or not _make_locals(w):
        return False
    eval_open_worker(w)
    _log_changes(w)
    lb_set_process(w.pid, index)
    stick_set_process(w.pid, <int32_t> index)
    front_set_ops(http_stream_ops(), tcp_stream_ops())
    return True


cdef bint worker_start(worker_t* w) noexcept nogil:
    if not loop_add(&w.loop, w.slot.wake_fd, EPOLLIN, w, _woken):
        return False
    wheel_set(&w.loop.wheel, &w.tick, <uint32_t> w.loop.now_ms + TICK_MS)
    store_i32(&w.slot.state, WORKER_S_RUNNING)
    front_listen(w)
    _publish(w)
    _obey(w)
    return True


cdef bint worker_watch_messages(worker_t* w, int fd) noexcept nogil:
    if w.message_fd >= 0:
        loop_del(&w.loop, w.message_fd)
    w.message_fd = fd
    w.has_message = False
    w.is_message_lost = False
    return fd < 0 or loop_add(&w.loop, fd, EPOLLIN | EPOLLRDHUP, w, _message)


cdef void _run_woken(worker_t* w) noexcept nogil:
    """Streams that others have woken, those woken meanwhile included; a yielding one waits for the next turn."""
    cdef list_t batch
    cdef list_t* link
    cdef stream_t* strm
    cdef int _round
    for _round in range(WAKE_ROUNDS):
        if w.runnable.next == &w.runnable:
            return
        list_init(&batch)
        batch.next = w.runnable.next
        batch.prev = w.runnable.prev
        batch.next.prev = &batch
        batch.prev.next = &batch
        list_init(&w.runnable)
        while True:
            link = list_pop(&batch)
            if link == NULL:
                break
            strm = <stream_t*> list_entry(link, <size_t> &(<stream_t*> NULL).runnable)
            strm.flags &= ~(<uint32_t> STRM_F_WOKEN)
            stream_process(strm)


cdef int _sleep_ms(worker_t* w) noexcept nogil:
    cdef int sleep = loop_sleep(&w.loop)
    cdef int due = log_due(w.logger, w.loop.now_ms)
    if w.runnable.next != &w.runnable:
        return 0
    if due >= 0 and (sleep < 0 or due < sleep):
        return due
    return sleep


cdef run_result_t worker_run(worker_t* w) noexcept nogil:
    while True:
        loop_turn(&w.loop, _sleep_ms(w))
        _run_woken(w)
        if log_due(w.logger, w.loop.now_ms) == 0:
            log_flush(w.logger)
        conn_bury_dead(&w.loop)
        if w.shall_end or w.is_stopping and w.n_fronts == 0:
            log_flush(w.logger)
            return RUN_ENDED
        if w.changes.len and w.message_fd >= 0:
            # Before messages: what others have changed since must find our own changes sent.
            return RUN_CHANGES
        if w.questions.len and w.message_fd >= 0:
            return RUN_QUESTIONS
        if w.has_message:
            w.has_message = False
            return RUN_MESSAGE
        if w.is_message_lost:
            return RUN_MESSAGE_LOST
        if w.has_ticked and w.message_fd < 0:
            w.has_ticked = False
            return RUN_TICK


cdef void _check_leaks(worker_t* w) noexcept nogil:
    """After the last connection nothing may be out of any pool; the pools of objects look for themselves when they go."""
    flb_bug_on(w.n_streams != 0)
    flb_bug_on(w.runnable.next != &w.runnable)
    flb_bug_on(w.queues.next != &w.queues)
    flb_bug_on(w.asking.next != &w.asking)
    flb_bug_on(w.pipes.n_used != 0)
    flb_bug_on(w.packers.n_used != 0)
    flb_bug_on(tls_n_used() != 0)
    flb_bug_on(fcgi_n_used() != 0)
    flb_bug_on(w.loop.bufs.n_used != 0)
    flb_bug_on(w.loop.big_bufs.n_used != 0)


cdef void _close_all(worker_t* w) noexcept nogil:
    """What a hard stop leaves to the kernel is put away by hand where leaks are looked for."""
    cdef conn_t* front
    w.is_stopping = True
    while w.fronts.next != &w.fronts:
        front = <conn_t*> list_entry(w.fronts.next, <size_t> &(<conn_t*> NULL).all)
        if front.owner != NULL:
            stream_discard(<stream_t*> front.owner)
        else:
            conn_close(front)


cdef void _forget_sessions(worker_t* w) noexcept nogil:
    cdef uint32_t i
    for i in range(w.program.n_servers):
        tls_forget_saved(&(<srv_local_t*> w.program.servers[i].local).tls)


cdef void worker_destroy(worker_t* w) noexcept nogil:
    if FLB_DEBUG:
        _close_all(w)
    if w.n_fronts == 0:
        # Streams that ended after the soft stop began have filled the pools again.
        idle_drop(w, NULL)
        conn_bury_dead(&w.loop)
        if FLB_DEBUG:
            _check_leaks(w)
        eval_close_worker(w)
        opool_destroy(&w.streams)
        if w.program.capture_size:
            opool_destroy(&w.captures)
        if w.program.n_filters:
            opool_destroy(&w.filters)
        opool_destroy(&w.trackers)
        pipe_pool_destroy(&w.pipes)
        packer_pool_destroy(&w.packers)
        _forget_sessions(w)
        tls_destroy_pools()
        fcgi_destroy_pools()
        loop_destroy(&w.loop)
    # Otherwise it is a hard stop: what is open ends with the process.
    bad_messages_destroy(w.program.n_proxies)
    logger_free(w.logger)
    w.logger = NULL
    changes_destroy(&w.changes)
    changes_destroy(&w.questions)
    free(w.is_listening)
    w.is_listening = NULL
    free(w.scratch.area)
    w.scratch.area = NULL
    store_i32(&w.slot.state, WORKER_S_GONE)
