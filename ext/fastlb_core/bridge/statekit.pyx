# cython: language_level=3
# Testing access to fetches of state: one at a time, without traffic. Must not be imported outside tests/ and bench/.

from libc.stdlib cimport calloc, free
from libc.string cimport memset

from fastlb_core.base.arena cimport arena_t
from fastlb_core.bridge.exprkit cimport put_arg, value_of
from fastlb_core.bridge.registry cimport find_fetch
from fastlb_core.lb.shared cimport counters_t, px_shared_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.expr cimport ARG_PROXY, ARG_STOP, arg_t, fetch_fn
from fastlb_core.program.program cimport listener_t, program_t, px_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t, sample_t, scratch_t


class Frontend:
    """Stands for the connection's frontend in the arguments of `fetch`, where a proxy is wanted."""

    def put(self, size_t arg):
        """For exprkit.put_arg."""
        (<arg_t*> arg).type = ARG_PROXY


cdef class Accepted:
    """A connection as it is before it has a stream: no bytes, no addresses, a frontend without anything."""

    cdef conn_t front
    cdef listener_t listener
    cdef px_t px
    cdef px_shared_t px_shared
    cdef counters_t counters[2]
    cdef program_t program
    cdef arena_t* arena

    def __cinit__(self):
        memset(&self.front, 0, sizeof(conn_t))
        memset(&self.listener, 0, sizeof(listener_t))
        memset(&self.px, 0, sizeof(px_t))
        memset(&self.px_shared, 0, sizeof(px_shared_t))
        memset(self.counters, 0, sizeof(self.counters))
        memset(&self.program, 0, sizeof(program_t))
        self.arena = <arena_t*> calloc(1, sizeof(arena_t))
        self.front.fd = -1
        self.front.origin = &self.listener
        self.px.sh = &self.px_shared
        self.px.fe_counters = self.px.be_counters = self.listener.counters = self.counters
        self.listener.px = &self.px
        self.program.arena = self.arena
        self.program.n_workers = 1

    def __dealloc__(self):
        free(self.arena)

    cdef void fill(self, eval_t* ev):
        ev.program = &self.program
        ev.front = &self.front
        ev.fe = &self.px


def fetch(
    name: str, *args, real_us: int = 0, pid: int = 1, worker: int = 0, final: bool = True, room: int = 65536,
    is_accepted: bool = False,
):
    """What sample fetch `name` (of the core's tables) gives without traffic: constants, the clock, the environment, random
    numbers. None where it has no value. args, room: as convert. Raises KeyError for an unknown fetch.

    Fetches that look at a connection or the program must not be asked unless is_accepted: then there is an empty
    connection without a stream, as in `tcp-request connection`.
    """
    cdef bytes key = name.encode()
    cdef fetch_fn fn = find_fetch(<const char*> key)
    cdef arg_t values[16]
    cdef eval_t ev
    cdef scratch_t scratch
    cdef sample_t smp
    if fn == NULL:
        raise KeyError(name)
    keep: list = []
    memset(values, 0, sizeof(values))
    memset(&ev, 0, sizeof(ev))
    memset(&smp, 0, sizeof(smp))
    for i, arg in enumerate(args):
        put_arg(&values[<int> i], arg, keep)
    values[<int> len(args)].type = ARG_STOP
    scratch.area = <char*> calloc(1, room + 1)
    scratch.size = room
    scratch.used = 0
    ev.scratch = &scratch
    ev.options = EVAL_O_FINAL if final else 0
    ev.real_us, ev.pid, ev.worker = real_us, pid, worker
    cdef Accepted accepted = Accepted() if is_accepted else None
    if accepted is not None:
        accepted.fill(&ev)
        for i in range(16):
            if values[<int> i].type == ARG_PROXY:
                values[<int> i].ptr = &accepted.px
    try:
        return value_of(&smp) if fn(&ev, values, &smp) else None
    finally:
        free(scratch.area)
