# Arguments that are keys, nonces and tags: constants that the configuration's check has decoded, or variables.
#
# Knows where such an argument's bytes come from. Must not know what they are for.

from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport eval_t

# The argument's bytes: a constant as it is, a variable's text decoded from base64. haproxy: the same (the configuration's
# check decodes constants). Those of an optional one that was left out are empty. False: the
# variable is not set or not base64.
cdef bint read_secret(eval_t* ev, const arg_t* arg, slice_t* secret) noexcept nogil
# Sets the argument's variable to these bytes. False: it is no variable, or cannot be set.
cdef bint write_variable(eval_t* ev, const arg_t* arg, slice_t value) noexcept nogil
