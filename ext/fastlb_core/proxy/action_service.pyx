# `use-service` (manual, section 4.2): the request goes to a service of control. Its argument is a number of service_t.

from libc.stdint cimport uint8_t, uint32_t

from fastlb_core.program.rules cimport ACT_STOP, act_t, rule_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport STRM_F_INTERNAL, stream_t

cdef action_entry_t[1] entries


cdef const action_entry_t* action_service_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef act_t use_service(eval_t* ev, const rule_t* rule) noexcept nogil:
    """No rule behind it runs, nor the switch to a backend: the proxy of the rule has the internal server."""
    cdef stream_t* strm = <stream_t*> ev.strm
    strm.flags |= STRM_F_INTERNAL
    strm.service = <uint8_t> rule.args[0].num
    return ACT_STOP


entries[0].name = b"use-service"
entries[0].fn = use_service
