# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Messages that could not be parsed: implementation. Contracts: bad_message.pxd.

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from fastlb_core.base.buf cimport buf_data, buf_t
from fastlb_core.proxy.worker cimport worker_t

# Of this process: [2 * n_proxies], a proxy's request, then its answer. NULL before the first.
cdef bad_message_t* kept = NULL
cdef uint64_t n_seen = 0


cdef bad_message_t* _place(const stream_t* strm, const px_t* px, bint is_answer) noexcept nogil:
    cdef const worker_t* w = strm.w
    global kept, n_seen
    n_seen += 1
    if kept == NULL:
        kept = <bad_message_t*> calloc(2 * w.program.n_proxies, sizeof(bad_message_t))
    return NULL if kept == NULL else &kept[2 * px.index + is_answer]


cdef void _note(bad_message_t* bad, const stream_t* strm, const buf_t* rx) noexcept nogil:
    cdef uint32_t most = strm.w.program.bufsize
    if bad == NULL:
        return
    if bad.bytes == NULL:
        bad.bytes = <char*> malloc(most)
        if bad.bytes == NULL:
            return
    bad.len = rx.len if rx.len < most else most
    memcpy(bad.bytes, buf_data(rx), bad.len)
    bad.error_at = strm.parser.err_off
    bad.reason = strm.parser.err_reason
    bad.when_us = strm.w.loop.real_us
    bad.number = n_seen - 1
    bad.fe = strm.fe
    bad.source = strm.front.peer


cdef void bad_request_note(const stream_t* strm) noexcept nogil:
    cdef bad_message_t* bad = _place(strm, strm.fe, False)
    _note(bad, strm, &strm.front.rx)
    if bad != NULL:
        bad.be = NULL
        bad.srv = NULL


cdef void bad_answer_note(const stream_t* strm) noexcept nogil:
    cdef bad_message_t* bad = _place(strm, strm.be, True)
    _note(bad, strm, &strm.back.rx)
    if bad != NULL:
        bad.be = strm.be
        bad.srv = strm.srv


cdef const bad_message_t* bad_message_of(uint32_t px, bint is_answer) noexcept nogil:
    if kept == NULL or kept[2 * px + is_answer].len == 0:
        return NULL
    return &kept[2 * px + is_answer]


cdef void bad_messages_leave(uint32_t n_proxies, const srv_t* srv) noexcept nogil:
    cdef uint32_t i
    for i in range(2 * n_proxies if kept != NULL else 0):
        if kept[i].srv == srv:
            kept[i].srv = NULL


cdef uint64_t bad_messages_seen() noexcept nogil:
    return n_seen


cdef void bad_messages_destroy(uint32_t n_proxies) noexcept nogil:
    cdef uint32_t i
    global kept
    if kept == NULL:
        return
    for i in range(2 * n_proxies):
        free(kept[i].bytes)
    free(kept)
    kept = NULL
