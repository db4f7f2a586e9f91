# Evaluation of ACLs and conditions; contracts in acl.pxd.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from fastlb_core.program.expr cimport expr_eval, expr_eval_next
from fastlb_core.program.pattern cimport pat_cast, pat_index_t, pat_match
from fastlb_core.program.sample cimport (
    EVAL_O_FINAL, EVAL_O_ITERATE, SMP_F_MAY_CHANGE, SMP_F_MORE, SMP_T_BOOL, eval_t, sample_t, smp_cast,
)


cdef bint matches(eval_t* ev, const acl_line_t* line, const sample_t* smp) noexcept nogil:
    cdef sample_t copy
    cdef uint32_t i
    if line.method == ACL_FOUND:
        return True
    memcpy(&copy, smp, sizeof(sample_t))
    if line.method == ACL_BOOL:
        return smp_cast(ev, &copy, SMP_T_BOOL) and copy.num != 0
    if line.n_indexes == 0 or not pat_cast((<pat_index_t*> line.indexes[0]).method, ev, &copy):
        return False
    for i in range(line.n_indexes):
        if pat_match(<pat_index_t*> line.indexes[i], ev, &copy) != NULL:
            return True
    return False


cdef cond_result_t line_eval(eval_t* ev, const acl_line_t* line) noexcept nogil:
    """Any value that the fetch has may match."""
    cdef sample_t smp
    cdef uint32_t mark = ev.scratch.used
    cdef bint found = expr_eval(ev, &line.expr, &smp)
    while found:
        if matches(ev, line, &smp):
            ev.scratch.used = mark
            return COND_TRUE
        if not smp.flags & SMP_F_MORE:
            break
        ev.scratch.used = mark
        found = expr_eval_next(ev, &line.expr, &smp)
    ev.scratch.used = mark
    if smp.flags & SMP_F_MAY_CHANGE and not ev.options & EVAL_O_FINAL:
        return COND_UNKNOWN
    return COND_FALSE


cdef cond_result_t acl_eval(eval_t* ev, const acl_t* acl) noexcept nogil:
    cdef cond_result_t result = COND_FALSE, one
    cdef uint32_t options = ev.options
    cdef uint32_t i
    ev.options |= EVAL_O_ITERATE
    for i in range(acl.n_lines):
        one = line_eval(ev, &acl.lines[i])
        if one == COND_TRUE:
            result = COND_TRUE
            break
        if one == COND_UNKNOWN:
            result = COND_UNKNOWN
    ev.options = options
    return result


cdef inline cond_result_t negate(cond_result_t result) noexcept nogil:
    if result == COND_UNKNOWN:
        return result
    return COND_FALSE if result == COND_TRUE else COND_TRUE


cdef cond_result_t cond_eval(eval_t* ev, const cond_t* cond) noexcept nogil:
    cdef const cond_term_t* term = cond.terms
    cdef const cond_term_t* end = term + cond.n_terms
    cdef cond_result_t result = COND_FALSE, group = COND_TRUE, one
    while term < end:
        if group != COND_FALSE:
            one = acl_eval(ev, term.acl)
            if term.is_negated:
                one = negate(one)
            if one != COND_TRUE:
                group = one
        if term.ends_group:
            if group == COND_TRUE:
                result = COND_TRUE
                break
            if group == COND_UNKNOWN:
                result = COND_UNKNOWN
            group = COND_TRUE
        term += 1
    return negate(result) if cond.is_unless else result
