# Actions on the connection and the stream (manual, section 4.2). Arguments, see config/actions/connection.py.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.buf cimport buf_data
from fastlb_core.base.slice cimport slice_of, slice_t
from fastlb_core.net.conn cimport CONN_F_CIP_WAIT, CONN_F_PROXY_WAIT, conn_local, conn_t, peer_t
from fastlb_core.net.connect cimport sock_marks_t, sock_set_marks
from fastlb_core.program.expr cimport ARG_SINT, arg_t, expr_eval, expr_eval_as, expr_t
from fastlb_core.program.program cimport PX_O_WAITS_BODY
from fastlb_core.program.rules cimport ACT_CONT, ACT_YIELD, RULES_HTTP_REQUEST, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport SMP_T_IPV4, SMP_T_IPV6, SMP_T_SINT, eval_t, sample_t, smp_cast
from fastlb_core.proxy.body_wait cimport BODY_R_WAIT, body_await, rule_waited, rule_waits
from fastlb_core.proxy.stream cimport STRM_F_RULE_WAIT, stream_save_addresses, stream_t
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, htons, sockaddr_in, sockaddr_in6

cdef action_entry_t[20] entries
cdef uint32_t n_entries = 0

cdef enum:
    MAX_CLASS = 2047             # manual, "http-request set-priority-class"
    MAX_OFFSET = 524287


cdef const action_entry_t* action_connection_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


# A constant, or an expression's value. False: it has none.
cdef bint _number(eval_t* ev, const arg_t* arg, int64_t* number) noexcept nogil:
    cdef sample_t smp
    if arg.type == ARG_SINT:
        number[0] = arg.num
        return True
    if not expr_eval_as(ev, <const expr_t*> arg.ptr, SMP_T_SINT, &smp):
        return False
    number[0] = smp.num
    return True


cdef inline int64_t _within(int64_t value, int64_t limit) noexcept nogil:
    return -limit if value < -limit else limit if value > limit else value


# ---- log level, priority, timeouts, retries

cdef act_t set_log_level(eval_t* ev, const rule_t* rule) noexcept nogil:
    (<stream_t*> ev.strm).log_level = <unsigned char> (rule.args[0].num + 1)
    return ACT_CONT


cdef act_t no_effect(eval_t* ev, const rule_t* rule) noexcept nogil:
    return ACT_CONT


