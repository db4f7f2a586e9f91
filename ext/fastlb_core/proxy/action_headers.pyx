# `add-header`, `set-header`, `del-header`, `replace-header`, `replace-value` (manual, section 4.2).
#
# Arguments, see config/actions/headers.py: the name in lower case or a regex, then what the action wants.

from libc.stdint cimport uint32_t
from libc.string cimport memcmp

from fastlb_core.base.slice cimport slice_t
from fastlb_core.http.message cimport (
    HDR_F_DELETED, HDR_OTHER, hdr_id_of, hdr_id_t, http_msg_t, msg_find_name, msg_hdr_append, msg_hdr_del, msg_hdr_del_all,
    msg_hdr_name,
)
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.rules cimport (
    ACT_CONT, ACT_ERROR, RULES_HTTP_REQUEST, act_t, action_fn, rule_t,
)
from fastlb_core.program.sample cimport eval_t

cdef action_entry_t[8] entries
cdef uint32_t n_entries = 0

cdef enum:                       # the second argument of del-header
    MATCH_STR = 0
    MATCH_BEG = 1
    MATCH_END = 2
    MATCH_SUB = 3
    MATCH_REG = 4


cdef const action_entry_t* action_headers_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline http_msg_t* _msg(eval_t* ev, const rule_t* rule) noexcept nogil:
    return ev.req if rule.set == RULES_HTTP_REQUEST else ev.res


cdef void _delete(http_msg_t* msg, slice_t name) noexcept nogil:
    cdef hdr_id_t id = hdr_id_of(name.ptr, name.len)
    cdef int i
    if id != HDR_OTHER:
        msg_hdr_del_all(msg, id)
        return
    i = msg_find_name(msg, name, 0)
    while i >= 0:
        msg_hdr_del(msg, i)
        i = msg_find_name(msg, name, i + 1)


cdef act_t add_header(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef slice_t value
    cdef http_msg_t* msg = _msg(ev, rule)
    if not lf_text(ev, <const logformat_t*> rule.args[1].ptr, ev.program.bufsize, &value):
        return ACT_ERROR
    return ACT_CONT if msg_hdr_append(msg, rule.args[0].str, value) else ACT_ERROR


cdef act_t set_header(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef slice_t value
    cdef http_msg_t* msg = _msg(ev, rule)
    if not lf_text(ev, <const logformat_t*> rule.args[1].ptr, ev.program.bufsize, &value):
        return ACT_ERROR
    _delete(msg, rule.args[0].str)
    return ACT_CONT if msg_hdr_append(msg, rule.args[0].str, value) else ACT_ERROR


cdef bint _contains(slice_t text, slice_t part) noexcept nogil:
    cdef uint32_t i
    if part.len > text.len:
        return False
    for i in range(text.len - part.len + 1):
        if memcmp(text.ptr + i, part.ptr, part.len) == 0:
            return True
    return False


cdef bint _is_named(slice_t name, const arg_t* args) noexcept nogil:
    cdef slice_t wanted = args[0].str
    if args[1].num == MATCH_SUB:
        return _contains(name, wanted)
    if name.len < wanted.len:
        return False
    if args[1].num == MATCH_BEG:
        return memcmp(name.ptr, wanted.ptr, wanted.len) == 0
    return memcmp(name.ptr + name.len - wanted.len, wanted.ptr, wanted.len) == 0


cdef act_t del_header(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef http_msg_t* msg = _msg(ev, rule)
    cdef uint32_t i
    if rule.args[1].num == MATCH_STR:
        _delete(msg, rule.args[0].str)
        return ACT_CONT
    for i in range(msg.n_hdrs):
        if not msg.hdrs[i].flags & HDR_F_DELETED and _is_named(msg_hdr_name(msg, <int> i), rule.args):
            msg_hdr_del(msg, <int> i)
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"add-header", add_header)
add(b"set-header", set_header)
add(b"del-header", del_header)
