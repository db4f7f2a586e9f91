# Log aliases of requests, answers, captures and names (manual, sections 8.2.6, 8.6 to 8.8).
#
# Knows which text each alias shows and which bytes of it become #XX. Must not know quotes or missing values
# (program/logformat).

from libc.stdint cimport uint32_t
from libc.string cimport memchr, memcpy, strlen

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.uri cimport URI_ASTERISK, uri_split, uri_t
from fastlb_core.program.logformat cimport (
    LF_F_ENCODE, LF_F_ESCAPE, LF_F_HTTP, LF_F_QUOTE, LF_V_NOTHING, LF_V_PLAIN, LF_V_READY, LF_V_TEXT, alias_fn,
    lf_item_t, lf_value_t,
)
from fastlb_core.program.sample cimport eval_t, scratch_rest, scratch_take
from fastlb_core.proxy.log cimport LOG_R_BAD_REQUEST, log_rec_t
from fastlb_core.proxy.log_facts cimport facts_of
from fastlb_core.proxy.log_out cimport out_byte, out_bytes, out_escaped, out_escaped_header, out_t
from fastlb_core.proxy.stream cimport STRM_F_BAD_REQUEST, stream_t
from fastlb_core.proxy.unique_id cimport unique_id_of

cdef alias_entry_t[32] entries
cdef uint32_t n_entries = 0
# By log_step_t.
cdef const char** ORIGINS = [
    b"", b"txn_accept", b"txn_request", b"txn_connect", b"txn_response", b"txn_close", b"sess_error", b"tcp-req-conn",
    b"tcp-req-sess", b"tcp-req-cont", b"tcp-res-cont", b"http-req", b"http-res", b"http-after-res",
]


cdef const alias_entry_t* log_alias_http_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline stream_t* _stream(eval_t* ev) noexcept nogil:
    return <stream_t*> ev.strm


# ---- texts

cdef inline void _as_is(lf_value_t* value, slice_t text) noexcept nogil:
    value.kind = LF_V_TEXT
    value.text = text


cdef bint _open(eval_t* ev, out_t* out) noexcept nogil:
    """Writing at the scratch area's end; `end` leaves room for a few bytes that are not checked. False: it is full."""
    cdef uint32_t room = 0
    out.at = scratch_rest(ev, &room)
    if room <= 16:
        return False
    out.end = out.at + room - 16
    return True


cdef void _close(eval_t* ev, const out_t* out, lf_value_t* value) noexcept nogil:
    cdef uint32_t room = 0
    cdef char* start = scratch_rest(ev, &room)
    value.kind = LF_V_TEXT
    value.text = slice_of(start, <uint32_t> (out.at - start))
    scratch_take(ev, value.text.len)


cdef void _escaped(eval_t* ev, const lf_item_t* item, lf_value_t* value, slice_t text) noexcept nogil:
    """A text of the client's. haproxy: an empty one is shown as such, without a dash."""
    cdef out_t out
    if item.flags & LF_F_ENCODE:
        _as_is(value, text)
        return
    if not _open(ev, &out):
        return
    out_escaped(&out, text)
    _close(ev, &out, value)


# ---- the request line

cdef bint _is_bad(eval_t* ev, lf_value_t* value) noexcept nogil:
    cdef const log_rec_t* rec = facts_of(ev)
    if not rec.flags & LOG_R_BAD_REQUEST and rec.method.len:
        return False
    _as_is(value, slice_of(b"<BADREQ>", 8))
    return True


