# Traces: implementation. Each line goes out by itself, when it happens: this filter is for looking, not for speed.

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from fastlb_core.base.atomic cimport add_fetch_u64
from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport HDR_F_DELETED, MSG_F_RESPONSE, msg_hdr_name, msg_hdr_value, msg_slice, msg_target
from fastlb_core.program.rules cimport RULES_FILTER, px_rules, rule_t, rules_t
from fastlb_core.proxy.filters cimport FILTER_TRACE
from fastlb_core.proxy.stream_http cimport http_stream_ops

cdef extern from "<stdio.h>" nogil:
    int dprintf(int fd, const char* format, ...)
    int snprintf(char* into, size_t size, const char* format, ...)

cdef enum:
    STDERR = 2
    LINE_MAX = 1024
    DUMP_WIDTH = 16
    DUMP_BAR = 52                # where the characters begin

cdef enum side_t:                # whose traces speak
    SIDE_FRONTEND = 1
    SIDE_BACKEND = 2
    SIDE_BOTH = 3


cdef inline const slice_t* _name_of(const rule_t* rule) noexcept nogil:
    return &rule.args[<uint32_t> TRACE_NAME].str


cdef inline bint _speaks(const rule_t* rule) noexcept nogil:
    return rule.args[0].num == FILTER_TRACE and not rule.args[<uint32_t> TRACE_FLAGS].num & TRACE_F_QUIET


