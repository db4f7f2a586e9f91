# `option forwarded`: the Forwarded header of RFC 7239, one line for this hop. Arguments, see config/keywords/client_address.py:
# proto, host, by, by_port, for, for_port; each is unset, 1 for what the connection says, or an expression.
#
#     forwarded: proto=http;host="a.test";by="[::1]:443";for=192.0.2.1

from libc.stdint cimport uint32_t

from fastlb_core.base.slice cimport slice_eq, slice_of, slice_t
from fastlb_core.http.message cimport HDR_HOST, msg_find, msg_hdr_append, msg_hdr_value
from fastlb_core.net.address cimport (
    addr_port, addr_read_port, addr_read_v4, addr_read_v6, addr_write_ip, addr_write_u32, addr_write_v4,
    addr_write_v6,
)
from fastlb_core.net.conn cimport conn_local
from fastlb_core.program.conv_forwarded cimport forwarded_is_host, forwarded_is_obfuscated
from fastlb_core.program.expr cimport ARG_EXPR, ARG_SINT, arg_t, expr_eval, expr_eval_as, expr_t
from fastlb_core.program.rules cimport ACT_CONT, ACT_ERROR, act_t, rule_t
from fastlb_core.program.sample cimport SMP_T_IPV4, SMP_T_IPV6, SMP_T_SINT, SMP_T_STR, eval_t, sample_t, smp_cast
from fastlb_core.proxy.answer cimport head_t, head_text
from fastlb_core.sys.socket cimport AF_INET, AF_INET6, sockaddr_in

cdef enum:                       # the arguments
    A_PROTO = 0
    A_HOST = 1
    A_BY = 2
    A_BY_PORT = 3
    A_FOR = 4
    A_FOR_PORT = 5
    VALUE_MAX = 1024             # bytes of one line
    NODE_MAX = 256               # bytes of a node or a port

# A node or a port while it is written.
cdef struct node_t:
    char[NODE_MAX] text
    uint32_t len
    bint is_v6

cdef action_entry_t[1] entries


cdef const action_entry_t* action_forwarded_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef void _put(node_t* node, slice_t text) noexcept nogil:
    cdef uint32_t i
    for i in range(text.len):
        if node.len < NODE_MAX:
            node.text[node.len] = text.ptr[i]
            node.len += 1


cdef bint _hide(node_t* node, slice_t text) noexcept nogil:
    """A name that says nothing begins with an underscore (RFC 7239 6.3). haproxy: puts it before what has none."""
    if text.len + 1 > NODE_MAX:
        return False
    if text.len and text.ptr[0] != b'_':
        _put(node, slice_of(b"_", 1))
    _put(node, text)
    return forwarded_is_obfuscated(slice_of(node.text, node.len))


cdef bint _node_of_text(node_t* node, slice_t text) noexcept nogil:
    cdef unsigned char[16] address
    if addr_read_v4(address, text.ptr, text.len) or slice_eq(text, b"unknown", 7):
        _put(node, text)
        return True
    node.is_v6 = addr_read_v6(address, text.ptr, text.len)
    if node.is_v6:
        _put(node, text)
        return True
    return _hide(node, text)


cdef bint _node_of_value(eval_t* ev, const expr_t* expr, node_t* node) noexcept nogil:
    cdef sample_t smp
    if not expr_eval(ev, expr, &smp):
        return False
    if smp.type == SMP_T_IPV4:
        node.len = addr_write_v4(node.text, <const unsigned char*> smp.ip)
        return True
    node.is_v6 = smp.type == SMP_T_IPV6
    if node.is_v6:
        node.len = addr_write_v6(node.text, <const unsigned char*> smp.ip)
        return True
    return smp_cast(ev, &smp, SMP_T_STR) and _node_of_text(node, smp.str)


cdef bint _node(eval_t* ev, const arg_t* arg, const void* sockaddr, node_t* node) noexcept nogil:
    """False: there is nothing to tell, or nothing valid."""
    node.len = 0
    node.is_v6 = False
    if arg.type == ARG_EXPR:
        return _node_of_value(ev, <const expr_t*> arg.ptr, node)
    node.is_v6 = (<const sockaddr_in*> sockaddr).sin_family == AF_INET6
    node.len = addr_write_ip(node.text, sockaddr)
    return node.len != 0


