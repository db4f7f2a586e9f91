# Patterns of ACLs and maps in the program: see layout_patterns.pyx.

from fastlb_core.program.program cimport program_t

# All of the builder's patterns, in their order; before the ACLs that refer to them.
cdef int lay_out_patterns(program_t* program, list sets, list patterns) except -1
