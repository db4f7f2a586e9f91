# Converters of `Forwarded` values and of the nodes in them (RFC 7239; manual, section 7.3.1).
#
#     Forwarded: for="[2001:db8::1]:4711";proto=https;host="a.test", for=_hidden
#                \_ parameter ________/  \_________/              \_ next element
#                     \_ node ______/

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.base.slice cimport lower_byte, slice_eq_nocase, slice_of, slice_t
from fastlb_core.net.address cimport addr_read_port, addr_read_v4, addr_read_v6
from fastlb_core.program.expr cimport arg_t, conv_fn
from fastlb_core.program.sample cimport (
    SMP_T_IPV4, SMP_T_IPV6, eval_t, sample_t, smp_set_bool, smp_set_int, smp_set_str,
)

cdef struct param_t:
    slice_t name
    slice_t value                # without its quotes; escapes stay
    bint is_quoted

cdef struct node_t:
    slice_t name                 # of an IPv6 address without its brackets
    slice_t port
    bint has_port
    bint is_bracketed

cdef conv_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_forwarded_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint is_token_char(char c) noexcept nogil:
    """RFC 9110 5.6.2."""
    cdef const char* marks = b"!#$%&'*+-.^_`|~"
    if 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122:
        return True
    while marks[0]:
        if marks[0] == c:
            return True
        marks += 1
    return False


cdef void skip(slice_t* rest, uint32_t n) noexcept nogil:
    rest.ptr += n
    rest.len -= n


cdef slice_t take_token(slice_t* rest) noexcept nogil:
    cdef uint32_t n = 0
    cdef slice_t token
    while n < rest.len and is_token_char(rest.ptr[n]):
        n += 1
    token = slice_of(rest.ptr, n)
    skip(rest, n)
    return token


cdef bint take_quoted(slice_t* rest, slice_t* value) noexcept nogil:
    """The inside of a quoted string; *rest starts behind the first quote and ends up behind the last."""
    cdef uint32_t n = 0
    while n < rest.len and rest.ptr[n] != b'"':
        n += 2 if rest.ptr[n] == b'\\' else 1
    if n >= rest.len:
        return False
    value[0] = slice_of(rest.ptr, n)
    skip(rest, n + 1)
    return True


cdef bint take_param(slice_t* rest, param_t* param) noexcept nogil:
    """`name=value` or `name="value"`; False, and rest anywhere, when there is none."""
    param.name = take_token(rest)
    if param.name.len == 0 or rest.len == 0 or rest.ptr[0] != b'=':
        return False
    skip(rest, 1)
    param.is_quoted = rest.len != 0 and rest.ptr[0] == b'"'
    if param.is_quoted:
        skip(rest, 1)
        return take_quoted(rest, &param.value)
    param.value = take_token(rest)
    return param.value.len != 0


cdef void skip_blanks(slice_t* rest) noexcept nogil:
    while rest.len and (rest.ptr[0] == b' ' or rest.ptr[0] == b'\t'):
        skip(rest, 1)


# ---- nodes (RFC 7239 6)

cdef bint forwarded_is_obfuscated(slice_t text) noexcept nogil:
    cdef uint32_t i
    cdef uint8_t c
    if text.len < 2 or text.ptr[0] != b'_':
        return False
    for i in range(1, text.len):
        c = <uint8_t> text.ptr[i]
        if not (97 <= lower_byte(c) <= 122 or 48 <= c <= 57 or c == b'.' or c == b'_' or c == b'-'):
            return False
    return True


cdef bint split_node(slice_t text, node_t* node) noexcept nogil:
    cdef uint32_t end = 0
    cdef char last = b':'
    node.is_bracketed = text.len != 0 and text.ptr[0] == b'['
    if node.is_bracketed:
        skip(&text, 1)
        last = b']'
    while end < text.len and text.ptr[end] != last:
        end += 1
    node.name = slice_of(text.ptr, end)
    if node.is_bracketed:
        if end == text.len:
            return False
        end += 1
    skip(&text, end)
    node.has_port = text.len != 0
    node.port = slice_of(NULL, 0)
    if node.has_port:
        if text.ptr[0] != b':':
            return False
        skip(&text, 1)
        node.port = text
    return True


