# What rules of this process have changed of what all workers share: patterns and variables of the scope `proc`.
#
# A log of records that grows until somebody takes it. Knows bytes only; bridge/contents.pyx reads it, and control sends each
# change on to the other workers. A store whose `changes` is NULL keeps no log (unit tests, control itself).
#
#     record   change_t, then the key's bytes, then the value's

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from fastlb_core.base.slice cimport slice_t

cdef enum change_kind_t:
    CHANGE_PUT = 1               # the pattern is there from now on, once; an existing one is left
    CHANGE_SET = 2               # every pattern with that key has that value; added where there is none
    CHANGE_DEL = 3               # no pattern with that key
    CHANGE_VAR = 4               # key: var_value_t, value: its bytes
    CHANGE_UNSET = 5

cdef enum:
    CHANGES_MAX = 4194304        # bytes; beyond, a change stays in this worker (control is away, or far behind)

cdef struct change_t:
    uint32_t kind                # change_kind_t
    uint32_t object              # the patterns' number in the program, or the variable's slot
    uint32_t key_len
    uint32_t value_len

cdef struct changes_t:
    char* bytes                  # owned
    uint32_t len
    uint32_t size

# Logs one change; `changes` may be NULL. What does not fit is left out.
cdef void changes_add(changes_t* changes, uint32_t kind, uint32_t object, slice_t key, slice_t value) noexcept nogil
# Forgets all records, keeps the memory. destroy: idempotent, safe on zeroed memory.
cdef void changes_reset(changes_t* changes) noexcept nogil
cdef void changes_destroy(changes_t* changes) noexcept nogil
