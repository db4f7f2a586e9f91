# Lays out a proxy's formats and captures.

from fastlb_core.program.program cimport program_t, px_t

cdef int lay_out_log(program_t* program, px_t* px, dict values) except -1
