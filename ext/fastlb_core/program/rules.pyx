# Running rule sets; contracts in rules.pxd.

from libc.stdint cimport uint32_t

from fastlb_core.program.acl cimport COND_FALSE, COND_UNKNOWN, cond_eval, cond_result_t
from fastlb_core.program.sample cimport eval_t


cdef act_t rules_run(eval_t* ev, const rules_t* rules, uint32_t* next) noexcept nogil:
    cdef const rule_t* rule
    cdef cond_result_t verdict
    cdef act_t act
    if rules == NULL:
        return ACT_CONT
    while next[0] < rules.n_items:
        rule = &rules.items[next[0]]
        ev.scratch.used = 0
        if rule.cond != NULL:
            verdict = cond_eval(ev, rule.cond)
            if verdict == COND_UNKNOWN:
                return ACT_YIELD
            if verdict == COND_FALSE:
                next[0] += 1
                continue
            ev.scratch.used = 0
        ev.rule = rule
        if rule.is_final and ev.last_rule != NULL:
            ev.last_rule[0] = rule
        act = rule.fn(ev, rule)
        if act == ACT_YIELD:
            return act
        next[0] += 1
        if act != ACT_CONT:
            return act
    return ACT_CONT
