# FastCGI applications of the program, laid out: see ProgramBuilder.add_fcgi_app.

from fastlb_core.program.program cimport program_t

# After the ACLs. Raises MemoryError, KeyError for what the core does not have, ValueError for a bad regex.
cdef int lay_out_fcgi(program_t* program, list apps) except -1
