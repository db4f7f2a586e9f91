# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Arguments that are keys, nonces and tags. Contract: secret.pxd.

from fastlb_core.base.slice cimport slice_of
from fastlb_core.program.expr cimport ARG_STOP, ARG_STR, ARG_UNSET


cdef bint read_secret(eval_t* ev, const arg_t* arg, slice_t* secret) noexcept nogil:
    if arg.type == ARG_STR:
        secret[0] = arg.str
        return True
    secret[0] = slice_of(NULL, 0)
    return arg.type in (ARG_STOP, ARG_UNSET)
