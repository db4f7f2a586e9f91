# Actions on stick tables (manual, section 4.2). Arguments, see config/actions/tracking.py: the counter's number first.

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from fastlb_core.program.expr cimport ARG_EXPR, arg_t, expr_eval, expr_t
from fastlb_core.program.rules cimport (
    ACT_CONT, ACT_YIELD, RULES_HTTP_REQUEST, RULES_TCP_REQUEST, act_t, action_fn, rule_t,
)
from fastlb_core.program.sample cimport EVAL_O_FINAL, SMP_F_MAY_CHANGE, SMP_T_SINT, eval_t, sample_t, smp_cast
from fastlb_core.proxy.http_rules cimport PHASE_FE_TCP
from fastlb_core.proxy.stick_key cimport stick_key_of, stick_key_t
from fastlb_core.proxy.stick_rules cimport stick_rule
from fastlb_core.proxy.stick_table cimport stick_table_t
from fastlb_core.proxy.stream cimport stream_t
from fastlb_core.proxy.track cimport stkctr_t, track_begin, track_gpc_add, track_gpt_set, track_of, trackers_t
from fastlb_core.proxy.tracking cimport tracking_session
from fastlb_core.proxy.worker cimport worker_t

cdef enum:                       # arguments
    COUNTER = 0
    TRACK_KEY = 1
    TRACK_TABLE = 2
    TYPE = 1                     # stick_type_t
    INDEX = 2                    # of an array's element
    VALUE = 3                    # a number or an expression

cdef action_entry_t[4] entries
cdef uint32_t n_entries = 0


cdef const action_entry_t* action_tracking_entries(uint32_t* n) noexcept nogil:
    n[0] = n_entries
    return entries


cdef stkctr_t* _counter(eval_t* ev, uint32_t i) noexcept nogil:
    """The unused counter: the stream's, or the connection's where there is no stream yet; NULL: in use, or no memory."""
    cdef trackers_t* all = <trackers_t*> ev.trackers
    # haproxy: a counter that the connection tracks is not the stream's to use.
    if all == NULL or i >= all.n or track_of(all, i) != NULL:
        return NULL
    if ev.strm != NULL:
        return all.strm + i
    # The loop is the first thing in its worker.
    all.sess = tracking_session(<worker_t*> ev.front.loop, ev.front)
    return all.sess + i if all.sess != NULL else NULL


cdef bint _is_counted(const stream_t* strm, const rule_t* rule) noexcept nogil:
    """The request has been counted before this rule. haproxy: only after a frontend's `tcp-request content` rules."""
    if rule.set == RULES_TCP_REQUEST:
        return strm.phase == PHASE_FE_TCP and strm.t_request != 0
    return rule.set == RULES_HTTP_REQUEST


cdef act_t track_sc(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef stkctr_t* ctr = _counter(ev, <uint32_t> rule.args[<uint32_t> COUNTER].num)
    cdef const stick_table_t* table = <const stick_table_t*> rule.args[<uint32_t> TRACK_TABLE].ptr
    cdef sample_t smp
    cdef stick_key_t key
    if ctr == NULL or table == NULL:
        return ACT_CONT
    memset(&smp, 0, sizeof(smp))
    if not expr_eval(ev, <const expr_t*> rule.args[<uint32_t> TRACK_KEY].ptr, &smp):
        return ACT_YIELD if smp.flags & SMP_F_MAY_CHANGE and not ev.options & EVAL_O_FINAL else ACT_CONT
    if stick_key_of(table, ev, &smp, &key):
        track_begin(ev, ctr, table, &key, _is_counted(<const stream_t*> ev.strm, rule))
    return ACT_CONT


cdef bint _number(eval_t* ev, const arg_t* arg, int64_t* value) noexcept nogil:
    cdef sample_t smp
    value[0] = arg.num
    if arg.type != ARG_EXPR:
        return True
    memset(&smp, 0, sizeof(smp))
    if not expr_eval(ev, <const expr_t*> arg.ptr, &smp) or not smp_cast(ev, &smp, SMP_T_SINT):
        return False
    value[0] = smp.num
    return True


cdef act_t sc_add_gpc(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int64_t value
    if _number(ev, rule.args + <uint32_t> VALUE, &value) and value > 0:
        track_gpc_add(
            <trackers_t*> ev.trackers, <uint32_t> rule.args[<uint32_t> COUNTER].num, <uint32_t> rule.args[<uint32_t> TYPE].num,
            <uint32_t> rule.args[<uint32_t> INDEX].num, <uint32_t> value, ev.now_ms)
    return ACT_CONT


cdef act_t sc_set_gpt(eval_t* ev, const rule_t* rule) noexcept nogil:
    cdef int64_t value
    if _number(ev, rule.args + <uint32_t> VALUE, &value):
        track_gpt_set(
            <trackers_t*> ev.trackers, <uint32_t> rule.args[<uint32_t> COUNTER].num, <uint32_t> rule.args[<uint32_t> TYPE].num,
            <uint32_t> rule.args[<uint32_t> INDEX].num, <int64_t> <uint32_t> value, ev.now_ms)
    return ACT_CONT


cdef void add(const char* name, action_fn fn) noexcept nogil:
    global n_entries
    entries[n_entries].name = name
    entries[n_entries].fn = fn
    n_entries += 1


add(b"track-sc", track_sc)
add(b"stick", stick_rule)
add(b"sc-add-gpc", sc_add_gpc)
add(b"sc-set-gpt", sc_set_gpt)
