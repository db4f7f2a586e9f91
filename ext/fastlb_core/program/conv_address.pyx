# Converters of addresses and of Host values (manual, section 7.3.1).

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport lower_byte, slice_t
from fastlb_core.program.expr cimport ARG_IPV4, ARG_IPV6, arg_t, conv_fn
from fastlb_core.program.sample cimport (
    SMP_T_IPV4, SMP_T_IPV6, eval_t, sample_t, smp_make_writable, smp_set_int,
)

cdef conv_entry_t[4] entries
cdef uint32_t n_entries = 0


cdef const conv_entry_t* conv_address_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint is_mapped(const uint8_t* ip) noexcept nogil:
    """::ffff:a.b.c.d"""
    cdef int i
    for i in range(10):
        if ip[i] != 0:
            return False
    return ip[10] == 255 and ip[11] == 255


cdef bint ipmask(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: mask for IPv4, mask for IPv6; without the latter there is no IPv6 result. haproxy: a mapped address is IPv4."""
    cdef int i
    if smp.type == SMP_T_IPV6 and is_mapped(smp.ip):
        memcpy(smp.ip, &smp.ip[12], 4)
        memset(&smp.ip[4], 0, 12)
        smp.type = SMP_T_IPV4
    if smp.type == SMP_T_IPV4 and args[0].type == ARG_IPV4:
        for i in range(4):
            smp.ip[i] &= args[0].ip[i]
        return True
    if smp.type == SMP_T_IPV6 and args[0].type == ARG_IPV4 and args[1].type == ARG_IPV6:
        for i in range(16):
            smp.ip[i] &= args[1].ip[i]
        return True
    return False


# ---- Host (RFC 9110 7.2): name, name:80, 127.0.0.1:80, [::1], [::1]:80

cdef uint32_t host_length(slice_t text) noexcept nogil:
    """Bytes in front of the last colon; one inside brackets is the address's own."""
    cdef uint32_t end = text.len
    while end and text.ptr[end - 1] != b']':
        end -= 1
        if text.ptr[end] == b':':
            return end
    return text.len


cdef bint host_only(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef char* text
    cdef uint32_t i
    smp.str.len = host_length(smp.str)
    if not smp_make_writable(ev, smp):
        return False
    text = <char*> smp.str.ptr
    for i in range(smp.str.len):
        text[i] = <char> lower_byte(<uint8_t> text[i])
    return True


cdef bint port_only(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """0 where there is no port. haproxy: whatever stands there counts as digits, in 32 bits."""
    cdef uint32_t i, port = 0
    for i in range(host_length(smp.str) + 1, smp.str.len):
        port = port * 10 + <uint32_t> (<uint8_t> smp.str.ptr[i]) - 48
    return smp_set_int(smp, port)


cdef void add(const char* name, conv_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"ipmask", ipmask)
add(b"host_only", host_only)
add(b"port_only", port_only)
