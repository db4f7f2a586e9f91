# Arguments that are keys, nonces and tags: constants that the configuration's check has decoded, or variables.
#
# Knows where such an argument's bytes come from. Must not know what they are for.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport eval_t

# The argument's bytes; those of an optional one that was left out are empty. False: it has none.
cdef bint read_secret(eval_t* ev, const arg_t* arg, slice_t* secret) noexcept nogil
