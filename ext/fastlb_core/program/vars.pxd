# Variables: one store per scope and owner (process, session, transaction, request, answer, check).
#
# Knows slots, their bytes and the limits of `tune.vars.*-max-size`. Must not know names: those are resolved to (scope, slot)
# when the configuration is compiled. eval_t.vars[scope] points to a vars_t, or is NULL where that scope does not exist yet.
#
#     vars_t ── slots ──> [ type | length | num | ip | bytes ─> block of a size class ] x n_slots
#        └─ parent: the coarser scope, which counts these bytes as well (request -> transaction -> session -> process)

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from fastlb_core.base.buf cimport pool_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.changes cimport changes_t
from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport eval_t, sample_t

cdef enum:
    VARS_N_CLASSES = 6
    VARS_BYTES_MAX = 65536       # of one value: the largest size class
    VARS_OVERHEAD = 64           # bytes that the limits count for each variable beside its value

cdef enum:                       # conditions of `set-var`
    VAR_C_IFEXISTS = 0x01
    VAR_C_IFNOTEXISTS = 0x02
    VAR_C_IFEMPTY = 0x04
    VAR_C_IFNOTEMPTY = 0x08
    VAR_C_IFSET = 0x10
    VAR_C_IFNOTSET = 0x20
    VAR_C_IFGT = 0x40
    VAR_C_IFLT = 0x80

# One per worker: blocks of 64, 256, 1024, 4096, 16384 and 65536 bytes.
cdef struct vars_pools_t:
    pool_t classes[6]

cdef struct var_t:
    uint8_t type                 # smp_type_t; 0: not set
    uint8_t size_class           # of `bytes`; meaningless without
    uint8_t ip[16]
    uint32_t len                 # of `bytes`
    int64_t num
    char* bytes                  # owned: block of the pools, or NULL for a value without bytes

cdef struct vars_t:
    var_t* slots                 # owned: block of the pools, taken with the first variable that is set
    vars_pools_t* pools          # borrowed (worker)
    vars_t* parent               # borrowed: the coarser scope, or NULL
    uint32_t n_slots             # of the scope, as compiled
    uint16_t size_class          # of the block at `slots`
    uint16_t is_proc             # scope proc: every variable exists from the start, set or not
    uint64_t used                # bytes counted here, those of finer scopes included
    uint64_t limit               # bytes; 0: none
    changes_t* changes           # borrowed (worker): of the scope proc where changes are logged, else NULL

# A variable's value without its bytes, as changes have it.
cdef struct var_value_t:
    int64_t num
    uint8_t ip[16]
    uint8_t type                 # smp_type_t

# Prepares the pools in the caller's memory. max_cached: free blocks kept in each class.
cdef void vars_pools_init(vars_pools_t* pools, uint32_t max_cached) noexcept nogil
# Frees the cached blocks. Idempotent.
cdef void vars_pools_destroy(vars_pools_t* pools) noexcept nogil

# Prepares an empty store in the caller's memory; takes nothing yet. limit: bytes, 0 for none.
cdef void vars_init(vars_t* vars, vars_pools_t* pools, vars_t* parent, uint32_t n_slots, uint64_t limit) noexcept nogil
# Forgets all variables and gives their blocks back; the store may be used again. Idempotent.
cdef void vars_reset(vars_t* vars) noexcept nogil

# Copies the sample into the variable when every condition (VAR_C_*) holds. False: a condition does not, the scope is not
# there, a limit is reached, or memory is short; the variable is then as before. On success smp's bytes are those of the
# variable, so that a sample that was read from it stays valid.
cdef bint var_set(eval_t* ev, int scope, uint32_t slot, sample_t* smp, uint32_t conditions) noexcept nogil
# Forgets one variable; one that is not set is left so.
cdef void var_unset(eval_t* ev, int scope, uint32_t slot) noexcept nogil
# Fills smp (its bytes are valid until the variable is set or unset again); False when it is not set.
cdef bint var_get(eval_t* ev, int scope, uint32_t slot, sample_t* smp) noexcept nogil

# Arguments that are a constant or a variable's name. What was left out is 0 and "". False: the variable is not set or
# cannot be cast.
cdef bint arg_int(eval_t* ev, const arg_t* arg, int64_t* number) noexcept nogil
cdef bint arg_text(eval_t* ev, const arg_t* arg, slice_t* text) noexcept nogil
