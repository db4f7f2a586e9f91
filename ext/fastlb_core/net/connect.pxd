# Opening a connection: socket, source address, options, connect() without waiting.
# Knows sockets and addresses; must not know servers, when or why one is wanted, or what will be sent.

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from fastlb_core.net.conn cimport conn_t
from fastlb_core.net.loop cimport loop_t
from fastlb_core.sys.socket cimport sockaddr, socklen_t

cdef enum:                       # connect_start.options
    CONNECT_KEEPALIVE = 0x1      # SO_KEEPALIVE (srvtcpka)
    CONNECT_TFO = 0x2            # TCP Fast Open
    CONNECT_TRANSPARENT = 0x4    # the source may be an address that this host does not have (usesrc)
    CONNECT_UNTIL_BOUND = 0x8    # source's port is one of several: a taken one is told as EADDRNOTAVAIL
    CONNECT_NOLINGER = 0x10      # reset when it is closed (nolinger)

# What else is set on the socket; 0 and NULL leave it as the system has it.
cdef struct connect_opts_t:
    const char* interface        # borrowed, NUL-terminated
    uint32_t user_timeout_ms     # TCP_USER_TIMEOUT
    uint32_t keep_idle_s         # of SO_KEEPALIVE's probes
    uint32_t keep_interval_s
    uint32_t keep_count

# What the packets of a connection carry (`set-bc-mark`, `set-bc-tos`); all zero: nothing.
cdef struct sock_marks_t:
    uint32_t mark                # SO_MARK
    uint8_t tos                  # IP_TOS, IPV6_TCLASS
    uint8_t has_mark
    uint8_t has_tos

# Sets what `marks` holds on a socket of this family. A kernel that refuses is no reason to refuse the stream (haproxy: the same).
cdef void sock_set_marks(int fd, uint16_t family, const sock_marks_t* marks) noexcept nogil
# A connecting (or connected) conn_t to `address`, from `source` unless that is NULL; opts and marks may be NULL. NULL: no
# descriptor, no port, or refused at once; *err_no is why.
cdef conn_t* connect_start(loop_t* loop, const sockaddr* address, socklen_t address_len, const sockaddr* source,
                           socklen_t source_len, uint32_t options, const connect_opts_t* opts, const sock_marks_t* marks,
                           int* err_no) noexcept nogil
