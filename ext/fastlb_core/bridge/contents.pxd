# Values of variables between C and Python, for engine.pyx.

from fastlb_core.program.sample cimport sample_t

# Fills the sample from a contents.Value, which must outlive it; and the other way.
cdef int put_value(sample_t* smp, value) except -1
cdef object take_value(const sample_t* smp)
