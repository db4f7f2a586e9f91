# From collected values to the C structs of a program and its arena.
#
# Knows the order in which pieces are allocated and what they start with. Called once by ProgramBuilder.finish().

from libc.stdint cimport uint32_t, uint64_t

from fastlb_core.lb.server cimport srv_t
from fastlb_core.program.program cimport program_t, px_t

# Fills `program` (fresh from program_new). Raises KeyError for an unknown algorithm and MemoryError; program_free then frees
# what was done.
cdef int lay_out(
    program_t* program, dict values, list proxies, list servers, list listeners, list log_sinks
) except -1

# A server's values (ProgramBuilder.add_server) into srv; texts are copied into the memory of `home`. Raises MemoryError.
cdef int fill_server_facts(program_t* home, srv_t* srv, const px_t* px, dict values) except -1
# The live state that a server begins with; what it must not have is zero already.
cdef int fill_server_state(srv_t* srv, dict values, uint64_t now_ms) except -1
# The spare server of that number (n_spare: the one that stands for those that are gone), which knows nothing but its index and
# its pieces of the arena.
cdef srv_t* new_spare(program_t* program, uint32_t number) except NULL
