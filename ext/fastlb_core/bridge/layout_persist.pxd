# `cookie` in the program: see layout_persist.pyx.

from fastlb_core.program.program cimport program_t, px_t

# values: {"name": bytes, "flags": int, "max_idle_s": int, "max_life_s": int, "attributes": bytes}, or None for a proxy without
# it. The proxy's servers are laid out already. Raises MemoryError.
cdef int lay_out_persist(program_t* program, px_t* px, dict values) except -1
# The proxy's servers have changed: whom a cookie names follows. Raises MemoryError, and then changes nothing.
cdef int index_cookies(program_t* program, px_t* px) except -1
