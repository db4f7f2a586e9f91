# A connection to a server, at the address it has now.
# Knows the server's address in the arena, mapped ports and sources; must not know streams.

from libc.stdint cimport uint32_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.connect cimport sock_marks_t
from fastlb_core.net.loop cimport loop_t

# As net/connect's connect_start, which also has the options. from_address: the sockaddr that the server is to see, or NULL for
# the configuration's source. client_dst: the sockaddr that the client connected to, for servers
# that take its address (SRV_F_CLIENT_DST) or its port (SRV_F_MAP_PORT); else NULL.
cdef conn_t* dial(
    loop_t* loop, srv_t* srv, const void* client_dst, const void* from_address, uint32_t options, const sock_marks_t* marks,
    int* err_no
) noexcept nogil
