# `var` (manual, section 7.3.2) and the converters `set-var` and `unset-var` (7.3.1). The store is vars.pyx.

from libc.stdint cimport uint32_t

from fastlb_core.program.expr cimport ARG_STR, arg_t
from fastlb_core.program.sample cimport SMP_T_BIN, SMP_T_STR, eval_t, sample_t, smp_make_writable, smp_set_str
from fastlb_core.program.vars cimport var_get, var_set, var_unset

cdef fetch_entry_t[1] fetches
cdef conv_entry_t[2] convs


cdef const fetch_entry_t* fetch_vars_entries(uint32_t* n) noexcept nogil:
    n[0] = 1
    return fetches


cdef const conv_entry_t* conv_vars_entries(uint32_t* n) noexcept nogil:
    n[0] = 2
    return convs


cdef bint var(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: the variable, then the text to use where it is not set."""
    if var_get(ev, <int> args[0].num, <uint32_t> args[0].num2, smp):
        return True
    return args[1].type == ARG_STR and smp_set_str(smp, args[1].str.ptr, args[1].str.len)


cdef bint set_var(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    """args: the variable, then VAR_C_* of all conditions."""
    return var_set(ev, <int> args[0].num, <uint32_t> args[0].num2, smp, <uint32_t> args[1].num)


cdef bint unset_var(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil:
    # The sample may stand in the variable's own block, which goes away.
    if (smp.type == SMP_T_STR or smp.type == SMP_T_BIN) and not smp_make_writable(ev, smp):
        return False
    var_unset(ev, <int> args[0].num, <uint32_t> args[0].num2)
    return True


fetches[0].name = b"var"
fetches[0].fn = var
convs[0].name = b"set-var"
convs[0].fn = set_var
convs[1].name = b"unset-var"
convs[1].fn = unset_var
