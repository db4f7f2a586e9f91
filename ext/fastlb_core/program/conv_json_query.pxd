# `json_query`: its table for bridge/registry, and the answer that JWT queries give as well.

from libc.stdint cimport uint32_t
from fastlb_core.base.slice cimport slice_t
from fastlb_core.program.expr cimport arg_t, conv_entry_t
from fastlb_core.program.sample cimport eval_t, sample_t

# The table, and in *n how many entries it has. borrowed (static)
cdef const conv_entry_t* conv_json_query_entries(uint32_t* n) noexcept nogil
# The value that args[0] (a path) names in `text`, as json_query gives it; args[1]: "int", or left out.
cdef bint json_answer(eval_t* ev, slice_t text, const arg_t* args, sample_t* smp) noexcept nogil
