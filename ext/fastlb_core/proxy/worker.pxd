# What one worker process owns: its loop, pools, log writer and lists. Types only; the loop is in proxy/run.pyx.
#
# Knows where things are. Must not know how any of them works.

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from fastlb_core.base.arena cimport arena_t, worker_slot_t
from fastlb_core.base.buf cimport opool_t
from fastlb_core.base.list cimport list_t
from fastlb_core.base.wheel cimport timer_t
from fastlb_core.http.packer cimport packer_pool_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.loop cimport loop_t
from fastlb_core.net.pipe cimport pipe_pool_t
from fastlb_core.net.tls cimport tls_saved_t
from fastlb_core.program.changes cimport changes_t
from fastlb_core.program.program cimport program_t
from fastlb_core.program.sample cimport scratch_t
from fastlb_core.program.vars cimport vars_pools_t, vars_t
from fastlb_core.proxy.log cimport log_rec_t, logger_t
from fastlb_core.proxy.track cimport trackers_t

cdef struct worker_t:
    loop_t loop                  # inline
    const program_t* program     # shared, read-only
    arena_t* arena               # shared
    worker_slot_t* slot          # shared: this worker's
    uint32_t index
    int32_t pid
    opool_t streams              # stream_t with its header storage
    opool_t captures             # capture blocks of streams; not made where program.capture_size is 0
    opool_t filters              # filters_t of streams; not made where program.n_filters is 0
    log_rec_t facts              # inline: of the format that is being written
    opool_t trackers             # stkctr_t[program.n_trackers] of front connections that track
    trackers_t seen              # inline: what the rules that run may see
    pipe_pool_t pipes
    packer_pool_t packers        # inline
    logger_t* logger             # owned
    vars_pools_t var_pools       # inline: what variables are made of
    opool_t sessions             # vars_t of front connections
    vars_t proc_vars             # inline
    bint has_vars                # the program has variables of any scope
    changes_t changes            # inline: of maps, ACLs and the process's variables, for the other workers
    changes_t questions          # inline: of rules to control; the kind is the address family, the object the number
    uint32_t n_questions         # asked since the start: the number of the last one
    list_t asking                # streams whose rule waits for an answer (stream_t.link)
    scratch_t scratch            # inline; its area is owned: bytes made while a rule runs
    list_t fronts                # every front connection (conn_t.all)
    list_t runnable              # streams to process in this turn (stream_t.runnable)
    list_t queues                # queue_t.link of those that somebody waits in
    uint8_t* is_listening        # owned: per listener of the program, 1 while it is polled
    timer_t tick                 # once a second, and sooner when listeners wait for room
    uint32_t n_fronts
    uint32_t n_streams
    int32_t message_fd           # borrowed (bridge/engine), -1: none
    bint has_message             # it is readable
    bint is_message_lost         # its other end is gone
    bint has_ticked
    bint is_paused               # SIGTTOU
    int32_t is_stopping          # soft stop: listeners closed, kept-alive clients are told to close
    int32_t is_full              # listeners are off until connections end
    int32_t shall_end            # leave the loop now

# Streams of this worker that wait for a server: for any of a backend, or for one in particular.
cdef struct queue_t:
    list_t waiting               # stream_t.link, first come first served
    list_t link                  # in worker_t.queues while somebody waits
    uint32_t n_waiting
    srv_t* srv                   # borrowed (program); NULL: a backend's queue

# What a worker keeps per server (srv_t.local).
cdef struct srv_local_t:
    queue_t queue
    list_t idle                  # conn_t.link, the last used first
    uint32_t n_idle
    tls_saved_t tls              # the last TLS session
    uint32_t kill_seq            # srv_shared_t.kill_seq when the idle ones were opened
    uint32_t port_next           # of link_t's range: where the next connection looks first

# What a worker keeps per proxy (px_t.local).
cdef struct px_local_t:
    queue_t queue
