# The key of a keyed `balance` in the program: see layout_balance.pyx.

from fastlb_core.program.program cimport program_t, px_t

# values: what ProgramBuilder.set_balance was given. Raises KeyError, MemoryError.
cdef int lay_out_balance(program_t* program, px_t* px, dict values) except -1
