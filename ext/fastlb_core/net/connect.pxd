# Opening a connection: socket, source address, options, connect() without waiting.
# Knows sockets and addresses; must not know servers, when or why one is wanted, or what will be sent.

from libc.stdint cimport uint32_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.loop cimport loop_t
from fastlb_core.sys.socket cimport sockaddr, socklen_t

cdef enum:                       # connect_start.options
    CONNECT_KEEPALIVE = 0x1      # SO_KEEPALIVE (srvtcpka)
    CONNECT_TFO = 0x2            # TCP Fast Open

# A connecting (or connected) conn_t to `address`, from `source` unless that is NULL. NULL: no descriptor, no port, or
# refused at once; *err_no is why.
cdef conn_t* connect_start(loop_t* loop, const sockaddr* address, socklen_t address_len, const sockaddr* source,
                           socklen_t source_len, uint32_t options, int* err_no) noexcept nogil
