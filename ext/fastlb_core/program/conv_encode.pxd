# Converters between bytes and their encodings: their table for bridge/registry.

from libc.stdint cimport uint32_t
from fastlb_core.program.expr cimport arg_t, conv_entry_t
from fastlb_core.program.sample cimport eval_t, sample_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_encode_entries(uint32_t* n) noexcept nogil
# The converter of that name, for a path (manual, 7.3.1). As conv_fn.
cdef bint url_dec(eval_t* ev, const arg_t* args, sample_t* smp) noexcept nogil
