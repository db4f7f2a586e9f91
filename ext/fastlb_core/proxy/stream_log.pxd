# The log lines of a stream: whether there is one, which text and level it has, and at which steps (`log-steps`, `do-log`).
#
# Knows the options of log lines (manual, section 8) and log profiles. Must not know headers, targets or sinks (log.pyx).

from libc.stdint cimport uint8_t
from fastlb_core.program.program cimport log_profile_t, log_step_t
from fastlb_core.program.sample cimport eval_t
from fastlb_core.proxy.stream cimport stream_t

# Writes the stream's line (now, for logasap, or at the end).
cdef void stream_log(stream_t* strm, bint is_early) noexcept nogil
# Writes the line of a step.
cdef void stream_log_step(stream_t* strm, log_step_t step) noexcept nogil
# The stream passes this step, which has a line of its own where `log-steps` says so.
cdef inline void stream_passes(stream_t* strm, log_step_t step) noexcept nogil:
    if strm.fe.log_steps & (1 << <int> step):
        stream_log_step(strm, step)

# A line that a rule has asked for; profile: instead of the targets' own, or NULL. Takes the scratch area.
cdef void log_on_demand(eval_t* ev, log_step_t step, const log_profile_t* profile) noexcept nogil
# Writes the line of `error-log-format` for a connection that never became a stream. Takes the scratch area.
cdef void log_error_format(eval_t* ev, uint8_t level) noexcept nogil
