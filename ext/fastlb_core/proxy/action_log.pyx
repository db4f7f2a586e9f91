# `do-log` (manual, section 4.4 of 3.1 and later).

from libc.stdint cimport uint32_t

from fastlb_core.program.expr cimport ARG_LOG_PROFILE
from fastlb_core.program.program cimport LOG_S_RULES, log_profile_t, log_step_t
from fastlb_core.program.rules cimport ACT_CONT, act_t, rule_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream_log cimport log_on_demand

cdef action_entry_t[1] entries


cdef const action_entry_t* action_log_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return entries


cdef act_t do_log(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef const log_profile_t* profile = NULL
    if rule.args[0].type == ARG_LOG_PROFILE:
        profile = <const log_profile_t*> rule.args[0].ptr
    log_on_demand(ev, <log_step_t> (<int> LOG_S_RULES + rule.set), profile)
    return ACT_CONT


entries[0].name = b"do-log"
entries[0].fn = do_log
