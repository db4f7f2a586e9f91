# A loop over log lines for bench/micro. Built by bench/micro/build.py, not part of the product.
# Knows proxy/log; the record is made up here as the engine would fill it.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_of
from fastlb_core.bridge.builder cimport Program
from fastlb_core.proxy.log cimport log_flush, log_rec_t, log_stream, logger_free, logger_new, logger_t
from fastlb_core.program.program cimport px_t


cdef void fill(log_rec_t* rec, px_t* px, const char* client) noexcept nogil:
    memset(rec, 0, sizeof(rec[0]))
    rec.accept_real_us = <uint64_t> 1767225600123456
    rec.t_request = 1
    rec.t_connect = 2
    rec.t_response = 13
    rec.t_total = 17
    rec.status = 200
    rec.bytes_in = 420
    rec.bytes_out = 16384
    rec.client = client
    rec.local = client
    rec.fe = px
    rec.be = px
    rec.srv = px.lb.servers[0]
    memcpy(rec.term, b"----", 4)
    rec.actconn = 120
    rec.feconn = 110
    rec.beconn = 12
    rec.srvconn = 3
    rec.method = slice_of(b"GET", 3)
    rec.target = slice_of(b"/images/logo.png?version=3", 26)
    rec.version = slice_of(b"HTTP/1.1", 8)
    rec.level = 6


def log_lines(Program program, int proxy, bytes client, uint32_t rounds):
    """Logs `rounds` finished requests of a client (packed sockaddr), flushes, and returns the lines that were dropped."""
    cdef const char* address = client
    cdef log_rec_t rec
    cdef uint64_t dropped = 0
    cdef uint32_t i
    cdef logger_t* logger
    with nogil:
        logger = logger_new(program.ptr, &dropped)
        if logger != NULL:
            fill(&rec, program.ptr.proxies[proxy], address)
            for i in range(rounds):
                # a request every 50 us
                log_stream(logger, &rec, 1000 + i // 20, rec.accept_real_us + <uint64_t> i * 50)
            log_flush(logger)
            logger_free(logger)
    if logger == NULL:
        raise MemoryError("logger")
    return dropped
