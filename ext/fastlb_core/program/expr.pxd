# Sample expressions: a fetch with its arguments and a chain of converters, as flat memory of the program.
#
# Knows how they are evaluated and what an argument is. Must not know any fetch or converter: those are function pointers,
# found by name in the tables of fetch_*.pyx and conv_*.pyx (bridge/registry).

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.sample cimport eval_t, sample_t

cdef enum arg_type_t:            # what an argument holds, and in which field
    ARG_STOP = 0                 # behind the last one
    ARG_UNSET = 1                # an optional one that was left out
    ARG_SINT = 2                 # num: integer, time in ms, size in bytes, enumeration
    ARG_STR = 3                  # str
    ARG_IPV4 = 4                 # ip[0:4]
    ARG_IPV6 = 5                 # ip
    ARG_PROXY = 6                # ptr: px_t
    ARG_SERVER = 7               # ptr: srv_t
    ARG_TABLE = 8                # ptr: stick table, see proxy/
    ARG_USERS = 9                # ptr: userlist
    ARG_REGEX = 10               # ptr: regex_t
    ARG_PATTERNS = 11            # ptr: pat_ref_t: a map or an ACL file
    ARG_VAR = 12                 # num: eval_scope_t, num2: its slot; str: its full name
    ARG_EXPR = 13                # ptr: expr_t
    ARG_FORMAT = 14              # ptr: logformat_t
    ARG_ACL = 15                 # ptr: acl_t
    ARG_CAPTURE = 16             # num: capture slot, num2: its length
    ARG_LOG_PROFILE = 18         # ptr: log_profile_t
    ARG_LIST = 17                # ptr: arg_t array of its own, ends with ARG_STOP

cdef struct arg_t:
    uint8_t type                 # arg_type_t
    uint8_t ip[16]
    int64_t num
    int64_t num2
    slice_t str                  # borrowed (program)
    void* ptr                    # borrowed (program)

# Both fill *smp and return True, or return False when there is no such value; smp.flags may then say MAY_CHANGE.
# args: ends with ARG_STOP; what was left out in the middle is ARG_UNSET. A converter gets a sample of its input type.
ctypedef bint (*fetch_fn)(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil
ctypedef bint (*conv_fn)(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil

cdef struct conv_t:
    conv_fn fn
    const arg_t* args            # owned (program memory)
    uint8_t in_type              # smp_type_t the sample is cast to first

cdef struct expr_t:
    fetch_fn fetch
    const arg_t* args            # owned (program memory)
    conv_t* convs                # owned (program memory)
    uint16_t n_convs

# A named function, for the tables of the modules that implement them.
cdef struct fetch_entry_t:
    const char* name
    fetch_fn fn

cdef struct conv_entry_t:
    const char* name
    conv_fn fn

# Evaluates; False: no value. The result's bytes live in the scratch area or where the fetch found them.
cdef bint expr_eval(eval_t* ev, const expr_t* expr, sample_t* smp) noexcept nogil
# expr_eval, then a cast to `type`.
cdef bint expr_eval_as(eval_t* ev, const expr_t* expr, uint8_t type, sample_t* smp) noexcept nogil
# With EVAL_O_ITERATE: the next value after one with SMP_F_MORE.
cdef bint expr_eval_next(eval_t* ev, const expr_t* expr, sample_t* smp) noexcept nogil
# How many arguments were given up to ARG_STOP.
cdef inline uint32_t args_count(const arg_t* args) noexcept nogil:
    cdef uint32_t n = 0
    while args[n].type != ARG_STOP:
        n += 1
    return n
