# FastCGI parameters: implementation. They stand in the order in which haproxy writes them.
#
# haproxy: evaluates `set-param` before a server is chosen; here it is done when the request is sent, with the same values.

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcpy

from fastlb_core.base.slice cimport slice_eq, slice_eq_nocase, slice_of, slice_t
from fastlb_core.http.cgi cimport cgi_digits
from fastlb_core.http.fcgi cimport fcgi_put_pair
from fastlb_core.http.message cimport (
    HDR_AUTHORIZATION, HDR_CONNECTION, HDR_CONTENT_LENGTH, HDR_CONTENT_TYPE, HDR_F_DELETED, HDR_HOST, HDR_KEEP_ALIVE,
    HDR_PROXY_AUTHENTICATE, HDR_PROXY_AUTHORIZATION, HDR_TE, HDR_TRANSFER_ENCODING, HDR_UPGRADE, http_msg_t, msg_find,
    msg_hdr_name, msg_hdr_value, msg_slice, msg_target,
)
from fastlb_core.http.uri cimport uri_split, uri_t
from fastlb_core.net.address cimport ADDR_TEXT_MAX, addr_length, addr_port, addr_write_ip
from fastlb_core.net.conn cimport conn_local
from fastlb_core.program.acl cimport COND_TRUE, cond_eval
from fastlb_core.program.conv_encode cimport url_dec
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.fcgi_app cimport fcgi_param_t
from fastlb_core.program.fetch_auth cimport http_auth_type, http_auth_user
from fastlb_core.program.http_values cimport target_path
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.regex cimport REGEX_GROUPS, regex_exec, regex_span_t
from fastlb_core.program.rules cimport rule_t
from fastlb_core.program.sample cimport EVAL_O_FINAL, sample_t, scratch_take, smp_set_str
from fastlb_core.proxy.evaluate cimport eval_stream
from fastlb_core.proxy.stream cimport stream_t

cdef enum:                       # parameters that have a value of their own, in the order they are written; index of NAMES
    P_AUTH_TYPE = 0
    P_REMOTE_USER
    P_GATEWAY_INTERFACE
    P_DOCUMENT_ROOT
    P_SCRIPT_NAME
    P_PATH_INFO
    P_REQUEST_URI
    P_REQUEST_METHOD
    P_QUERY_STRING
    P_SERVER_NAME
    P_SERVER_PORT
    P_SERVER_PROTOCOL
    P_REMOTE_ADDR
    P_REMOTE_PORT
    P_SCRIPT_FILENAME
    P_PATH_TRANSLATED
    P_CONTENT_LENGTH
    P_SERVER_SOFTWARE
    P_HTTPS
    P_N

cdef const char** NAMES = [
    b"AUTH_TYPE", b"REMOTE_USER", b"GATEWAY_INTERFACE", b"DOCUMENT_ROOT", b"SCRIPT_NAME", b"PATH_INFO", b"REQUEST_URI",
    b"REQUEST_METHOD", b"QUERY_STRING", b"SERVER_NAME", b"SERVER_PORT", b"SERVER_PROTOCOL", b"REMOTE_ADDR", b"REMOTE_PORT",
    b"SCRIPT_FILENAME", b"PATH_TRANSLATED", b"CONTENT_LENGTH", b"SERVER_SOFTWARE", b"HTTPS",
]

# What is being written.
cdef struct params_t:
    char* dst
    uint32_t at
    uint32_t room
    bint is_full                 # something did not fit
    slice_t known[19]            # values by P_*, in dst; ptr NULL: not written yet


cdef slice_t _put(params_t* params, slice_t name, slice_t value) noexcept nogil:
    """Writes a pair; the value where it stands now."""
    cdef uint32_t n = fcgi_put_pair(params.dst + params.at, params.room - params.at, name, value)
    params.is_full = params.is_full or n == 0
    params.at += n
    return slice_of(params.dst + params.at - value.len, value.len) if n else slice_of(NULL, 0)


cdef uint32_t _length_of(const char* text) noexcept nogil:
    cdef uint32_t n = 0
    while text[n]:
        n += 1
    return n