cdef bint _port(eval_t* ev, const arg_t* arg, const void* sockaddr, node_t* node) noexcept nogil:
    cdef sample_t smp
    cdef int family = (<const sockaddr_in*> sockaddr).sin_family
    node.len = 0
    if arg.type == ARG_SINT:
        if family != AF_INET and family != AF_INET6:
            return False
        node.len = addr_write_u32(node.text, addr_port(sockaddr))
        return True
    if arg.type != ARG_EXPR or not expr_eval(ev, <const expr_t*> arg.ptr, &smp):
        return False
    if smp.type == SMP_T_SINT:
        if not 0 <= smp.num <= 65535:
            return False
        node.len = addr_write_u32(node.text, <uint32_t> smp.num)
        return True
    if not smp_cast(ev, &smp, SMP_T_STR):
        return False
    if addr_read_port(smp.str.ptr, smp.str.len) >= 0:
        _put(node, smp.str)
        return True
    return _hide(node, smp.str)


cdef bint _next(head_t* line, slice_t name) noexcept nogil:
    return (line.at == line.start or head_text(line, slice_of(b";", 1))) and head_text(line, name)


cdef bint _add_node(eval_t* ev, head_t* line, slice_t name, const arg_t* args, const void* sockaddr) noexcept nogil:
    """args: the node, then its port. What cannot be told is `unknown` (RFC 7239 6.2)."""
    cdef node_t node, port
    cdef bint has_port
    if args[0].type != ARG_EXPR and args[0].type != ARG_SINT:
        return True
    if not _node(ev, &args[0], sockaddr, &node):
        node.len = 0
        node.is_v6 = False
        _put(&node, slice_of(b"unknown", 7))
    has_port = _port(ev, &args[1], sockaddr, &port)
    if not _next(line, name):
        return False
    if not has_port and not node.is_v6:
        return head_text(line, slice_of(node.text, node.len))
    if not head_text(line, slice_of(b"\"[", 2 if node.is_v6 else 1)) or not head_text(line, slice_of(node.text, node.len)) \
            or node.is_v6 and not head_text(line, slice_of(b"]", 1)):
        return False
    if has_port and not (head_text(line, slice_of(b":", 1)) and head_text(line, slice_of(port.text, port.len))):
        return False
    return head_text(line, slice_of(b"\"", 1))


cdef bint _add_host(eval_t* ev, head_t* line, const arg_t* arg) noexcept nogil:
    cdef sample_t smp
    cdef slice_t host
    cdef int at
    if arg.type == ARG_EXPR:
        if not expr_eval_as(ev, <const expr_t*> arg.ptr, SMP_T_STR, &smp):
            return True
        host = smp.str
    elif arg.type == ARG_SINT:
        at = msg_find(ev.req, HDR_HOST)
        if at < 0:
            return True
        host = msg_hdr_value(ev.req, at)
    else:
        return True
    if not forwarded_is_host(host):
        return True
    return _next(line, slice_of(b"host=\"", 6)) and head_text(line, host) and head_text(line, slice_of(b"\"", 1))


cdef act_t forwarded(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef char[VALUE_MAX] text
    cdef head_t line
    cdef slice_t proto = slice_of(b"proto=https", 11) if ev.front.transport != NULL else slice_of(b"proto=http", 10)
    line.start = text
    line.at = text
    line.end = text + VALUE_MAX
    # haproxy: the order is fixed.
    if rule.args[A_PROTO].type == ARG_SINT and not _next(&line, proto):
        return ACT_ERROR
    if not _add_host(ev, &line, &rule.args[A_HOST]) \
            or not _add_node(ev, &line, slice_of(b"by=", 3), &rule.args[A_BY], conn_local(ev.front)) \
            or not _add_node(ev, &line, slice_of(b"for=", 4), &rule.args[A_FOR], &ev.front.peer):
        return ACT_ERROR
    if line.at == line.start:
        return ACT_CONT
    if msg_hdr_append(ev.req, slice_of(b"forwarded", 9), slice_of(text, <uint32_t> (line.at - text))):
        return ACT_CONT
    return ACT_ERROR


entries[0].name = b"forwarded"
entries[0].fn = forwarded
