# A connection to a server, at the address it has now.
# Knows the server's address in the arena, mapped ports and sources; must not know streams.

from libc.stdint cimport uint32_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.loop cimport loop_t

# As net/connect's connect_start, which also has the options. client_port: the port that the client connected to, for servers
# that map it (SRV_F_MAP_PORT).
cdef conn_t* dial(loop_t* loop, srv_t* srv, uint32_t client_port, uint32_t options, int* err_no) noexcept nogil
