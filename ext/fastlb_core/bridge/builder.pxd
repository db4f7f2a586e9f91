# The compiled program as a Python object, and the builder that fills it from plain Python values.
#
# Knows program_t, its memory and the arena's layout. Must not know the configuration model: src/fastlb/compile/ calls it.

from fastlb_core.program.program cimport program_t

cdef class Program:
    cdef program_t* ptr              # owned, with its arena; valid as long as this object lives
    # What a name's index is. Read-only for Python; entries stand at their own index.
    cdef readonly tuple proxies      # of ProxyEntry
    cdef readonly tuple servers      # of ServerEntry, internal ones last
    cdef readonly tuple listeners    # of ListenerEntry
    cdef readonly tuple log_sinks    # of (kind, address bytes, descriptor)
    cdef readonly tuple patterns     # of PatternsEntry
    cdef readonly tuple variables    # names of the scope proc, by slot
