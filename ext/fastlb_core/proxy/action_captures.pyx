# `capture <sample>` of requests and answers (manual, section 4.2). Arguments, see config/actions/captures.py: the expression,
# then the slot of the frontend.

from libc.stdint cimport uint32_t

from fastlb_core.program.expr cimport arg_t, expr_eval_as, expr_t
from fastlb_core.program.rules cimport ACT_CONT, act_t, action_fn, rule_t
from fastlb_core.program.sample cimport SMP_T_STR, eval_t, sample_t
from fastlb_core.proxy.capture cimport capture_keep, capture_open
from fastlb_core.proxy.stream cimport stream_t

cdef action_entry_t[2] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_captures_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef bint _value(eval_t* ev, const arg_t* args, uint32_t n_slots, sample_t* smp) noexcept nogil:
    """The expression's text, if the frontend has that slot: a backend's rule may name one that this frontend lacks."""
    if <uint32_t> args[1].num >= n_slots or not capture_open(<stream_t*> ev.strm):
        return False
    return expr_eval_as(ev, <const expr_t*> args[0].ptr, SMP_T_STR, smp)


cdef act_t capture_of_request(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef uint32_t slot = <uint32_t> rule.args[1].num
    cdef sample_t smp
    if _value(ev, rule.args, strm.fe.n_captures_req, &smp):
        capture_keep(strm, &strm.fe.captures_req[slot], &strm.captures_req[slot], smp.str)
        ev.captures_req = strm.captures_req
        ev.n_captures_req = strm.fe.n_captures_req
    return ACT_CONT


cdef act_t capture_of_answer(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stream_t* strm = <stream_t*> ev.strm
    cdef uint32_t slot = <uint32_t> rule.args[1].num
    cdef sample_t smp
    if _value(ev, rule.args, strm.fe.n_captures_res, &smp):
        capture_keep(strm, &strm.fe.captures_res[slot], &strm.captures_res[slot], smp.str)
        ev.captures_res = strm.captures_res
        ev.n_captures_res = strm.fe.n_captures_res
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"capture-req", capture_of_request)
add(b"capture-res", capture_of_answer)
