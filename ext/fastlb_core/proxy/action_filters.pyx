# Actions on filters (manual, section 4.2). Arguments, see config/actions/filters.py.

from libc.stdint cimport int64_t, uint32_t

from fastlb_core.program.expr cimport ARG_EXPR, arg_t, expr_eval_as, expr_t
from fastlb_core.program.program cimport px_t
from fastlb_core.program.rules cimport ACT_CONT, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport SMP_T_SINT, eval_t, sample_t
from fastlb_core.proxy.filters cimport filters_enable

cdef enum:                       # arguments of set-bandwidth-limit
    PROXY = 0                    # where the filter stands
    INDEX = 1                    # among its filters
    LIMIT = 2                    # bytes; left out: the filter's own
    PERIOD = 3                   # ms

cdef action_entry_t[1] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_filters_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef int64_t _amount(eval_t* ev, const arg_t* arg, int64_t most) noexcept nogil:
    """A number or an expression's value; 0, which means the filter's own, where there is none or it is no amount."""
    cdef sample_t smp
    cdef int64_t value = arg.num
    if arg.type == ARG_EXPR:
        if not expr_eval_as(ev, <const expr_t*> arg.ptr, SMP_T_SINT, &smp):
            return 0
        value = smp.num
    return value if 0 < value <= most else 0


cdef act_t set_bandwidth_limit(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int64_t limit = _amount(ev, &rule.args[<uint32_t> LIMIT], 0x7fffffffffff)
    cdef int64_t period_ms = _amount(ev, &rule.args[<uint32_t> PERIOD], 0x7fffffff)
    filters_enable(ev, <const px_t*> rule.args[<uint32_t> PROXY].ptr, <uint32_t> rule.args[<uint32_t> INDEX].num,
                   <unsigned long long> limit, <uint32_t> period_ms)
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"set-bandwidth-limit", set_bandwidth_limit)
