# `deny`, `return`, `tarpit`, `auth`, `silent-drop`, `early-hint` (manual, section 4.2). Arguments, see config/actions/answers.py
# and replies.py.

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.http.message cimport MSG_F_HTTP10
from fastlb_core.http.status cimport error_page
from fastlb_core.net.conn cimport conn_keep, conn_poll, conn_sendv, conn_t
from fastlb_core.net.silent cimport silent_close_prepare
from fastlb_core.program.expr cimport ARG_FORMAT
from fastlb_core.program.fetch_auth cimport is_proxied
from fastlb_core.program.logformat cimport lf_text, logformat_t
from fastlb_core.program.rules cimport (
    ACT_CONT, ACT_DONE, ACT_ERROR, ACT_REJECT, ACT_YIELD, RULES_HTTP_REQUEST, RULES_HTTP_RESPONSE, RULES_STATS,
    RULES_TCP_RESPONSE, act_t, action_fn, rule_t,
)
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.answer cimport answer_make, head_add, head_close, head_open, head_t, head_text
from fastlb_core.proxy.http_end cimport http_reply_page
from fastlb_core.proxy.http_rules cimport rules_unmark
from fastlb_core.proxy.reply cimport reply_counted_page, reply_rule_page
from fastlb_core.proxy.stream cimport (
    STRM_F_NO_LOG, STRM_F_RULE_WAIT, STRM_F_TIMEOUT, TIMEOUT_TARPIT, be_counters, fe_counters, srv_slot,
    stream_drop_answer, stream_kill, stream_set_term, stream_set_timer, stream_stop_timer, stream_t, stream_timeout,
)
from fastlb_core.proxy.tracking cimport tracking_error
from fastlb_core.sys.socket cimport iovec

cdef action_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_answers_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef inline bint _is_request(const rule_t* rule) noexcept nogil:
    return rule.set == RULES_HTTP_REQUEST or rule.set == RULES_STATS


cdef act_t _answer(stream_t* strm, eval_t* ev, const rule_t* rule, char err, char state) noexcept nogil:
    cdef slice_t page
    cdef int status = <int> rule.args[0].num
    if not answer_make(ev, rule.args, &page):
        return ACT_ERROR
    if page.ptr == NULL:
        page = reply_rule_page(strm, status)
    if not _is_request(rule):
        _drop_answer(strm, ev)
    if status == 204:
        # haproxy: the length that such an answer may not have is counted all the same.
        strm.bytes_out += 15
    http_reply_page(strm, status, page, err, state)
    return ACT_DONE


cdef void _drop_answer(stream_t* strm, eval_t* ev) noexcept nogil:
    """The server's answer is not used. haproxy: what has come of it is counted, and it has no time."""
    stream_drop_answer(strm, ev.res_bytes.len)


cdef void _count_denied(stream_t* strm, const rule_t* rule) noexcept nogil:
    if _is_request(rule):
        tracking_error(strm)
        fe_counters(strm).denied_req += 1
        if strm.be != NULL:
            be_counters(strm).denied_req += 1
    else:
        fe_counters(strm).denied_resp += 1
        be_counters(strm).denied_resp += 1
        srv_slot(strm).denied_resp += 1