cdef bint node_name(const node_t* node, sample_t* smp) noexcept nogil:
    """The name as an address, or as text for `unknown` and `_obfuscated`."""
    cdef uint8_t address[16]
    if node.is_bracketed:
        if not addr_read_v6(address, node.name.ptr, node.name.len):
            return False
        memcpy(smp.ip, address, 16)
        smp.type = SMP_T_IPV6
        return True
    if addr_read_v4(address, node.name.ptr, node.name.len):
        memcpy(smp.ip, address, 4)
        smp.type = SMP_T_IPV4
        return True
    if not slice_eq_nocase(node.name, b"unknown", 7) and not forwarded_is_obfuscated(node.name):
        return False
    return smp_set_str(smp, node.name.ptr, node.name.len)


cdef bint node_port(const node_t* node, sample_t* smp) noexcept nogil:
    cdef int64_t port
    if not node.has_port:
        return False
    if forwarded_is_obfuscated(node.port):
        return smp_set_str(smp, node.port.ptr, node.port.len)
    port = addr_read_port(node.port.ptr, node.port.len)
    return port >= 0 and smp_set_int(smp, port)


cdef bint n2nn(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef node_t node
    return split_node(smp.str, &node) and node_name(&node, smp)


cdef bint n2np(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef node_t node
    cdef sample_t name
    name.flags = 0
    return split_node(smp.str, &node) and node_name(&node, &name) and node_port(&node, smp)


# ---- whole values

cdef bint forwarded_is_host(slice_t text) noexcept nogil:
    cdef uint32_t i
    for i in range(text.len):
        if not is_token_char(text.ptr[i]) and text.ptr[i] != b':' and text.ptr[i] != b'[' and text.ptr[i] != b']':
            return False
    return text.len != 0


cdef bint is_valid_param(const param_t* param, uint32_t* seen) noexcept nogil:
    """`seen`: bits of the parameters that may stand only once in an element."""
    cdef node_t node
    cdef sample_t ignored
    cdef uint32_t bit
    ignored.flags = 0
    if slice_eq_nocase(param.name, b"for", 3) or slice_eq_nocase(param.name, b"by", 2):
        bit = 1 if param.name.len == 3 else 2
        if not split_node(param.value, &node) or not node_name(&node, &ignored):
            return False
        if node.has_port and not node_port(&node, &ignored):
            return False
    elif slice_eq_nocase(param.name, b"host", 4):
        bit = 4
        if not forwarded_is_host(param.value):
            return False
    elif slice_eq_nocase(param.name, b"proto", 5):
        bit = 8
        # haproxy: these two and no other scheme.
        if not slice_eq_nocase(param.value, b"http", 4) and not slice_eq_nocase(param.value, b"https", 5):
            return False
    else:
        return True
    if seen[0] & bit:
        return False
    seen[0] |= bit
    return True


cdef bint is_valid_value(slice_t rest) noexcept nogil:
    cdef param_t param
    cdef uint32_t seen = 0
    while True:
        skip_blanks(&rest)
        if not take_param(&rest, &param) or not is_valid_param(&param, &seen):
            return False
        skip_blanks(&rest)
        if rest.len == 0:
            return True
        if rest.ptr[0] == b',':
            seen = 0
        elif rest.ptr[0] != b';':
            return False
        skip(&rest, 1)


cdef bint is_valid(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    return smp_set_bool(smp, is_valid_value(smp.str))


cdef bint field(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: the parameter's name in lower case. Its first value; False where the text in front of it is no parameter."""
    cdef slice_t rest = smp.str
    cdef param_t param
    while True:
        skip_blanks(&rest)
        if not take_param(&rest, &param):
            return False
        if slice_eq_nocase(param.name, args[0].str.ptr, args[0].str.len):
            return smp_set_str(smp, param.value.ptr, param.value.len)
        skip_blanks(&rest)
        if rest.len == 0 or (rest.ptr[0] != b';' and rest.ptr[0] != b','):
            return False
        skip(&rest, 1)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"rfc7239_is_valid", is_valid)
add(b"rfc7239_field", field)
add(b"rfc7239_n2nn", n2nn)
add(b"rfc7239_n2np", n2np)
add(b"rfc7239_nn", n2nn)
add(b"rfc7239_np", n2np)
