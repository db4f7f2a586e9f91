# What the test kits share: values from Python as arguments and samples, and back.

from fastlb_core.program.expr cimport arg_t
from fastlb_core.program.sample cimport sample_t

# value: see exprkit.pyx. keep: gets what must outlive the call. store: a VarStore, where variables may come.
cdef int put_arg(arg_t* arg, value, list keep, store=*) except -1
cdef int put_sample(sample_t* smp, value, list keep) except -1
cdef object value_of(const sample_t* smp)
