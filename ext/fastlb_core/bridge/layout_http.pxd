# HTTP settings of the program, laid out: see ProgramBuilder.set_http and set_case_names.

from fastlb_core.program.program cimport program_t, px_t

# HTTP settings of a proxy (ProgramBuilder.set_http) and of the whole program. Raise MemoryError.
cdef int lay_out_http(program_t* program, px_t* px, dict values) except -1
cdef int lay_out_case_names(program_t* program, list names) except -1