cdef act_t deny(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    _count_denied(strm, rule)
    return _answer(strm, ev, rule, b'P', b'R' if _is_request(rule) else b'H')


cdef act_t return_(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    if _is_request(rule):
        fe_counters(strm).intercepted += 1
    return _answer(strm, ev, rule, b'L', b'R' if _is_request(rule) else b'H')


cdef act_t tarpit(eval_t* ev, const rule_t* rule) noexcept nogil:
    """Answers once `timeout tarpit` is over; who waits that long may be an attacker."""
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef uint32_t wait_ms = ev.be.t_tarpit if ev.be != NULL and ev.be.t_tarpit else ev.fe.t_tarpit
    wait_ms = stream_timeout(strm, TIMEOUT_TARPIT, wait_ms)
    if not strm.flags & STRM_F_RULE_WAIT:
        _count_denied(strm, rule)
        strm.flags |= STRM_F_RULE_WAIT
        strm.flags &= ~(<uint32_t> STRM_F_TIMEOUT)
        if wait_ms and conn_poll(strm.front):
            stream_set_timer(strm, wait_ms)
            return ACT_YIELD
    elif not strm.flags & STRM_F_TIMEOUT:
        return ACT_YIELD
    stream_stop_timer(strm)
    strm.flags &= ~(<uint32_t> (STRM_F_RULE_WAIT | STRM_F_TIMEOUT))
    # haproxy: in the log the time is one in the queue.
    strm.t_request = 0
    strm.t_queue = ev.now_ms
    return _answer(strm, ev, rule, b'P', b'T')


cdef bint _put_page(head_t* head, slice_t page, slice_t name, slice_t value) noexcept nogil:
    """The page with one more line at the end of its head."""
    cdef uint32_t i
    for i in range(3, page.len):
        if page.ptr[i] == b'\n' and page.ptr[i - 2] == b'\n':
            return head_text(head, slice_of(page.ptr, i - 1)) and head_add(head, name, value) \
                and head_text(head, slice_of(page.ptr + i - 1, page.len - i + 1))
    return False


cdef act_t auth(eval_t* ev, const rule_t* rule) noexcept nogil:
    """401 for a server, 407 for a proxy; the realm in quotes (RFC 9110 11.6.1)."""
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef slice_t realm, page
    cdef slice_t name = slice_of(b"www-authenticate", 16)
    cdef int status = 401
    cdef head_t head, value
    cdef char challenge[1200]
    if rule.args[0].type == ARG_FORMAT:
        if not lf_text(ev, <const logformat_t*> rule.args[0].ptr, 1024, &realm):
            return ACT_ERROR
    else:
        realm = rule.args[0].str
    value.start = challenge
    value.at = challenge
    value.end = challenge + sizeof(challenge)
    if not head_text(&value, slice_of(b"Basic realm=\"", 13)) or not head_text(&value, realm) \
            or not head_text(&value, slice_of(b"\"", 1)):
        return ACT_ERROR
    if is_proxied(strm.fe, &strm.req_msg):
        name = slice_of(b"proxy-authenticate", 18)
        status = 407
    page = error_page(status)
    head.start = ev.scratch.page
    head.at = head.start
    head.end = head.start + ev.scratch.page_size
    if not _put_page(&head, page, name, slice_of(challenge, <uint32_t> (value.at - challenge))):
        return ACT_ERROR
    fe_counters(strm).intercepted += 1
    tracking_error(strm)
    http_reply_page(strm, status, slice_of(head.start, <uint32_t> (head.at - head.start)), b'L', b'R')
    return ACT_DONE


cdef act_t silent_drop(eval_t* ev, const rule_t* rule) noexcept nogil:
    """The client hears nothing of it: closing the socket sends no packet, or one that dies on its way."""
    cdef stream_t* strm = <stream_t*> ev.strm
    silent_close_prepare(ev.front.fd, <int> rule.args[0].num)
    if strm == NULL:
        return ACT_REJECT
    fe_counters(strm).denied_req += 1
    rules_unmark(strm, rule.set == RULES_TCP_RESPONSE or rule.set == RULES_HTTP_RESPONSE)
    stream_set_term(strm, b'P', b'R')
    stream_kill(strm)
    return ACT_DONE


cdef act_t early_hint(eval_t* ev, const rule_t* rule) noexcept nogil:
    """`103 Early Hints` with one header, to clients that know interim answers (RFC 8297)."""
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef conn_t* front = strm.front
    cdef head_t head
    cdef slice_t value, page
    cdef iovec iov[1]
    cdef long sent = 0
    if ev.req.flags & MSG_F_HTTP10:
        return ACT_CONT
    if not lf_text(ev, <const logformat_t*> rule.args[1].ptr, ev.program.bufsize, &value) or not head_open(ev, &head, 103) \
            or not head_add(&head, rule.args[0].str, value) or not head_close(ev, &head, slice_of(b"", 0), &page):
        return ACT_ERROR
    strm.bytes_out += reply_counted_page(page)
    iov[0].iov_base = <void*> page.ptr
    iov[0].iov_len = page.len
    if front.tx.len == 0:
        sent = conn_sendv(front, iov, 1)
    if sent < 0 or <uint32_t> sent < page.len and not conn_keep(front, iov, 1, sent, page.len):
        strm.flags |= STRM_F_NO_LOG
        return ACT_REJECT
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"deny", deny)
add(b"return", return_)
add(b"tarpit", tarpit)
add(b"auth", auth)
add(b"silent-drop", silent_drop)
add(b"early-hint", early_hint)
