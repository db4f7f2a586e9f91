# Actions on header fields (manual, section 4.2 "http-request add-header" and its kin), and `strict-mode`.
#
# Arguments, see config/actions/headers.py: the name in lower case or a regex, then what the action wants.

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from fastlb_core.base.slice cimport lower_in_place, slice_of, slice_t, slice_trim
from fastlb_core.http.message cimport (
    HDR_F_DELETED, HDR_HOST, HDR_OTHER, hdr_id_of, hdr_id_t, http_msg_t, is_field_text, msg_find, msg_find_name, msg_find_next,
    msg_hdr_append, msg_hdr_del, msg_hdr_del_all, msg_hdr_name, msg_hdr_replace, msg_hdr_value,
)
from fastlb_core.http.target cimport target_follow_host
from fastlb_core.program.expr cimport ARG_REGEX, expr_eval_as, expr_t
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.regex cimport REGEX_GROUPS, regex_exec, regex_match, regex_span_t, regex_subst, regex_t
from fastlb_core.program.rules cimport ACT_CONT, RULES_HTTP_REQUEST, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport SMP_T_BIN, eval_t, sample_t, scratch_rest, scratch_take
from fastlb_core.proxy.action cimport act_rewrote
from fastlb_core.proxy.stream cimport STRM_F_LAX, stream_t

cdef action_entry_t[9] entries
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


# ---- add, set, del

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


# haproxy: a Host that a rule writes is in the target as well, where that has an authority.
cdef bint _append(eval_t* ev, http_msg_t* msg, slice_t name, slice_t value) noexcept nogil:
    if not is_field_text(value) or not msg_hdr_append(msg, name, value):
        return False
    return msg != ev.req or hdr_id_of(name.ptr, name.len) != HDR_HOST or target_follow_host(msg, value)


