# A copy of a server's struct in the arena, for Python.

from libc.stdint cimport uint32_t
from fastlb_core.lb.shared cimport srv_shared_t

cdef class ServerState:
    cdef srv_shared_t sh         # inline: the copy
    cdef uint32_t address_len    # bytes of sh.addr that are the address
    cdef bytes cookie_text
