# `redirect location|prefix|scheme` (manual, section 4.2). Arguments, see config/actions/redirect.py.

from libc.stdint cimport uint32_t
from libc.string cimport memchr

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport HDR_HOST, msg_find, msg_hdr_value, msg_target
from fastlb_core.http.uri cimport URI_ABSOLUTE, uri_path_query, uri_split, uri_t
from fastlb_core.program.expr cimport ARG_FORMAT, ARG_STR
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.rules cimport ACT_CONT, ACT_DONE, ACT_ERROR, RULES_HTTP_RESPONSE, act_t, rule_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.answer cimport head_add, head_add_number, head_close, head_open, head_t, head_text
from fastlb_core.proxy.http_end cimport http_reply_page
from fastlb_core.proxy.stream cimport fe_counters, stream_drop_answer, stream_t

cdef enum:                       # the arguments
    A_KIND = 0
    A_TARGET = 1
    A_CODE = 2
    A_FLAGS = 3
    A_COOKIE = 4
    KIND_LOCATION = 0
    KIND_PREFIX = 1
    KIND_SCHEME = 2
    FLAG_DROP_QUERY = 1
    FLAG_APPEND_SLASH = 2
    FLAG_IGNORE_EMPTY = 4
    FLAG_KEEP_QUERY = 8

cdef action_entry_t[1] entries


cdef const action_entry_t* action_redirect_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef slice_t _query(slice_t target) noexcept nogil:
    """From the question mark on; empty when there is none."""
    cdef const char* mark = <const char*> memchr(target.ptr, b'?', target.len)
    if mark == NULL:
        return slice_of(target.ptr + target.len, 0)
    return slice_of(mark, <uint32_t> (target.ptr + target.len - mark))


cdef bint _put_path(head_t* head, slice_t target, uint32_t flags) noexcept nogil:
    """Path and query of the request, as the flags want them."""
    cdef slice_t path = uri_path_query(target)
    cdef slice_t query = _query(path)
    path.len -= query.len
    if not head_text(head, path):
        return False
    if flags & FLAG_DROP_QUERY:
        query.len = 0
    if flags & FLAG_APPEND_SLASH and (path.len == 0 or path.ptr[path.len - 1] != b'/') and not head_text(head, slice_of(b"/", 1)):
        return False
    return head_text(head, query)


cdef bint _put_host(eval_t* ev, head_t* head) noexcept nogil:
    cdef uri_t uri
    cdef int host
    if ev.req == NULL:
        return True
    uri = uri_split(msg_target(ev.req))
    host = msg_find(ev.req, HDR_HOST)
    if uri.form == URI_ABSOLUTE:
        return head_text(head, uri.authority)
    return head_text(head, msg_hdr_value(ev.req, host)) if host >= 0 else True


cdef bint _put_location(eval_t* ev, const rule_t* rule, head_t* head, slice_t text) noexcept nogil:
    # Of an answer's request only the line that was saved is left.
    cdef slice_t target = msg_target(ev.req) if ev.req != NULL else ev.log_uri
    cdef uint32_t flags = <uint32_t> rule.args[A_FLAGS].num
    if not head_text(head, slice_of(b"location: ", 10)):
        return False
    if rule.args[A_KIND].num == KIND_SCHEME:
        if not head_text(head, text) or not head_text(head, slice_of(b"://", 3)) or not _put_host(ev, head) \
                or not _put_path(head, target, flags):
            return False
    elif rule.args[A_KIND].num == KIND_PREFIX:
        # haproxy: the prefix "/" is no prefix, so that `prefix / append-slash` only adds the slash.
        if not (text.len == 1 and text.ptr[0] == b'/') and not head_text(head, text):
            return False
        if not _put_path(head, target, flags):
            return False
    elif not head_text(head, text) or flags & FLAG_KEEP_QUERY and not _put_query(head, text, target):
        return False
    return head_text(head, slice_of(b"\r\n", 2))


cdef bint _put_query(head_t* head, slice_t location, slice_t target) noexcept nogil:
    """`keep-query`: the request's, behind the location's own if it has one."""
    cdef slice_t query = _query(target)
    if query.len <= 1:
        return True
    if memchr(location.ptr, b'?', location.len) == NULL:
        return head_text(head, query)
    return head_text(head, slice_of(b"&", 1)) and head_text(head, slice_of(query.ptr + 1, query.len - 1))


cdef bint _put_cookie(eval_t* ev, const rule_t* rule, head_t* head) noexcept nogil:
    cdef slice_t cookie
    if rule.args[A_COOKIE].type == ARG_STR:
        cookie = rule.args[A_COOKIE].str
    elif rule.args[A_COOKIE].type != ARG_FORMAT:
        return True
    elif not lf_text(ev, <const logformat_t*> rule.args[A_COOKIE].ptr, 4096, &cookie):
        return False
    return head_add(head, slice_of(b"set-cookie", 10), cookie)


cdef act_t redirect(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef uint32_t code = <uint32_t> rule.args[A_CODE].num
    cdef head_t head
    cdef slice_t text, page
    if not lf_text(ev, <const logformat_t*> rule.args[A_TARGET].ptr, ev.program.bufsize, &text):
        return ACT_ERROR
    if text.len == 0 and rule.args[A_FLAGS].num & FLAG_IGNORE_EMPTY:
        return ACT_CONT
    if not head_open(ev, &head, code) or not head_add_number(&head, slice_of(b"content-length", 14), 0) \
            or not _put_location(ev, rule, &head, text):
        return ACT_ERROR
    if code != 301 and code != 308 and not head_add(&head, slice_of(b"cache-control", 13), slice_of(b"no-cache", 8)):
        return ACT_ERROR
    if not _put_cookie(ev, rule, &head) or not head_close(ev, &head, slice_of(b"", 0), &page):
        return ACT_ERROR
    if rule.set != RULES_HTTP_RESPONSE:
        fe_counters(strm).intercepted += 1
    else:
        stream_drop_answer(strm, ev.res_bytes.len)
    http_reply_page(strm, <int> code, page, b'L', b'H' if rule.set == RULES_HTTP_RESPONSE else b'R')
    return ACT_DONE


entries[0].name = b"redirect"
entries[0].fn = redirect