cdef act_t set_priority_class(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int64_t value
    if _number(ev, rule.args, &value):
        (<stream_t*> ev.strm).prio_class = <int> _within(value, MAX_CLASS)
    return ACT_CONT


cdef act_t set_priority_offset(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int64_t value
    if _number(ev, rule.args, &value):
        (<stream_t*> ev.strm).prio_offset = <int> _within(value, MAX_OFFSET)
    return ACT_CONT


cdef act_t set_timeout(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int64_t value
    if _number(ev, &rule.args[1], &value) and 0 < value <= 0x7fffffff:
        (<stream_t*> ev.strm).own_timeouts[rule.args[0].num] = <uint32_t> value
    return ACT_CONT


cdef act_t set_retries(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int64_t value
    if _number(ev, rule.args, &value) and 0 <= value <= 0x7ffffff0:
        (<stream_t*> ev.strm).own_retries = <uint32_t> value + 1
    return ACT_CONT


# ---- both sockets

cdef bint _marks(eval_t* ev, const rule_t* rule, sock_marks_t* marks, bint is_tos) noexcept nogil:
    cdef int64_t value
    memset(marks, 0, sizeof(sock_marks_t))
    if not _number(ev, rule.args, &value):
        return False
    marks.tos = <uint8_t> value
    marks.mark = <uint32_t> value
    marks.has_tos = is_tos
    marks.has_mark = not is_tos
    return True


cdef act_t set_fc_tos(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef sock_marks_t marks
    if _marks(ev, rule, &marks, True):
        sock_set_marks(ev.front.fd, ev.front.peer.family, &marks)
    return ACT_CONT


cdef act_t set_fc_mark(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef sock_marks_t marks
    if _marks(ev, rule, &marks, False):
        sock_set_marks(ev.front.fd, ev.front.peer.family, &marks)
    return ACT_CONT


# The socket towards the server is made later; one that was made for others is not taken (proxy/backend).
cdef act_t set_bc_tos(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef sock_marks_t* marks = &(<stream_t*> ev.strm).back_marks
    cdef sock_marks_t new
    if _marks(ev, rule, &new, True):
        marks.tos = new.tos
        marks.has_tos = True
    return ACT_CONT


cdef act_t set_bc_mark(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef sock_marks_t* marks = &(<stream_t*> ev.strm).back_marks
    cdef sock_marks_t new
    if _marks(ev, rule, &new, False):
        marks.mark = new.mark
        marks.has_mark = True
    return ACT_CONT


# ---- what must come before the protocol's own bytes

cdef act_t expect_proxy(eval_t* ev, const rule_t* rule) noexcept nogil:
    ev.front.flags |= CONN_F_PROXY_WAIT
    return ACT_CONT


cdef act_t expect_netscaler_cip(eval_t* ev, const rule_t* rule) noexcept nogil:
    ev.front.flags |= CONN_F_CIP_WAIT
    return ACT_CONT


# ---- addresses. A rule of the connection changes them for good, one of a stream until it ends.

cdef peer_t* _ours(eval_t* ev, bint is_source) noexcept nogil:
    conn_local(ev.front)
    if ev.strm != NULL:
        stream_save_addresses(<stream_t*> ev.strm)
    return &ev.front.peer if is_source else &ev.front.local


cdef uint16_t _port_of(const peer_t* address) noexcept nogil:
    if address.family == AF_INET or address.family == AF_INET6:
        return (<const sockaddr_in*> address).sin_port
    return 0


cdef act_t _set_address(eval_t* ev, const rule_t* rule, bint is_source) noexcept nogil:
    cdef sample_t smp
    cdef peer_t* address
    cdef uint16_t port
    if not expr_eval(ev, <const expr_t*> rule.args[0].ptr, &smp):
        return ACT_CONT
    if smp.type != SMP_T_IPV4 and smp.type != SMP_T_IPV6 and not smp_cast(ev, &smp, SMP_T_IPV4) \
            and not smp_cast(ev, &smp, SMP_T_IPV6):
        return ACT_CONT
    address = _ours(ev, is_source)
    port = _port_of(address)
    memset(address, 0, sizeof(peer_t))
    if smp.type == SMP_T_IPV4:
        (<sockaddr_in*> address).sin_family = AF_INET
        memcpy(&(<sockaddr_in*> address).sin_addr, smp.ip, 4)
    else:
        (<sockaddr_in6*> address).sin6_family = AF_INET6
        memcpy(&(<sockaddr_in6*> address).sin6_addr, smp.ip, 16)
    (<sockaddr_in*> address).sin_port = port
    return ACT_CONT


cdef act_t _set_port(eval_t* ev, const rule_t* rule, bint is_source) noexcept nogil:
    cdef int64_t value
    cdef peer_t* address
    if not _number(ev, rule.args, &value):
        return ACT_CONT
    address = _ours(ev, is_source)
    if address.family != AF_INET and address.family != AF_INET6:
        # haproxy: what is no IP address becomes 0.0.0.0 (manual, "http-request set-src-port").
        memset(address, 0, sizeof(peer_t))
        (<sockaddr_in*> address).sin_family = AF_INET
    (<sockaddr_in*> address).sin_port = htons(<uint16_t> value)
    return ACT_CONT


cdef act_t set_src(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set_address(ev, rule, True)


cdef act_t set_dst(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set_address(ev, rule, False)


cdef act_t set_src_port(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set_port(ev, rule, True)


cdef act_t set_dst_port(eval_t* ev, const rule_t* rule) noexcept nogil:
    return _set_port(ev, rule, False)


# ---- waiting

cdef act_t pause(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef int64_t wait_ms = 0
    if not strm.flags & STRM_F_RULE_WAIT and not _number(ev, rule.args, &wait_ms):
        return ACT_CONT
    if rule_waits(strm, strm.front, wait_ms):
        return ACT_YIELD
    rule_waited(strm)
    return ACT_CONT


cdef act_t wait_for_body(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef bint is_answer = rule.set != RULES_HTTP_REQUEST
    cdef conn_t* conn = strm.back if is_answer else strm.front
    cdef slice_t bytes
    cdef uint32_t head = strm.res_msg.head_len if is_answer else strm.req_msg.head_len
    if not strm.fe.options & PX_O_WAITS_BODY:
        return ACT_CONT
    if body_await(strm, is_answer, rule.args[0].num, <uint32_t> rule.args[1].num) == BODY_R_WAIT:
        return ACT_YIELD
    # haproxy: what has not come in time, or is no body, is found out by whoever passes it on.
    bytes = slice_of(buf_data(&conn.rx) + head, conn.rx.len - head)
    if is_answer:
        ev.res_bytes = bytes
    else:
        ev.req_bytes = bytes
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"set-log-level", set_log_level)
add(b"set-nice", no_effect)
add(b"set-fc-tos", set_fc_tos)
add(b"set-fc-mark", set_fc_mark)
add(b"set-bc-tos", set_bc_tos)
add(b"set-bc-mark", set_bc_mark)
add(b"expect-proxy", expect_proxy)
add(b"expect-netscaler-cip", expect_netscaler_cip)
add(b"set-src", set_src)
add(b"set-src-port", set_src_port)
add(b"set-dst", set_dst)
add(b"set-dst-port", set_dst_port)
add(b"set-priority-class", set_priority_class)
add(b"set-priority-offset", set_priority_offset)
add(b"set-timeout", set_timeout)
add(b"set-retries", set_retries)
add(b"disable-l7-retry", no_effect)
add(b"pause", pause)
add(b"wait-for-handshake", no_effect)
add(b"wait-for-body", wait_for_body)
