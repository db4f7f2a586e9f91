# Servers that commands add and remove (`add server`, `del server`): see dynamic.pyx.

from libc.stdint cimport uint32_t

from fastlb_core.bridge.builder cimport Program
from fastlb_core.lb.server cimport srv_t
from fastlb_core.program.program cimport program_t, px_t

cdef class DynamicServers:
    cdef readonly Program program
    cdef program_t* ptr              # borrowed (program)
    cdef dict homes                  # index -> address of the program_t with a server's memory
    cdef list retired                # likewise, of servers that are gone: freed with the next change
    cdef dict rooms                  # proxy -> places that its array in this process has room for, where it has been renewed
    cdef dict gone                   # (proxy, place) -> address of the srv_t that stands where nobody does

    cdef px_t* _backend(self, proxy) except NULL
    cdef srv_t* _server(self, index) except NULL
    cdef int _know_spare(self, index) except -1
    cdef int _put(self, px_t* px, place, srv_t* srv) except -1
    cdef srv_t* _nobody(self, proxy, place) except NULL