cdef inline slice_t _name_of(uint32_t which) noexcept nogil:
    return slice_of(NAMES[which], _length_of(NAMES[which]))


cdef void _put_known(params_t* params, uint32_t which, slice_t value) noexcept nogil:
    """One with a value of its own, unless a rule has set it."""
    if params.known[which].ptr == NULL:
        params.known[which] = _put(params, _name_of(which), value)


cdef void params_look(eval_t* ev, stream_t* strm) noexcept nogil:
    eval_stream(ev, strm, EVAL_O_FINAL)
    # It is being sent: its bytes are still there.
    ev.req = &strm.req_msg


# -- headers

cdef bint _is_omitted(const http_msg_t* msg, int i) noexcept nogil:
    cdef uint8_t id = msg.hdrs[i].id
    cdef slice_t name = msg_hdr_name(msg, i)
    if id == HDR_AUTHORIZATION or id == HDR_PROXY_AUTHORIZATION or id == HDR_PROXY_AUTHENTICATE or id == HDR_CONNECTION \
            or id == HDR_KEEP_ALIVE or id == HDR_TE or id == HDR_UPGRADE:
        return True
    # HTTP_PROXY is a variable that programs obey ("httpoxy").
    return slice_eq_nocase(name, b"proxy", 5) or slice_eq_nocase(name, b"trailers", 8)


cdef bint params_is_hidden(eval_t* ev, const fcgi_app_t* app, int i) noexcept nogil:
    cdef const http_msg_t* msg = ev.req
    cdef slice_t name = msg_hdr_name(msg, i)
    cdef const rule_t* rule
    cdef uint32_t at
    if not _is_omitted(msg, i):
        return False
    for at in range(app.pass_headers.n_items):
        rule = &app.pass_headers.items[at]
        ev.scratch.used = 0
        if slice_eq_nocase(name, rule.args[0].str.ptr, rule.args[0].str.len) and \
                (rule.cond == NULL or cond_eval(ev, rule.cond) == COND_TRUE):
            return False
    return True


cdef inline bint _is_own_connection(const http_msg_t* msg, int i) noexcept nogil:
    """`connection: close` and `keep-alive` of http/rewrite, which are for a server that speaks HTTP."""
    cdef slice_t value = msg_hdr_value(msg, i)
    return msg.hdrs[i].id == HDR_CONNECTION and (slice_eq(value, b"close", 5) or slice_eq(value, b"keep-alive", 10))


cdef void _put_header(params_t* params, eval_t* ev, int i) noexcept nogil:
    """HTTP_ and the name in capitals; what is neither letter nor digit becomes an underscore."""
    cdef slice_t name = msg_hdr_name(ev.req, i)
    cdef char* text
    cdef uint8_t c
    cdef uint32_t at
    ev.scratch.used = 0
    text = scratch_take(ev, name.len + 5)
    if text == NULL:
        params.is_full = True
        return
    memcpy(text, b"HTTP_", 5)
    for at in range(name.len):
        c = <uint8_t> name.ptr[at]
        text[5 + at] = <char> (c - 32) if 97 <= c <= 122 else <char> c if 65 <= c <= 90 or 48 <= c <= 57 else b'_'
    _put(params, slice_of(text, name.len + 5), msg_hdr_value(ev.req, i))


cdef void _put_headers(params_t* params, eval_t* ev, const fcgi_app_t* app) noexcept nogil:
    cdef const http_msg_t* msg = ev.req
    cdef uint8_t id
    cdef int i
    for i in range(<int> msg.n_hdrs):
        id = msg.hdrs[i].id
        if msg.hdrs[i].flags & HDR_F_DELETED or id == HDR_TRANSFER_ENCODING or _is_own_connection(msg, i):
            continue
        if id == HDR_CONTENT_LENGTH:
            _put(params, _name_of(P_CONTENT_LENGTH), msg_hdr_value(msg, i))
        elif id == HDR_CONTENT_TYPE:
            _put(params, slice_of(b"CONTENT_TYPE", 12), msg_hdr_value(msg, i))
        elif not params_is_hidden(ev, app, i):
            _put_header(params, ev, i)


