# ACLs and conditions.
#
# Knows how lines, ACLs and groups of terms are evaluated. Must not know how patterns are matched (pattern.pxd).

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport expr_t
from fastlb_core.program.sample cimport eval_t

cdef enum cond_result_t:
    COND_FALSE = 0
    COND_TRUE = 1
    COND_UNKNOWN = 2             # bytes that decide it may still come; never with EVAL_O_FINAL

cdef enum acl_method_t:          # what a line does with its sample
    ACL_FOUND = 0                # it is there
    ACL_BOOL = 1                 # it is true
    ACL_MATCH = 2                # one of the patterns matches it

cdef struct acl_line_t:
    expr_t expr                  # inline
    uint8_t method               # acl_method_t
    void** indexes               # owned (program memory): pat_index_t of pattern.pxd, all of one method
    uint32_t n_indexes

cdef struct acl_t:
    slice_t name                 # "" for an anonymous one
    acl_line_t* lines            # owned (program memory)
    uint32_t n_lines

cdef struct cond_term_t:
    const acl_t* acl             # borrowed (program)
    uint8_t is_negated
    uint8_t ends_group           # the terms up to this one are joined by AND, the groups by OR

cdef struct cond_t:
    cond_term_t* terms           # owned (program memory)
    uint32_t n_terms
    uint8_t is_unless

cdef cond_result_t acl_eval(eval_t* ev, const acl_t* acl) noexcept nogil
cdef cond_result_t cond_eval(eval_t* ev, const cond_t* cond) noexcept nogil
