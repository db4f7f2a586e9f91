# `compression` in the program: see layout_compression.pyx.

from fastlb_core.program.program cimport program_t, px_t

# values: {"algos": [coding, ...], "types": [bytes, ...], "offload": bool, "minsize": bytes}, or None for a proxy without any.
cdef int lay_out_compression(program_t* program, px_t* px, dict values) except -1
