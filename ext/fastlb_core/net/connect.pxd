# Opening a connection to a server: socket, source address, options, connect() without waiting.
# Knows sockets and addresses; must not know when or why one is wanted, or what will be sent.

from libc.stdint cimport uint8_t, uint32_t
from fastlb_core.lb.server cimport srv_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.loop cimport loop_t

cdef enum:                       # connect_start.options
    CONNECT_KEEPALIVE = 0x1      # srvtcpka

# A connecting (or connected) conn_t to srv at its address of now. `client_port` is for servers that map ports
# (SRV_F_MAP_PORT), 0 elsewhere. NULL: no descriptor, no port, or refused at once; *err_no is why.
cdef conn_t* connect_start(loop_t* loop, srv_t* srv, uint32_t client_port, uint32_t options, int* err_no) noexcept nogil
