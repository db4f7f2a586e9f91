# The compiled program as a Python object, and the builder that fills it from plain Python values.
#
# Knows program_t, its memory and the arena's layout. Must not know the configuration model: src/fastlb/compile/ calls it.

from fastlb_core.program.program cimport program_t

cdef class Program:
    cdef program_t* ptr              # owned, with its arena; valid as long as this object lives
    # What a name's index is. Read-only for Python; entries of tuples stand at their own index.
    cdef readonly tuple proxies      # of ProxyEntry
    cdef readonly tuple servers      # of ServerEntry, internal ones last; those of the configuration
    cdef readonly dict added         # ServerEntry by index: what commands have added (dynamic.pyx), as this process knows it
    cdef readonly set removed        # indexes of the configuration's servers that commands have removed
    cdef readonly frozenset referenced  # indexes of servers that rules and expressions name
    cdef readonly tuple listeners    # of ListenerEntry
    cdef readonly tuple log_sinks    # of (kind, address bytes, descriptor)
    cdef readonly tuple patterns     # of PatternsEntry
    cdef readonly tuple variables    # names of the scope proc, by slot