cdef void _line(uint64_t real_us, const px_t* px, const rule_t* rule, const char* who, const char* text) noexcept nogil:
    """One line, with haproxy's columns."""
    cdef char[128] label
    snprintf(label, sizeof(label), b"%.*s/%.*s", <int> _name_of(rule).len, _name_of(rule).ptr, <int> px.name.len, px.name.ptr)
    dprintf(STDERR, b"%llu.%06llu [%-20s] %s%s\n", <unsigned long long> (real_us // 1000000),
            <unsigned long long> (real_us % 1000000), label, who, text)


cdef inline char _hex(uint8_t nibble) noexcept nogil:
    return <char> (48 + nibble if nibble < 10 else 87 + nibble)


cdef void _dump(const char* bytes, uint32_t length) noexcept nogil:
    """Sixteen to a line: in hexadecimal, two halves, and as characters."""
    cdef char[80] line
    cdef uint32_t at = 0, n, i
    cdef uint8_t byte
    cdef char* hexa
    while at < length:
        n = length - at if length - at < DUMP_WIDTH else DUMP_WIDTH
        memset(line, b' ', sizeof(line))
        line[DUMP_BAR] = b'|'
        for i in range(n):
            byte = <uint8_t> bytes[at + i]
            hexa = line + 3 * i + (2 if i >= DUMP_WIDTH // 2 else 0)
            hexa[0] = _hex(byte >> 4)
            hexa[1] = _hex(byte & 15)
            line[DUMP_BAR + 1 + i] = <char> byte if 32 <= byte < 127 else b'.'
        line[DUMP_BAR + 1 + n] = b'|'
        line[DUMP_BAR + 2 + n] = 0
        dprintf(STDERR, b"\t0x%06x: %s\n", <unsigned int> at, line)
        at += n


cdef void _say_of(stream_t* strm, const px_t* px, const char* text, const char* bytes, uint32_t length) noexcept nogil:
    """bytes: those that a dump shows; NULL: none."""
    cdef const rules_t* rules = px_rules(px, RULES_FILTER)
    cdef char[96] who
    cdef uint32_t i
    if rules == NULL:
        return
    # haproxy: what its analyzers have left to do; here the stream's flags, and how far its rules are.
    snprintf(who, sizeof(who), b"[strm %p(%llu) 0x%08x 0x%08x] ", <void*> strm, <unsigned long long> (strm.number - 1),
             <unsigned int> strm.flags, <unsigned int> strm.phase)
    for i in range(rules.n_items):
        if _speaks(&rules.items[i]):
            _line(strm.w.loop.real_us, px, &rules.items[i], who, text)
            if bytes != NULL and rules.items[i].args[<uint32_t> TRACE_FLAGS].num & TRACE_F_HEXDUMP:
                _dump(bytes, length)


cdef void _say(stream_t* strm, side_t side, const char* text) noexcept nogil:
    _say_bytes(strm, side, text, NULL, 0)


cdef void _say_bytes(stream_t* strm, side_t side, const char* text, const char* bytes, uint32_t length) noexcept nogil:
    if side & SIDE_FRONTEND:
        _say_of(strm, strm.fe, text, bytes, length)
    if side & SIDE_BACKEND and strm.be != NULL and strm.be != strm.fe:
        _say_of(strm, strm.be, text, bytes, length)


cdef void _say_channel(stream_t* strm, side_t side, const char* what, bint is_response, const char* rest) noexcept nogil:
    """`what` with the columns that tell the direction."""
    _say_data(strm, side, what, is_response, rest, NULL, 0)


cdef void _say_data(stream_t* strm, side_t side, const char* what, bint is_response, const char* rest, const char* bytes,
                    uint32_t length) noexcept nogil:
    cdef char[LINE_MAX] text
    snprintf(text, sizeof(text), b"%-25s: channel=%-10s - mode=%-5s (%s)%s", what, b"RESPONSE" if is_response else b"REQUEST",
             b"HTTP" if strm.ops == http_stream_ops() else b"TCP", b"backend" if strm.be != NULL else b"frontend", rest)
    _say_bytes(strm, side, text, bytes, length)


# -- the worker

cdef const char* _word(int64_t flags, int flag) noexcept nogil:
    return b"true" if flags & flag else b"false"


cdef void trace_worker(const program_t* program, uint32_t worker, uint64_t real_us) noexcept nogil:
    cdef const rules_t* rules
    cdef int64_t flags
    cdef char[128] text
    cdef uint32_t i, k
    for i in range(program.n_proxies):
        rules = px_rules(program.proxies[i], RULES_FILTER)
        for k in range(rules.n_items if rules != NULL else 0):
            if not _speaks(&rules.items[k]):
                continue
            flags = rules.items[k].args[<uint32_t> TRACE_FLAGS].num
            if worker == 0:
                snprintf(text, sizeof(text), b"filter initialized [quiet=false - fwd random=%s - hexdump=%s]",
                         _word(flags, TRACE_F_RANDOM), _word(flags, TRACE_F_HEXDUMP))
                _line(real_us, program.proxies[i], &rules.items[k], b"", text)
            snprintf(text, sizeof(text), b"filter initialized for thread tid %u", <unsigned int> worker)
            _line(real_us, program.proxies[i], &rules.items[k], b"", text)


# -- the stream

cdef uint32_t trace_count(const px_t* px, bint* is_random) noexcept nogil:
    cdef const rules_t* rules = px_rules(px, RULES_FILTER)
    cdef uint32_t i, n = 0
    for i in range(rules.n_items if rules != NULL else 0):
        if rules.items[i].args[0].num == FILTER_TRACE:
            n += 1
            is_random[0] |= rules.items[i].args[<uint32_t> TRACE_FLAGS].num & TRACE_F_RANDOM
    return n


cdef void trace_start(stream_t* strm) noexcept nogil:
    if strm.number == 0:
        strm.number = add_fetch_u64(&strm.w.arena.n_numbered, 1)
    _say(strm, SIDE_FRONTEND, b"trace_attach             : filter-type=frontend")
    _say(strm, SIDE_FRONTEND, b"trace_stream_start       ")
    _say_channel(strm, SIDE_FRONTEND, b"trace_chn_start_analyze", False, b"")


cdef void trace_backend(stream_t* strm) noexcept nogil:
    cdef char[LINE_MAX] text
    if strm.number == 0:
        strm.number = add_fetch_u64(&strm.w.arena.n_numbered, 1)
    _say(strm, SIDE_BACKEND, b"trace_attach             : filter-type=backend")
    snprintf(text, sizeof(text), b"trace_stream_set_backend : backend=%.*s", <int> strm.be.name.len, strm.be.name.ptr)
    _say(strm, SIDE_BOTH, text)
    _say_channel(strm, SIDE_BACKEND, b"trace_chn_start_analyze", False, b"")


cdef void trace_answer(stream_t* strm) noexcept nogil:
    _say_channel(strm, SIDE_BOTH, b"trace_chn_start_analyze", True, b"")


cdef void trace_headers(stream_t* strm, const http_msg_t* msg) noexcept nogil:
    cdef bint is_response = msg.flags & MSG_F_RESPONSE != 0
    cdef slice_t version = msg_slice(msg, msg.version_off, msg.version_len)
    cdef slice_t first = msg_slice(msg, msg.method_off, msg.method_len)
    cdef slice_t last = msg_target(msg)
    cdef slice_t name, value
    cdef char[LINE_MAX] text
    cdef int i
    if is_response:
        last = msg_slice(msg, msg.reason_off, msg.reason_len)
        snprintf(text, 512, b"\t%.*s %u %.*s", <int> version.len, version.ptr, <unsigned int> msg.status,
                 <int> last.len, last.ptr)
    else:
        snprintf(text, 512, b"\t%.*s %.*s %.*s", <int> first.len, first.ptr, <int> last.len, last.ptr,
                 <int> version.len, version.ptr)
    _say_channel(strm, SIDE_BOTH, b"trace_http_headers", is_response, text)
    for i in range(msg.n_hdrs):
        if not msg.hdrs[i].flags & HDR_F_DELETED:
            name = msg_hdr_name(msg, i)
            value = msg_hdr_value(msg, i)
            snprintf(text, sizeof(text), b"\t%.*s: %.*s", <int> name.len, name.ptr, <int> value.len, value.ptr)
            _say(strm, SIDE_BOTH, text)


# -- its bytes

cdef void trace_payload(stream_t* strm, bint is_response, uint64_t offset, const char* bytes, uint32_t ready,
                        uint32_t forward) noexcept nogil:
    cdef const char* what = b"trace_http_payload" if strm.ops == http_stream_ops() else b"trace_tcp_payload"
    cdef char[128] rest
    snprintf(rest, sizeof(rest), b" - offset=%llu - len=%u - forward=%u", <unsigned long long> offset, <unsigned int> ready,
             <unsigned int> forward)
    _say_data(strm, SIDE_BOTH, what, is_response, rest, bytes, forward)


cdef void trace_message_end(stream_t* strm, bint is_response) noexcept nogil:
    if strm.ops == http_stream_ops():
        _say_channel(strm, SIDE_BOTH, b"trace_http_end", is_response, b"")


cdef void trace_stop(stream_t* strm) noexcept nogil:
    _say_channel(strm, SIDE_BOTH, b"trace_chn_end_analyze", False, b"")
    _say_channel(strm, SIDE_BOTH, b"trace_chn_end_analyze", True, b"")
    _say(strm, SIDE_BACKEND, b"trace_detach             : filter-type=backend")
    _say(strm, SIDE_FRONTEND, b"trace_stream_stop        ")
    _say(strm, SIDE_FRONTEND, b"trace_detach             : filter-type=frontend")
