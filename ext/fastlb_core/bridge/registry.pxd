# Sample fetches and converters by name, collected from the tables of the modules that implement them.

from fastlb_core.program.expr cimport conv_fn, fetch_fn
from fastlb_core.program.logformat cimport alias_fn
from fastlb_core.program.rules cimport action_fn

# NULL for an unknown name. Used while the program is laid out, so the search may be slow.
cdef fetch_fn find_fetch(const char* name) noexcept nogil
cdef conv_fn find_conv(const char* name) noexcept nogil
cdef action_fn find_action(const char* name) noexcept nogil
cdef alias_fn find_alias(const char* name) noexcept nogil
