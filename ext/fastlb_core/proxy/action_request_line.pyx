# Actions on the request line and the status (manual, section 4.2). Arguments, see config/actions/request_line.py.

from libc.stdint cimport uint16_t, uint32_t

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport METHOD_HEAD, http_msg_t, msg_set_method, msg_set_status, msg_target
from fastlb_core.http.normalize cimport (
    NORM_DONE, NORM_INVALID, NORM_PATH, NORM_QUERY, norm_apply, norm_part, norm_part_t, norm_room, norm_status_t,
)
from fastlb_core.http.status cimport reason_phrase
from fastlb_core.http.target cimport (
    target_path, target_path_query, target_set_path, target_set_path_query, target_set_query, target_set_uri,
)
from fastlb_core.http.uri cimport uri_split
from fastlb_core.program.expr cimport ARG_STR
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.regex cimport REGEX_GROUPS, regex_exec, regex_span_t, regex_subst, regex_t
from fastlb_core.program.rules cimport ACT_CONT, ACT_DONE, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport eval_t, scratch_rest, scratch_take
from fastlb_core.proxy.action cimport act_rewrote
from fastlb_core.proxy.http_end cimport http_refuse
from fastlb_core.proxy.stream cimport STRM_F_CLOSE_FRONT, STRM_F_HEAD_ASKED, fe_counters, stream_t

ctypedef bint (*setter_fn)(http_msg_t* msg, slice_t value) noexcept nogil

cdef action_entry_t[10] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_request_line_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# ---- set-*

cdef act_t _set(eval_t* ev, const rule_t* rule, setter_fn setter) noexcept nogil:
    cdef slice_t value
    if not lf_text(ev, <const logformat_t*> rule.args[0].ptr, ev.program.bufsize, &value):
        return act_rewrote(ev, False)
    return act_rewrote(ev, setter(ev.req, value))


cdef act_t set_path(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set(ev, rule, target_set_path)


cdef act_t set_pathq(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set(ev, rule, target_set_path_query)


cdef act_t set_query(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set(ev, rule, target_set_query)


cdef act_t set_uri(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set(ev, rule, target_set_uri)


# A client that asked with HEAD gets no body, whatever the server was asked; one that did not but whose server was asked with
# HEAD gets an answer whose end it cannot see, so nothing may follow it.
cdef act_t set_method(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef bint was_head = ev.req.method == METHOD_HEAD
    cdef act_t act = _set(ev, rule, msg_set_method)
    if was_head and ev.req.method != METHOD_HEAD:
        strm.flags |= STRM_F_HEAD_ASKED
    elif ev.req.method == METHOD_HEAD and not was_head and not strm.flags & STRM_F_HEAD_ASKED:
        strm.flags |= STRM_F_CLOSE_FRONT
    return act


cdef act_t set_status(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef uint32_t status = <uint32_t> rule.args[0].num
    cdef slice_t reason = reason_phrase(status)
    if rule.args[1].type == ARG_STR:
        reason = rule.args[1].str
    return act_rewrote(ev, msg_set_status(ev.res, <uint16_t> status, reason))


# ---- replace-*

# The whole of `subject` becomes the expanded format where the regex matches anywhere in it (haproxy: the same).
cdef act_t _replace(eval_t* ev, const rule_t* rule, slice_t subject, setter_fn setter) noexcept nogil:
    cdef regex_span_t spans[REGEX_GROUPS]
    cdef slice_t template
    cdef uint32_t room = 0, length = 0
    cdef char* dst
    if subject.ptr == NULL or not regex_exec(<const regex_t*> rule.args[0].ptr, subject, 0, spans):
        return ACT_CONT
    if not lf_text(ev, <const logformat_t*> rule.args[1].ptr, ev.program.bufsize, &template):
        return act_rewrote(ev, False)
    dst = scratch_rest(ev, &room)
    if not regex_subst(subject, spans, template, dst, room, &length):
        return act_rewrote(ev, False)
    return act_rewrote(ev, setter(ev.req, slice_of(dst, length)))


cdef act_t replace_path(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _replace(ev, rule, target_path(ev.req), target_set_path)


cdef act_t replace_pathq(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _replace(ev, rule, target_path_query(ev.req), target_set_path_query)


cdef act_t replace_uri(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _replace(ev, rule, msg_target(ev.req), target_set_uri)


# ---- normalize-uri

cdef slice_t _part(const http_msg_t* msg, norm_part_t part) noexcept nogil:
    if part == NORM_QUERY:
        return uri_split(msg_target(msg)).query
    return target_path(msg) if part == NORM_PATH else target_path_query(msg)


cdef bint _is_same(slice_t text, const char* other, uint32_t length) noexcept nogil:
    cdef uint32_t i
    if text.len != length:
        return False
    for i in range(length):
        if text.ptr[i] != other[i]:
            return False
    return True


cdef bint _set_part(http_msg_t* msg, norm_part_t part, slice_t value) noexcept nogil:
    if part == NORM_QUERY:
        return target_set_query(msg, value)
    return target_set_path(msg, value) if part == NORM_PATH else target_set_path_query(msg, value)


cdef act_t normalize_uri(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int normalizer = <int> rule.args[0].num
    cdef norm_part_t part = norm_part(normalizer)
    cdef slice_t text = _part(ev.req, part)
    cdef uint32_t room, length = 0
    cdef char* dst
    cdef norm_status_t status
    cdef stream_t* strm = <stream_t*> ev.strm
    if text.len == 0:
        return ACT_CONT
    room = norm_room(normalizer, text.len)
    # The area may begin anywhere; working memory of the sort wants its alignment.
    ev.scratch.used = (ev.scratch.used + 7) & ~(<uint32_t> 7)
    dst = scratch_take(ev, room) if ev.scratch.used <= ev.scratch.size else NULL
    if dst == NULL:
        return act_rewrote(ev, False)
    status = norm_apply(normalizer, text, dst, room, &length)
    if status == NORM_INVALID:
        fe_counters(strm).failed_req += 1
        strm.t_request = 0
        http_refuse(strm, 400, b'P', b'R')
        return ACT_DONE
    if status != NORM_DONE:
        return act_rewrote(ev, False)
    if _is_same(text, dst, length):
        return ACT_CONT
    return act_rewrote(ev, _set_part(ev.req, part, slice_of(dst, length)))


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"set-method", set_method)
add(b"set-path", set_path)
add(b"set-pathq", set_pathq)
add(b"set-query", set_query)
add(b"set-uri", set_uri)
add(b"replace-path", replace_path)
add(b"replace-pathq", replace_pathq)
add(b"replace-uri", replace_uri)
add(b"normalize-uri", normalize_uri)
add(b"set-status", set_status)