cdef void request(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef const log_rec_t* rec = facts_of(ev)
    cdef out_t out
    if _is_bad(ev, value) or not _open(ev, &out):
        return
    _word(&out, rec.method, item)
    if rec.target.len:
        out_byte(&out, b' ')
        _word(&out, rec.target, item)
    if rec.version.len:
        out_byte(&out, b' ')
        _word(&out, rec.version, item)
    _close(ev, &out, value)


cdef void _word(out_t* out, slice_t text, const lf_item_t* item) noexcept nogil:
    if not item.flags & LF_F_ENCODE:
        out_escaped(out, text)
    elif out.end - out.at > text.len:
        out_bytes(out, text.ptr, text.len)


cdef void method(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    if not _is_bad(ev, value):
        _escaped(ev, item, value, facts_of(ev).method)


cdef void request_uri(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    if not _is_bad(ev, value):
        _escaped(ev, item, value, facts_of(ev).target)


cdef void version(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    if not _is_bad(ev, value):
        _escaped(ev, item, value, facts_of(ev).version)


cdef uint32_t _before_query(slice_t target) noexcept nogil:
    cdef const char* mark = <const char*> memchr(target.ptr, b'?', target.len) if target.len else NULL
    return <uint32_t> (mark - target.ptr) if mark != NULL else target.len


cdef void uri_without_query(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef slice_t target = facts_of(ev).target
    if not _is_bad(ev, value):
        _escaped(ev, item, value, slice_of(target.ptr, _before_query(target)))


cdef void uri_path(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef uri_t uri
    if not _is_bad(ev, value):
        uri = uri_split(facts_of(ev).target)
        # haproxy: "*" is no path.
        _escaped(ev, item, value, uri.path if uri.form != URI_ASTERISK else slice_of(NULL, 0))


cdef void uri_query(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef slice_t target = facts_of(ev).target
    cdef uint32_t at
    if not _is_bad(ev, value):
        at = _before_query(target)
        _escaped(ev, item, value, slice_of(target.ptr + at, target.len - at))


# ---- captures

cdef bint _has_captures(eval_t* ev, uint32_t n) noexcept nogil:
    """haproxy: no braces without captures in the frontend, nor for a request that could not be read."""
    return n > 0 and ev.strm != NULL and not _stream(ev).flags & STRM_F_BAD_REQUEST


cdef void _in_braces(
    eval_t* ev, const lf_item_t* item, lf_value_t* value, const slice_t* slots, uint32_t n
) noexcept nogil:
    cdef out_t out
    cdef uint32_t i
    if not _has_captures(ev, n):
        value.kind = LF_V_NOTHING
        return
    if not _open(ev, &out):
        return
    out_byte(&out, b'{')
    for i in range(n):
        if i and out.at < out.end:
            out_byte(&out, b'|')
        if slots != NULL and slots[i].len:
            if item.flags & LF_F_ENCODE:
                _word(&out, slots[i], item)
            else:
                out_escaped_header(&out, slots[i])
    out_byte(&out, b'}')
    _close(ev, &out, value)


cdef void _header(out_t* out, slice_t text, const lf_item_t* item) noexcept nogil:
    """A captured header with what +E asks for; quotes are #XX already."""
    cdef uint32_t i
    if not item.flags & LF_F_ESCAPE:
        out_escaped_header(out, text)
        return
    for i in range(text.len):
        if out.end - out.at < 4:
            return
        if text.ptr[i] == b'\\' or text.ptr[i] == b']':
            out_byte(out, b'\\')
        out_escaped_header(out, slice_of(text.ptr + i, 1))


cdef void _one_by_one(
    eval_t* ev, const lf_item_t* item, lf_value_t* value, const slice_t* slots, uint32_t n
) noexcept nogil:
    """CLF style: each on its own, with its own quotes."""
    cdef out_t out
    cdef uint32_t i
    cdef bint is_quoted = bool(item.flags & LF_F_QUOTE)
    if not _has_captures(ev, n):
        value.kind = LF_V_NOTHING
        return
    if not _open(ev, &out):
        return
    for i in range(n):
        if out.end - out.at < 4:
            break
        if i:
            out_byte(&out, b' ')
        if is_quoted:
            out_byte(&out, b'"')
        if slots != NULL and slots[i].len:
            _header(&out, slots[i], item)
        elif not is_quoted:
            out_byte(&out, b'-')
        if is_quoted:
            out_byte(&out, b'"')
    _close(ev, &out, value)
    if value.kind == LF_V_TEXT:
        value.kind = LF_V_READY


cdef void request_headers(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _in_braces(ev, item, value, ev.captures_req, ev.fe.n_captures_req)


cdef void response_headers(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _in_braces(ev, item, value, ev.captures_res, ev.fe.n_captures_res)


cdef void request_headers_clf(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _one_by_one(ev, item, value, ev.captures_req, ev.fe.n_captures_req)


cdef void response_headers_clf(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _one_by_one(ev, item, value, ev.captures_res, ev.fe.n_captures_res)


cdef void request_cookie(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    if ev.strm != NULL and _stream(ev).cookie_req.len:
        _as_is(value, _stream(ev).cookie_req)


cdef void response_cookie(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    if ev.strm != NULL and _stream(ev).cookie_res.len:
        _as_is(value, _stream(ev).cookie_res)


# ---- names and states

cdef void backend_name(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _as_is(value, ev.be.name if ev.be != NULL else ev.fe.name)


cdef void frontend_name(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _as_is(value, ev.fe.name)


cdef void frontend_name_transport(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _as_is(value, ev.fe.name_secure if ev.front != NULL and ev.front.transport != NULL else ev.fe.name)


cdef void server_name(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef const log_rec_t* rec = facts_of(ev)
    _as_is(value, rec.srv.name if rec.srv != NULL else slice_of(b"<NOSRV>", 7))


cdef void hostname(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    if ev.program.hostname.len:
        _as_is(value, ev.program.hostname)


cdef void unique_id(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    cdef slice_t id
    if ev.strm == NULL:
        return
    id = _stream(ev).unique_id
    # haproxy: outside of log lines it is shown only where something else has had it made.
    if id.len == 0 and not item.flags & LF_F_HTTP:
        id = unique_id_of(_stream(ev))
        # Making it may have gathered facts of its own.
        ev.facts = NULL
    if id.len:
        _as_is(value, id)


cdef void _state(eval_t* ev, lf_value_t* value, uint32_t n) noexcept nogil:
    cdef char* into = scratch_take(ev, n)
    if into == NULL:
        return
    memcpy(into, facts_of(ev).term, n)
    value.kind = LF_V_PLAIN
    value.text = slice_of(into, n)


cdef void termination_state(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _state(ev, value, 2)


cdef void termination_state_cookie(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    _state(ev, value, 4)


cdef void not_encrypted(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    """%sslc and %sslv of a plain connection: missing."""


cdef void log_origin(eval_t* ev, const lf_item_t* item, lf_value_t* value) noexcept nogil:
    """%OG: the step of `log-steps`, or the rule set of `do-log`, that the line is written for."""
    if ev.log_step:
        _as_is(value, slice_of(ORIGINS[ev.log_step], <uint32_t> strlen(ORIGINS[ev.log_step])))


cdef void add(const char* name, alias_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"r", request)
add(b"HM", method)
add(b"HU", request_uri)
add(b"HP", uri_without_query)
add(b"HPO", uri_path)
add(b"HQ", uri_query)
add(b"HV", version)
add(b"hr", request_headers)
add(b"hs", response_headers)
add(b"hrl", request_headers_clf)
add(b"hsl", response_headers_clf)
add(b"CC", request_cookie)
add(b"CS", response_cookie)
add(b"b", backend_name)
add(b"f", frontend_name)
add(b"ft", frontend_name_transport)
add(b"s", server_name)
add(b"H", hostname)
add(b"ID", unique_id)
add(b"ts", termination_state)
add(b"tsc", termination_state_cookie)
add(b"sslc", not_encrypted)
add(b"sslv", not_encrypted)
add(b"OG", log_origin)
