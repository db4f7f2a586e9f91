# Expressions, formats, conditions and rules of the program: laid out from plain values, see layout_expr.pyx.

from fastlb_core.program.program cimport program_t, px_t

# The patterns of ACLs and maps, before those.
cdef int lay_out_patterns(program_t* program, list patterns) except -1
# The ACLs of the whole program, before anything that refers to them.
cdef int lay_out_acls(program_t* program, list acls) except -1
# The rules that each worker runs before it accepts.
cdef int lay_out_start(program_t* program, list rules) except -1
# The rule sets of one proxy: {number of the set: [rules]}.
cdef int lay_out_rules(program_t* program, px_t* px, dict rules) except -1
