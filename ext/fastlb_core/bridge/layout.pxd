# From collected values to the C structs of a program and its arena.
#
# Knows the order in which pieces are allocated and what they start with. Called once by ProgramBuilder.finish().

from fastlb_core.program.program cimport program_t

# Fills `program` (fresh from program_new). Raises KeyError for an unknown algorithm and MemoryError; program_free then frees
# what was done.
cdef int lay_out(
    program_t* program, dict values, list proxies, list servers, list listeners, list log_sinks
) except -1
