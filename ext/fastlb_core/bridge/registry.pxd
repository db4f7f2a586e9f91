# Sample fetches and converters by name, collected from the tables of the modules that implement them.

from fastlb_core.program.expr cimport conv_fn, fetch_fn

# NULL for an unknown name. Used while the program is laid out, so the search may be slow.
cdef fetch_fn find_fetch(const char* name) noexcept nogil
cdef conv_fn find_conv(const char* name) noexcept nogil
