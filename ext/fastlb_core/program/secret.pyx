# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Arguments that are keys, nonces and tags. Contracts: secret.pxd.

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from fastlb_core.base.base64 cimport base64_decode
from fastlb_core.base.slice cimport slice_of
from fastlb_core.program.expr cimport ARG_STOP, ARG_STR, ARG_UNSET, ARG_VAR
from fastlb_core.program.sample cimport SMP_T_BIN, sample_t, scratch_take
from fastlb_core.program.vars cimport arg_text, var_set


cdef bint read_secret(eval_t* ev, const arg_t* arg, slice_t* secret) noexcept nogil:
    cdef slice_t text
    cdef char* out
    cdef int64_t n
    if arg.type == ARG_STR:
        secret[0] = arg.str
        return True
    secret[0] = slice_of(NULL, 0)
    if arg.type != ARG_VAR:
        return arg.type in (ARG_STOP, ARG_UNSET)
    if not arg_text(ev, arg, &text):
        return False
    out = scratch_take(ev, text.len // 4 * 3 + 3)
    n = base64_decode(text.ptr, text.len, out) if out != NULL else -1
    if n < 0:
        return False
    secret[0] = slice_of(out, <uint32_t> n)
    return True


cdef bint write_variable(eval_t* ev, const arg_t* arg, slice_t value) noexcept nogil:
    cdef sample_t smp
    if arg.type != ARG_VAR:
        return False
    memset(&smp, 0, sizeof(smp))
    smp.type = SMP_T_BIN
    smp.str = value
    return var_set(ev, <int> arg.num, <uint32_t> arg.num2, &smp, 0)