# -- rules

cdef uint32_t _which(slice_t name) noexcept nogil:
    cdef uint32_t which
    for which in range(P_N):
        if slice_eq(name, NAMES[which], _length_of(NAMES[which])):
            return which
    return P_N


cdef bint _set_value(eval_t* ev, const fcgi_param_t* param, uint32_t most, slice_t* value) noexcept nogil:
    """The value of the last rule that holds and has one. False: none has."""
    cdef const rule_t* rule
    cdef uint32_t i = param.rules.n_items
    while i:
        i -= 1
        rule = &param.rules.items[i]
        ev.scratch.used = 0
        if rule.cond != NULL and cond_eval(ev, rule.cond) != COND_TRUE:
            continue
        ev.scratch.used = 0
        if lf_text(ev, <const logformat_t*> rule.args[0].ptr, most, value) and value.len:
            return True
    return False


cdef void _put_rules(params_t* params, eval_t* ev, const fcgi_app_t* app) noexcept nogil:
    cdef slice_t value, placed
    cdef uint32_t i, which
    for i in range(app.n_params):
        if not _set_value(ev, &app.params[i], params.room - params.at, &value):
            continue
        placed = _put(params, app.params[i].name, value)
        which = _which(app.params[i].name)
        if which < P_N:
            params.known[which] = placed


# -- what is known otherwise

cdef void _put_auth(params_t* params, eval_t* ev) noexcept nogil:
    cdef sample_t smp
    cdef arg_t none
    none.type = 0
    ev.scratch.used = 0
    if http_auth_type(ev, &none, &smp):
        _put_known(params, P_AUTH_TYPE, smp.str)
    ev.scratch.used = 0
    if http_auth_user(ev, &none, &smp) and smp.str.len:
        _put_known(params, P_REMOTE_USER, smp.str)


cdef bint _decoded_path(eval_t* ev, slice_t* path) noexcept nogil:
    """In the scratch area. False: there is none, or it has bad escapes."""
    cdef sample_t smp
    cdef arg_t none
    none.type = 0
    smp.flags = 0
    ev.scratch.used = 0
    smp_set_str(&smp, target_path(msg_target(ev.req)).ptr, target_path(msg_target(ev.req)).len)
    if smp.str.len == 0 or not url_dec(ev, &none, &smp):
        return False
    path[0] = smp.str
    return True


cdef bint _split_path(const fcgi_app_t* app, slice_t* script, slice_t* info) noexcept nogil:
    """`path-info`: the script's name, and what stands behind it. False: bytes that no regex shall see."""
    cdef regex_span_t[REGEX_GROUPS] spans
    cdef slice_t path = script[0]
    if app.path_info == NULL:
        return True
    if memchr(path.ptr, 0, path.len) != NULL or memchr(path.ptr, b'\n', path.len) != NULL:
        return False
    if regex_exec(app.path_info, path, 0, spans) and spans[1].end > spans[1].start:
        script[0] = slice_of(path.ptr + spans[1].start, spans[1].end - spans[1].start)
        if spans[2].end > spans[2].start:
            info[0] = slice_of(path.ptr + spans[2].start, spans[2].end - spans[2].start)
    return True


cdef bint _joined(eval_t* ev, slice_t first, slice_t second, slice_t* both) noexcept nogil:
    cdef char* text = scratch_take(ev, first.len + second.len)
    if text == NULL:
        return False
    memcpy(text, first.ptr, first.len)
    if second.len:
        memcpy(text + first.len, second.ptr, second.len)
    both[0] = slice_of(text, first.len + second.len)
    return True


cdef bint _put_path(params_t* params, eval_t* ev, const fcgi_app_t* app) noexcept nogil:
    cdef slice_t script, info = slice_of(NULL, 0)
    if params.known[P_SCRIPT_NAME].ptr != NULL and (app.path_info == NULL or params.known[P_PATH_INFO].ptr != NULL):
        # The rules have said it all.
        return True
    if not _decoded_path(ev, &script) or not _split_path(app, &script, &info):
        return False
    if script.ptr[script.len - 1] == b'/' and app.index_name.len and not _joined(ev, script, app.index_name, &script):
        return False
    _put_known(params, P_SCRIPT_NAME, script)
    if info.len:
        _put_known(params, P_PATH_INFO, info)
    return True


