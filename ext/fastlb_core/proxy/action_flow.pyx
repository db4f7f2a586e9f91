# `allow`, `accept`, `reject` (manual, section 4.2).

from libc.stdint cimport uint32_t

from fastlb_core.program.rules cimport ACT_REJECT, ACT_STOP, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport eval_t

cdef action_entry_t[8] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_flow_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef act_t allow(eval_t* ev, const rule_t* rule) noexcept nogil:
    return ACT_STOP


cdef act_t reject(eval_t* ev, const rule_t* rule) noexcept nogil:
    return ACT_REJECT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"allow", allow)
add(b"reject", reject)
