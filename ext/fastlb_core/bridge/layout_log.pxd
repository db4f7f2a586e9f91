# Lays out a proxy's formats and captures.

from fastlb_core.program.program cimport log_target_t, program_t, px_t

# Room for the profiles, which log targets point to: [{"tag": bytes, "steps": {step: (is_dropped, format, sd)}}, ...].
cdef int make_log_profiles(program_t* program, list profiles) except -1
# What they say; behind patterns, tables and ACLs.
cdef int lay_out_log_profiles(program_t* program, list profiles) except -1
cdef int lay_out_log(program_t* program, px_t* px, dict values) except -1
# `log` lines as ProgramBuilder.add_log_target has collected them. Raises MemoryError.
cdef log_target_t* log_targets(program_t* program, list targets) except NULL