cdef void _put_file(params_t* params, eval_t* ev, uint32_t which, uint32_t path) noexcept nogil:
    """The document root and a path."""
    cdef slice_t text
    if params.known[path].ptr == NULL or params.known[P_DOCUMENT_ROOT].ptr == NULL:
        return
    ev.scratch.used = 0
    if _joined(ev, params.known[P_DOCUMENT_ROOT], params.known[path], &text):
        _put_known(params, which, text)
    else:
        params.is_full = True


cdef void _put_number(params_t* params, uint32_t which, uint64_t number) noexcept nogil:
    cdef char[20] digits
    _put_known(params, which, slice_of(digits, cgi_digits(digits, number, 10)))


cdef void _put_server(params_t* params, eval_t* ev) noexcept nogil:
    cdef char[ADDR_TEXT_MAX] text
    cdef const void* local = conn_local(ev.front)
    cdef int host = msg_find(ev.req, HDR_HOST)
    cdef slice_t name = msg_hdr_value(ev.req, host) if host >= 0 else slice_of(NULL, 0)
    if name.len == 0:
        name = slice_of(text, addr_write_ip(text, local))
    if name.len:
        _put_known(params, P_SERVER_NAME, name)
    if addr_length(local):
        _put_number(params, P_SERVER_PORT, addr_port(local))


cdef void _put_client(params_t* params, eval_t* ev) noexcept nogil:
    cdef char[ADDR_TEXT_MAX] text
    cdef uint32_t n = addr_write_ip(text, &ev.front.peer)
    if n:
        _put_known(params, P_REMOTE_ADDR, slice_of(text, n))
        _put_number(params, P_REMOTE_PORT, addr_port(&ev.front.peer))


cdef bint _put_facts(params_t* params, eval_t* ev, const fcgi_app_t* app, uint64_t body) noexcept nogil:
    cdef const http_msg_t* msg = ev.req
    cdef uri_t uri = uri_split(msg_target(msg))
    _put_auth(params, ev)
    _put_known(params, P_GATEWAY_INTERFACE, slice_of(b"CGI/1.1", 7))
    _put_known(params, P_DOCUMENT_ROOT, app.docroot)
    if not _put_path(params, ev, app):
        return False
    _put_known(params, P_REQUEST_URI, msg_target(msg))
    _put_known(params, P_REQUEST_METHOD, msg_slice(msg, msg.method_off, msg.method_len))
    if uri.query.len:
        _put_known(params, P_QUERY_STRING, uri.query)
    _put_server(params, ev)
    _put_known(params, P_SERVER_PROTOCOL, msg_slice(msg, msg.version_off, msg.version_len))
    _put_client(params, ev)
    _put_file(params, ev, P_SCRIPT_FILENAME, P_SCRIPT_NAME)
    _put_file(params, ev, P_PATH_TRANSLATED, P_PATH_INFO)
    # haproxy: writes its own beside a rule's.
    if msg_find(msg, HDR_CONTENT_LENGTH) < 0:
        _put_number(params, P_CONTENT_LENGTH, body)
    _put_known(params, P_SERVER_SOFTWARE, app.software)
    if ev.front.transport != NULL:
        _put_known(params, P_HTTPS, slice_of(b"on", 2))
    return True


cdef int32_t params_write(stream_t* strm, const fcgi_app_t* app, uint64_t body, char* dst, uint32_t room) noexcept nogil:
    cdef params_t params
    cdef eval_t ev
    cdef uint32_t which
    params_look(&ev, strm)
    params.dst = dst
    params.at = 0
    params.room = room
    params.is_full = False
    for which in range(P_N):
        params.known[which] = slice_of(NULL, 0)
    _put_headers(&params, &ev, app)
    _put_rules(&params, &ev, app)
    if not _put_facts(&params, &ev, app, body) or params.is_full:
        return -1
    return <int32_t> params.at
