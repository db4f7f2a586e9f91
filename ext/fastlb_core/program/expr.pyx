# Evaluation of expressions; contracts in expr.pxd.

from libc.stdint cimport uint8_t, uint16_t

from fastlb_core.program.sample cimport EVAL_O_FINAL, SMP_F_MAY_CHANGE, SMP_F_MORE, eval_t, sample_t, smp_cast


cdef bint convert(eval_t* ev, const expr_t* expr, sample_t* smp) noexcept nogil:
    cdef const conv_t* conv = expr.convs
    cdef const conv_t* end = conv + expr.n_convs
    while conv < end:
        if not smp_cast(ev, smp, conv.in_type) or not conv.fn(ev, conv.args, smp):
            return False
        conv += 1
    return True


cdef bint expr_eval(eval_t* ev, const expr_t* expr, sample_t* smp) noexcept nogil:
    smp.flags = 0
    smp.room = 0
    if not expr.fetch(ev, expr.args, smp):
        if ev.options & EVAL_O_FINAL:
            smp.flags &= <uint16_t> ~SMP_F_MAY_CHANGE
        return False
    if ev.options & EVAL_O_FINAL:
        smp.flags &= <uint16_t> ~SMP_F_MAY_CHANGE
    return convert(ev, expr, smp)


cdef bint expr_eval_as(eval_t* ev, const expr_t* expr, uint8_t type, sample_t* smp) noexcept nogil:
    return expr_eval(ev, expr, smp) and smp_cast(ev, smp, type)


cdef bint expr_eval_next(eval_t* ev, const expr_t* expr, sample_t* smp) noexcept nogil:
    # ctx says where the last value was; everything else is made anew.
    smp.flags &= SMP_F_MORE
    smp.room = 0
    return expr.fetch(ev, expr.args, smp) and convert(ev, expr, smp)
