# cython: language_level=3
# Testing access to tracked counters and to the fetches and converters of stick tables. Must not be imported outside tests/.
#
# Knows how to make a session and a stream that track keys, without connections. Tables are bridge.stickkit's, by address.

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from fastlb_core.bridge.exprkit cimport put_sample, value_of
from fastlb_core.bridge.registry cimport find_conv, find_fetch
from fastlb_core.net.conn cimport conn_t
from fastlb_core.program.expr cimport ARG_SINT, ARG_STOP, ARG_TABLE, ARG_UNSET, arg_t, conv_fn, fetch_fn
from fastlb_core.program.sample cimport eval_t, sample_t, scratch_t
from fastlb_core.proxy.stick_key cimport stick_key_of, stick_key_t
from fastlb_core.proxy.stick_table cimport stick_table_t
from fastlb_core.proxy.track cimport (
    stkctr_t, track_begin, track_bytes, track_end, track_glitch, track_gpc_add, track_gpt_set, track_http_err, track_http_fail,
    track_http_req, track_session, trackers_t)
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, sockaddr_in, sockaddr_in6

cdef enum:
    N_COUNTERS = 3
    SCRATCH = 65536


cdef class Stream:
    """Counters of a session and of a stream in it. source: the client's address or None. Times in ms; tables by address."""

    cdef eval_t ev
    cdef scratch_t scratch
    cdef trackers_t all
    cdef stkctr_t strm[3]
    cdef stkctr_t sess[3]
    cdef conn_t* front           # owned; only its peer is looked at

    def __cinit__(self, source=None):
        cdef bytes text
        self.front = <conn_t*> calloc(1, sizeof(conn_t))
        self.scratch.area = <char*> calloc(1, SCRATCH)
        if self.front == NULL or self.scratch.area == NULL:
            raise MemoryError
        self.scratch.size = SCRATCH
        if source is not None:
            text = source.packed
            self.front.peer.family = AF_INET if len(text) == 4 else AF_INET6
            if len(text) == 4:
                memcpy(&(<sockaddr_in*> &self.front.peer).sin_addr, <const char*> text, 4)
            else:
                memcpy(&(<sockaddr_in6*> &self.front.peer).sin6_addr, <const char*> text, 16)
        self.all.strm = self.strm
        self.all.sess = self.sess
        self.all.n = N_COUNTERS
        self.ev.front = self.front
        self.ev.scratch = &self.scratch
        self.ev.trackers = &self.all

    def __dealloc__(self):
        free(self.front)
        free(self.scratch.area)

    def begin(self, counter: int, table: int, value, now_ms: int, *, session: bool = False, request: bool = False) -> bool:
        """Tracks `value` in the table; False where it cannot be a key or the table is full."""
        cdef sample_t smp
        cdef stick_key_t key
        cdef stick_table_t* where = <stick_table_t*> <uint64_t> table
        keep: list = []
        put_sample(&smp, value, keep)
        self.ev.now_ms = now_ms
        self.scratch.used = 0
        if not stick_key_of(where, &self.ev, &smp, &key):
            return False
        ctr = &self.sess[<uint32_t> counter] if session else &self.strm[<uint32_t> counter]
        return track_begin(&self.ev, ctr, where, &key, request)

    def end(self, now_ms: int, *, session: bool = False) -> None:
        track_end(&self.sess[0] if session else &self.strm[0], N_COUNTERS, now_ms)

    def count(self, event: str, now_ms: int, n_in: int = 0, n_out: int = 0) -> None:
        """event: session, request, error, failure, bytes or glitch."""
        cdef uint64_t now = now_ms
        if event == "session":
            track_session(self.sess, N_COUNTERS, now)
        elif event == "request":
            track_http_req(&self.all, now)
        elif event == "error":
            track_http_err(&self.all, now)
        elif event == "failure":
            track_http_fail(&self.all, now)
        elif event == "bytes":
            track_bytes(&self.all, n_in, n_out, now)
        elif event == "glitch":
            track_glitch(&self.all, n_in, now)
        else:
            raise KeyError(event)

    def gpc_add(self, counter: int, type: int, index: int, n: int, now_ms: int) -> bool:
        return track_gpc_add(&self.all, counter, type, index, n, now_ms)

    def gpt_set(self, counter: int, type: int, index: int, value: int, now_ms: int) -> bool:
        return track_gpt_set(&self.all, counter, type, index, value, now_ms)

    cdef int _arguments(self, arg_t* args, list values) except -1:
        memset(args, 0, sizeof(arg_t) * 8)
        for i, value in enumerate(values):
            arg = &args[<uint32_t> i]
            if value is None:
                arg.type = ARG_UNSET
            elif isinstance(value, int):
                arg.type = ARG_SINT
                arg.num = value
            else:
                arg.type = ARG_TABLE
                arg.ptr = <void*> <uint64_t> value.table_address
        args[<uint32_t> len(values)].type = ARG_STOP
        return 0

    def fetch(self, core: str, values: list, now_ms: int):
        """The core's fetch `core` with these arguments (int, a stickkit.Table, None); None for no value."""
        cdef bytes name = core.encode()
        cdef fetch_fn fn = find_fetch(<const char*> name)
        cdef arg_t args[8]
        cdef sample_t smp
        if fn == NULL:
            raise KeyError(core)
        self._arguments(args, values)
        memset(&smp, 0, sizeof(smp))
        self.ev.now_ms = now_ms
        self.scratch.used = 0
        return value_of(&smp) if fn(&self.ev, args, &smp) else None

    def convert(self, core: str, value, values: list, now_ms: int):
        cdef bytes name = core.encode()
        cdef conv_fn fn = find_conv(<const char*> name)
        cdef arg_t args[8]
        cdef sample_t smp
        if fn == NULL:
            raise KeyError(core)
        keep: list = []
        self._arguments(args, values)
        put_sample(&smp, value, keep)
        self.ev.now_ms = now_ms
        self.scratch.used = 0
        return value_of(&smp) if fn(&self.ev, args, &smp) else None