cdef act_t add_header(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef slice_t value
    if not lf_text(ev, <const logformat_t*> rule.args[1].ptr, ev.program.bufsize, &value):
        return act_rewrote(ev, False)
    return act_rewrote(ev, _append(ev, _msg(ev, rule), rule.args[0].str, value))


cdef act_t set_header(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef slice_t value
    cdef http_msg_t* msg = _msg(ev, rule)
    if not lf_text(ev, <const logformat_t*> rule.args[1].ptr, ev.program.bufsize, &value):
        return act_rewrote(ev, False)
    _delete(msg, rule.args[0].str)
    return act_rewrote(ev, _append(ev, msg, rule.args[0].str, value))


cdef bint _contains(slice_t text, slice_t part) noexcept nogil:
    cdef uint32_t i
    if part.len > text.len:
        return False
    for i in range(text.len - part.len + 1):
        if memcmp(text.ptr + i, part.ptr, part.len) == 0:
            return True
    return False


cdef bint _is_named(slice_t name, slice_t wanted, int method) noexcept nogil:
    if method == MATCH_SUB:
        return _contains(name, wanted)
    if name.len < wanted.len:
        return False
    if method == MATCH_BEG:
        return memcmp(name.ptr, wanted.ptr, wanted.len) == 0
    return memcmp(name.ptr + name.len - wanted.len, wanted.ptr, wanted.len) == 0


cdef void _delete_like(http_msg_t* msg, slice_t wanted, int method) noexcept nogil:
    cdef uint32_t i
    for i in range(msg.n_hdrs):
        if not msg.hdrs[i].flags & HDR_F_DELETED and _is_named(msg_hdr_name(msg, <int> i), wanted, method):
            msg_hdr_del(msg, <int> i)


cdef void _delete_matching(http_msg_t* msg, const regex_t* regex) noexcept nogil:
    cdef uint32_t i
    for i in range(msg.n_hdrs):
        if not msg.hdrs[i].flags & HDR_F_DELETED and regex_match(regex, msg_hdr_name(msg, <int> i)):
            msg_hdr_del(msg, <int> i)


cdef act_t del_header(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef http_msg_t* msg = _msg(ev, rule)
    if rule.args[0].type == ARG_REGEX:
        _delete_matching(msg, <const regex_t*> rule.args[0].ptr)
    elif rule.args[1].num == MATCH_STR:
        _delete(msg, rule.args[0].str)
    else:
        _delete_like(msg, rule.args[0].str, <int> rule.args[1].num)
    return ACT_CONT


# ---- replace

# Where the replaced text of one header is put together: the rest of the scratch area.
cdef struct draft_t:
    char* at
    uint32_t room
    bint has_changed


cdef bint _put(draft_t* draft, slice_t text) noexcept nogil:
    if text.len > draft.room:
        return False
    if text.len:
        memcpy(draft.at, text.ptr, text.len)
    draft.at += text.len
    draft.room -= text.len
    return True


# One value: expanded where the regex matches in it, else as it is. False: no room.
cdef bint _put_replaced(draft_t* draft, const regex_t* regex, slice_t template, slice_t value) noexcept nogil:
    cdef regex_span_t spans[REGEX_GROUPS]
    cdef uint32_t length = 0
    cdef slice_t trimmed = slice_trim(value)
    if not regex_exec(regex, trimmed, 0, spans):
        return _put(draft, value)
    if not regex_subst(trimmed, spans, template, draft.at, draft.room, &length):
        return False
    draft.at += length
    draft.room -= length
    draft.has_changed = True
    return True


# The end of the element that begins at `at`: a comma outside of quotes, or the end (RFC 9110 5.6.1 and 5.6.4).
cdef uint32_t _element_end(slice_t value, uint32_t at) noexcept nogil:
    cdef bint is_quoted = False
    while at < value.len:
        if is_quoted and value.ptr[at] == 92 and at + 1 < value.len:
            at += 1
        elif value.ptr[at] == 34:
            is_quoted = not is_quoted
        elif value.ptr[at] == 44 and not is_quoted:
            break
        at += 1
    return at


# Each element of a list by itself. haproxy: the white space around one that is replaced goes.
cdef bint _put_elements(draft_t* draft, const regex_t* regex, slice_t template, slice_t value) noexcept nogil:
    cdef uint32_t at = 0, end
    while True:
        end = _element_end(value, at)
        if not _put_replaced(draft, regex, template, slice_of(value.ptr + at, end - at)):
            return False
        if end >= value.len:
            return True
        if not _put(draft, slice_of(value.ptr + end, 1)):
            return False
        at = end + 1


cdef bint _replace_one(eval_t* ev, const rule_t* rule, int i, slice_t template, bint by_element) noexcept nogil:
    cdef http_msg_t* msg = _msg(ev, rule)
    cdef slice_t value = msg_hdr_value(msg, i)
    cdef const regex_t* regex = <const regex_t*> rule.args[1].ptr
    cdef draft_t draft
    cdef uint32_t room = 0
    cdef char* start = scratch_rest(ev, &room)
    cdef bint has_room
    draft.at = start
    draft.room = room
    draft.has_changed = False
    if by_element:
        has_room = _put_elements(&draft, regex, template, value)
    else:
        has_room = _put_replaced(&draft, regex, template, value)
    if not has_room or not draft.has_changed:
        return has_room
    value = slice_of(start, <uint32_t> (draft.at - start))
    if not is_field_text(value) or not msg_hdr_replace(msg, i, value):
        return False
    return msg != ev.req or msg.hdrs[i].id != HDR_HOST or target_follow_host(msg, value)


cdef act_t _replace(eval_t* ev, const rule_t* rule, bint by_element) noexcept nogil:
    cdef http_msg_t* msg = _msg(ev, rule)
    cdef slice_t name = rule.args[0].str
    cdef slice_t template
    cdef hdr_id_t id = hdr_id_of(name.ptr, name.len)
    cdef int i = msg_find(msg, id) if id != HDR_OTHER else msg_find_name(msg, name, 0)
    if i >= 0 and not lf_text(ev, <const logformat_t*> rule.args[2].ptr, ev.program.bufsize, &template):
        return act_rewrote(ev, False)
    while i >= 0:
        if not _replace_one(ev, rule, i, template, by_element):
            return act_rewrote(ev, False)
        i = msg_find_next(msg, i) if id != HDR_OTHER else msg_find_name(msg, name, i + 1)
    return ACT_CONT


cdef act_t replace_header(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _replace(ev, rule, False)


cdef act_t replace_value(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _replace(ev, rule, True)


# ---- lists of headers in binary, as req.hdrs_bin gives them: names and values with their lengths, an empty pair at the end

# The next string; its length is a variable integer (SPOP's). False at the end, or when it is cut.
cdef bint _next_string(slice_t* list, slice_t* text) noexcept nogil:
    cdef uint32_t at = 1, shift = 4
    cdef uint64_t length
    if list.len == 0:
        return False
    length = <unsigned char> list.ptr[0]
    if length >= 240:
        while True:
            if at >= list.len or at > 5:
                return False
            length += <uint64_t> (<unsigned char> list.ptr[at]) << shift
            shift += 7
            at += 1
            if <unsigned char> list.ptr[at - 1] < 128:
                break
    if length > list.len - at:
        return False
    text[0] = slice_of(list.ptr + at, <uint32_t> length)
    list[0] = slice_of(list.ptr + at + <uint32_t> length, list.len - at - <uint32_t> length)
    return True


# prefix and name in lower case, in the scratch area. ptr NULL: no room, or no name.
cdef slice_t _full_name(eval_t* ev, slice_t prefix, slice_t name) noexcept nogil:
    cdef char* dst = scratch_take(ev, prefix.len + name.len) if name.len and prefix.len + name.len else NULL
    if dst == NULL:
        return slice_of(NULL, 0)
    if prefix.len:
        memcpy(dst, prefix.ptr, prefix.len)
    memcpy(dst + prefix.len, name.ptr, name.len)
    lower_in_place(dst, prefix.len + name.len)
    return slice_of(dst, prefix.len + name.len)


cdef bint _is_name(slice_t name) noexcept nogil:
    cdef uint32_t i
    for i in range(name.len):
        if name.ptr[i] <= 32 or name.ptr[i] == 58 or name.ptr[i] == 127:
            return False
    return name.len > 0


cdef act_t _put_list(eval_t* ev, const rule_t* rule, bint replaces) noexcept nogil:
    cdef http_msg_t* msg = _msg(ev, rule)
    cdef sample_t smp
    cdef slice_t rest, name, value
    cdef uint32_t mark
    if not expr_eval_as(ev, <const expr_t*> rule.args[0].ptr, SMP_T_BIN, &smp):
        return act_rewrote(ev, False)
    rest = smp.str
    mark = ev.scratch.used
    while _next_string(&rest, &name) and _next_string(&rest, &value):
        if name.len == 0:
            break
        ev.scratch.used = mark
        name = _full_name(ev, rule.args[1].str, name)
        if name.ptr == NULL or not _is_name(name):
            return act_rewrote(ev, False)
        if replaces:
            _delete(msg, name)
        if not _append(ev, msg, name, value):
            return act_rewrote(ev, False)
    return ACT_CONT


cdef act_t add_headers_bin(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _put_list(ev, rule, False)


cdef act_t set_headers_bin(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _put_list(ev, rule, True)


cdef act_t del_headers_bin(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef http_msg_t* msg = _msg(ev, rule)
    cdef sample_t smp
    cdef slice_t rest, name
    cdef uint32_t mark
    if not expr_eval_as(ev, <const expr_t*> rule.args[0].ptr, SMP_T_BIN, &smp):
        return act_rewrote(ev, False)
    rest = smp.str
    mark = ev.scratch.used
    while _next_string(&rest, &name) and name.len:
        ev.scratch.used = mark
        name = _full_name(ev, rule.args[1].str, name)
        if name.ptr == NULL:
            return act_rewrote(ev, False)
        if rule.args[2].num == MATCH_STR:
            _delete(msg, name)
        else:
            _delete_like(msg, name, <int> rule.args[2].num)
    return ACT_CONT


cdef act_t strict_mode(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    if rule.args[0].num:
        strm.flags &= ~(<uint32_t> STRM_F_LAX)
    else:
        strm.flags |= STRM_F_LAX
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"add-header", add_header)
add(b"set-header", set_header)
add(b"del-header", del_header)
add(b"replace-header", replace_header)
add(b"replace-value", replace_value)
add(b"add-headers-bin", add_headers_bin)
add(b"set-headers-bin", set_headers_bin)
add(b"del-headers-bin", del_headers_bin)
add(b"strict-mode", strict_mode)
