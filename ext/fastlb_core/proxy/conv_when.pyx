# `when`: passes a value on where a condition holds (manual of 3.1, section 7.3.1).
#
# Knows what the stream knows of its own end. Must not know values.

from libc.stdint cimport uint32_t

from fastlb_core.base.atomic cimport load_i32
from fastlb_core.base.arena cimport WORKER_S_STOPPING
from fastlb_core.program.acl cimport COND_TRUE, acl_eval, acl_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport eval_t, sample_t
from fastlb_core.proxy.log_facts cimport facts_is_error
from fastlb_core.proxy.stream cimport STRM_F_INTERNAL, stream_t

cdef enum when_t:                # args[0]; the numbers of config/samples/convert_text.py
    WHEN_ERROR = 0
    WHEN_NORMAL = 1
    WHEN_FORWARDED = 2
    WHEN_TOAPPLET = 3
    WHEN_PROCESSED = 4
    WHEN_STOPPING = 5
    WHEN_ACL = 6                 # args[1]: the ACL, num: whether it is negated

cdef conv_entry_t[1] entries


cdef const conv_entry_t* conv_when_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef bint _of_stream(const stream_t* strm, int condition) noexcept nogil:
    # A connection to a server stood, or control's service answers.
    cdef bint is_applet = bool(strm.flags & STRM_F_INTERNAL)
    cdef bint is_forwarded = strm.t_connect != 0 and not is_applet
    if condition == WHEN_ERROR:
        return facts_is_error(strm)
    if condition == WHEN_NORMAL:
        return not facts_is_error(strm)
    if condition == WHEN_FORWARDED:
        return is_forwarded
    if condition == WHEN_TOAPPLET:
        return is_applet
    return is_forwarded or is_applet


cdef bint when(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    cdef int condition = <int> args[0].num
    if condition == WHEN_STOPPING:
        return load_i32(&ev.program.arena.workers[ev.worker].state) == WORKER_S_STOPPING
    if condition == WHEN_ACL:
        return (acl_eval(ev, <const acl_t*> args[1].ptr) == COND_TRUE) != (args[1].num != 0)
    return ev.strm != NULL and _of_stream(<const stream_t*> ev.strm, condition)


entries[0].name = b"when"
entries[0].fn = when
