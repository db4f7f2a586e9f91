# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# The map family of converters (manual, section 7.3.1). args[0].ptr is a pat_index_t, which knows how to match and what the
# values are; args[1] is the default, if one was given. One function serves all names.

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from fastlb_core.program.expr cimport ARG_IPV4, ARG_IPV6, ARG_SINT, ARG_STR, arg_t
from fastlb_core.program.pat_store cimport (
    PAT_F_CAPTURE, PAT_OUT_INT, PAT_OUT_IP, PAT_OUT_KEY, pat_entry_t, pat_node_t,
)
from fastlb_core.program.pattern cimport pat_index_t
from fastlb_core.program.regex cimport REGEX_GROUPS, regex_exec, regex_span_t, regex_subst
from fastlb_core.program.sample cimport (
    SMP_T_IPV4, SMP_T_IPV6, SMP_T_STR, eval_t, sample_t, scratch_rest, scratch_take, smp_set_int, smp_set_own, smp_set_str,
)

cdef conv_entry_t[1] entries


cdef bint set_ip(sample_t* smp, const uint8_t* address, bint is_v4) noexcept nogil:
    memcpy(smp.ip, address, 4 if is_v4 else 16)
    smp.type = SMP_T_IPV4 if is_v4 else SMP_T_IPV6
    return True


cdef bint set_default(const arg_t* value, sample_t* smp) noexcept nogil:
    """False where there is none: then the converter fails."""
    if value.type == ARG_STR:
        return smp_set_str(smp, value.str.ptr, value.str.len)
    if value.type == ARG_SINT:
        return smp_set_int(smp, value.num)
    if value.type == ARG_IPV4 or value.type == ARG_IPV6:
        return set_ip(smp, value.ip, value.type == ARG_IPV4)
    return False


cdef bint substitute(eval_t* ev, const pat_node_t* node, sample_t* smp) noexcept nogil:
    cdef regex_span_t spans[REGEX_GROUPS]
    cdef uint32_t room = 0, length = 0
    cdef char* text = scratch_rest(ev, &room)
    if not regex_exec(node.regex, smp.str, 0, spans):
        return False
    if not regex_subst(smp.str, spans, node.entry.value, text, room, &length):
        return False
    scratch_take(ev, length)
    return smp_set_own(smp, SMP_T_STR, text, length, length)


cdef bint map_value(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef const pat_index_t* index = <const pat_index_t*> args[0].ptr
    cdef const pat_node_t* node = index.live.ops.match(index.live, ev, smp)
    cdef const pat_entry_t* entry
    if node == NULL:
        return set_default(&args[1], smp)
    entry = node.entry
    if index.output == PAT_OUT_INT:
        return smp_set_int(smp, entry.num)
    if index.output == PAT_OUT_IP:
        return set_ip(smp, entry.ip, entry.ip_len == 4)
    if index.output == PAT_OUT_KEY:
        return smp_set_str(smp, entry.key.ptr, entry.key.len)
    if index.flags & PAT_F_CAPTURE and node.regex != NULL:
        return substitute(ev, node, smp)
    return smp_set_str(smp, entry.value.ptr, entry.value.len)


cdef const conv_entry_t* conv_map_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


entries[0].name = b"map"
entries[0].fn = map_value
