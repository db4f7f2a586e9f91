# `do-resolve` (manual, section 4.2). Arguments: the variable, the resolvers section, the family that comes first, the longest
# wait in ms, the name's expression.

from libc.stdint cimport uint32_t
from libc.string cimport memcpy, memset

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport expr_eval, expr_t
from fastlb_core.program.rules cimport ACT_CONT, ACT_YIELD, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport SMP_T_IPV4, SMP_T_IPV6, eval_t, sample_t, smp_to_text
from fastlb_core.program.vars cimport var_set
from fastlb_core.proxy.body_wait cimport rule_waited, rule_waits
from fastlb_core.proxy.questions cimport QUESTION_ANSWERED, QUESTION_NONE, question_ask, question_end
from fastlb_core.proxy.stream cimport stream_t

cdef action_entry_t[1] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_resolve_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef void _take(eval_t* ev, const rule_t* rule, const stream_t* strm) noexcept nogil:
    """The address in the variable; haproxy: without one the variable stays as it was."""
    cdef sample_t smp
    if strm.answer_len == 0:
        return
    memset(&smp, 0, sizeof(smp))
    smp.type = SMP_T_IPV4 if strm.answer_len == 4 else SMP_T_IPV6
    memcpy(smp.ip, strm.answer, strm.answer_len)
    var_set(ev, <int> rule.args[0].num, <uint32_t> rule.args[0].num2, &smp, 0)


cdef bint _ask(eval_t* ev, const rule_t* rule, stream_t* strm) noexcept nogil:
    cdef sample_t smp
    cdef slice_t name
    if not expr_eval(ev, <const expr_t*> rule.args[4].ptr, &smp) or not smp_to_text(ev, &smp, &name):
        return False
    return question_ask(strm, rule.args[1].str, <uint32_t> rule.args[2].num, name)


cdef act_t do_resolve(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef bint waits
    if strm.question_state == QUESTION_NONE and not _ask(ev, rule, strm):
        return ACT_CONT
    # Control answers in its own time; the limit is for a control that hangs.
    waits = strm.question_state != QUESTION_ANSWERED and rule_waits(strm, strm.front, rule.args[3].num)
    if waits:
        return ACT_YIELD
    if strm.question_state == QUESTION_ANSWERED:
        _take(ev, rule, strm)
    question_end(strm)
    rule_waited(strm)
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"do-resolve", do_resolve)
