# cython: language_level=3
# Test shim: log lines of proxy/log from plain values, callable from pytest and from the benchmarks.
#
# Knows how a log_rec_t is filled. Must not be imported by anything but tests and benchmarks.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.builder cimport Program
from fastlb_core.bridge.layout_expr cimport new_format
from fastlb_core.program.logformat cimport lf_build
from fastlb_core.program.program cimport px_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, eval_t, scratch_t
from fastlb_core.proxy.log cimport (
    LOG_R_BAD_REQUEST, LOG_R_BYTES_PLUS, LOG_R_REDISPATCHED, log_due, log_flush, log_rec_t, log_stream,
    log_text, logger_free, logger_new, logger_t,
)

FLAGS = {
    "plus": LOG_R_BYTES_PLUS, "redispatched": LOG_R_REDISPATCHED, "bad": LOG_R_BAD_REQUEST,
}


cdef class Record:
    """A finished stream's facts; keyword arguments as the fields of log_rec_t, proxies and servers as indexes."""

    cdef log_rec_t rec
    cdef object kept

    def __init__(
        self, Program program, fe, *, be=None, srv=None, client=b"", local=b"", accept_real_us=0, times=(0, 0, 0, 0, 0),
        status=200, bytes_in=0, bytes_out=0, bytes term=b"----", conns=(1, 1, 0, 0), retries=0, queues=(0, 0), flags=(),
        bytes method=b"GET", bytes target=b"/", bytes version=b"HTTP/1.1", level=6,
    ):
        cdef bytes client_bytes = client.ljust(128, b"\0"), local_bytes = local.ljust(128, b"\0")
        memset(&self.rec, 0, sizeof(log_rec_t))
        self.kept = (program, client_bytes, local_bytes, method, target, version)
        self.rec.client = <const char*> client_bytes
        self.rec.local = <const char*> local_bytes
        self.rec.fe = program.ptr.proxies[<int> fe]
        if be is not None:
            self.rec.be = program.ptr.proxies[<int> be]
        if srv is not None:
            self.rec.srv = program.ptr.servers[<int> srv]
        self.rec.accept_real_us = accept_real_us
        self.rec.t_request, self.rec.t_queue, self.rec.t_connect, self.rec.t_response, self.rec.t_total = times
        self.rec.status = status
        self.rec.bytes_in = bytes_in
        self.rec.bytes_out = bytes_out
        memcpy(self.rec.term, <const char*> term, 4)
        self.rec.actconn, self.rec.feconn, self.rec.beconn, self.rec.srvconn = conns
        self.rec.retries = retries
        self.rec.srv_queue, self.rec.be_queue = queues
        for name in flags:
            self.rec.flags |= FLAGS[name]
        self.rec.method = slice_of(<const char*> method, <unsigned int> len(method))
        self.rec.target = slice_of(<const char*> target, <unsigned int> len(target))
        self.rec.version = slice_of(<const char*> version, <unsigned int> len(version))
        self.rec.level = level


def build_format(Program program, tuple value, int room):
    """What the format (as layout_expr.pyx has it) makes of no stream at all, in `room` bytes; AssertionError where it wrote
    behind them. Its aliases must not look at a connection."""
    cdef eval_t ev
    cdef scratch_t scratch
    cdef char area[65536]
    cdef char into[8192]
    cdef uint32_t length
    assert 0 <= room < 8000
    memset(&ev, 0, sizeof(eval_t))
    memset(into, 0x55, sizeof(into))
    scratch.area = area
    scratch.size = sizeof(area)
    scratch.used = 0
    ev.program = program.ptr
    ev.scratch = &scratch
    ev.options = EVAL_O_FINAL
    length = lf_build(&ev, new_format(program.ptr, value), into, <uint32_t> room)
    assert length <= <uint32_t> room and into[:8192][room:] == b"U" * (8192 - room)
    assert scratch.used == 0
    return into[:length]


cdef class Logger:
    """One worker's logger over a Program. Its lines leave on flush(), on a full batch, and when it is closed nothing is."""

    cdef logger_t* ptr
    cdef uint64_t n_dropped
    cdef Program program

    def __cinit__(self, Program program):
        self.program = program
        self.ptr = logger_new(program.ptr, &self.n_dropped)
        if self.ptr == NULL:
            raise MemoryError

    def __dealloc__(self):
        logger_free(self.ptr)

    def stream(self, Record record, uint64_t now_ms=1000, uint64_t now_real_us=0, int n=1):
        """Logs the record `n` times."""
        cdef int _i
        with nogil:
            for _i in range(n):
                log_stream(self.ptr, &record.rec, slice_of(NULL, 0), NULL, now_ms, now_real_us)

    def text(self, bytes text, level=6, px=None, uint64_t now_ms=1000, uint64_t now_real_us=0):
        cdef const px_t* owner = NULL if px is None else self.program.ptr.proxies[<int> px]
        log_text(self.ptr, owner, level, slice_of(<const char*> text, <unsigned int> len(text)), NULL, now_ms, now_real_us)

    def flush(self):
        with nogil:
            log_flush(self.ptr)

    def due(self, uint64_t now_ms):
        return log_due(self.ptr, now_ms)

    @property
    def dropped(self):
        return self.n_dropped
