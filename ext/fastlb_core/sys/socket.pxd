# BSD sockets as Linux has them. Externs only.

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef extern from "socket.h" nogil:
    ctypedef long ssize_t
    ctypedef unsigned int socklen_t
    ctypedef unsigned short sa_family_t

    cdef enum:
        AF_UNSPEC
        AF_INET
        AF_INET6
        AF_UNIX
        SOCK_STREAM
        SOCK_DGRAM
        SOCK_SEQPACKET
        SOCK_NONBLOCK
        SOCK_CLOEXEC
        SOMAXCONN
        SHUT_RD
        SHUT_WR
        SHUT_RDWR
        MSG_DONTWAIT
        MSG_NOSIGNAL
        MSG_MORE
        MSG_PEEK
        MSG_TRUNC
        MSG_CTRUNC
        MSG_ERRQUEUE
        MSG_FASTOPEN
        MSG_ZEROCOPY
        MSG_CMSG_CLOEXEC
        SOL_SOCKET
        SO_ERROR
        SO_REUSEADDR
        SO_REUSEPORT
        SO_KEEPALIVE
        SO_LINGER
        SO_SNDBUF
        SO_RCVBUF
        SO_MARK
        SO_BINDTODEVICE
        SO_ACCEPTCONN
        SO_INCOMING_CPU
        SO_BUSY_POLL
        SO_ZEROCOPY
        SO_TYPE
        SO_DOMAIN
        SCM_RIGHTS
        IPPROTO_IP
        IPPROTO_IPV6
        IPPROTO_TCP
        IP_FREEBIND
        IP_TRANSPARENT
        IP_BIND_ADDRESS_NO_PORT
        IP_TOS
        IPV6_V6ONLY
        IPV6_TCLASS
        IPV6_FREEBIND
        IPV6_TRANSPARENT
        TCP_NODELAY
        TCP_QUICKACK
        TCP_CORK
        TCP_DEFER_ACCEPT
        TCP_FASTOPEN
        TCP_FASTOPEN_CONNECT
        TCP_KEEPIDLE
        TCP_KEEPINTVL
        TCP_KEEPCNT
        TCP_MAXSEG
        TCP_USER_TIMEOUT
        TCP_CONGESTION
        TCP_INFO

    cdef struct sockaddr:
        sa_family_t sa_family

    cdef struct in_addr:
        uint32_t s_addr

    cdef struct in6_addr:
        uint8_t s6_addr[16]

    cdef struct sockaddr_in:
        sa_family_t sin_family
        uint16_t sin_port
        in_addr sin_addr

    cdef struct sockaddr_in6:
        sa_family_t sin6_family
        uint16_t sin6_port
        uint32_t sin6_flowinfo
        in6_addr sin6_addr
        uint32_t sin6_scope_id

    cdef struct sockaddr_un:
        sa_family_t sun_family
        char sun_path[108]

    cdef struct sockaddr_storage:
        sa_family_t ss_family

    cdef struct tcp_info:
        uint32_t tcpi_unacked
        uint32_t tcpi_sacked
        uint32_t tcpi_lost
        uint32_t tcpi_retrans
        uint32_t tcpi_fackets
        uint32_t tcpi_rtt            # microseconds
        uint32_t tcpi_rttvar
        uint32_t tcpi_reordering

    cdef struct linger:
        int l_onoff
        int l_linger

    cdef struct iovec:
        void* iov_base
        size_t iov_len

    cdef struct msghdr:
        void* msg_name
        socklen_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags

    cdef struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len

    cdef struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type

    size_t CMSG_SPACE(size_t length)
    size_t CMSG_LEN(size_t length)
    unsigned char* CMSG_DATA(cmsghdr* cmsg)
    cmsghdr* CMSG_FIRSTHDR(msghdr* msg)

    int socket(int domain, int kind, int protocol)
    int socketpair(int domain, int kind, int protocol, int* fds)
    int bind(int fd, const sockaddr* address, socklen_t length)
    int listen(int fd, int backlog)
    int accept4(int fd, sockaddr* address, socklen_t* length, int flags)
    int connect(int fd, const sockaddr* address, socklen_t length)
    int shutdown(int fd, int how)
    int getsockname(int fd, sockaddr* address, socklen_t* length)
    int getpeername(int fd, sockaddr* address, socklen_t* length)
    int getsockopt(int fd, int level, int name, void* value, socklen_t* length)
    int setsockopt(int fd, int level, int name, const void* value, socklen_t length)
    ssize_t recv(int fd, void* bytes, size_t length, int flags)
    ssize_t recvfrom(int fd, void* bytes, size_t length, int flags, sockaddr* address, socklen_t* addr_len)
    ssize_t recvmsg(int fd, msghdr* msg, int flags)
    ssize_t send(int fd, const void* bytes, size_t length, int flags)
    ssize_t sendto(int fd, const void* bytes, size_t length, int flags, const sockaddr* address, socklen_t addr_len)
    ssize_t sendmsg(int fd, const msghdr* msg, int flags)
    int sendmmsg(int fd, mmsghdr* msgs, unsigned int n_msgs, int flags)
    ssize_t readv(int fd, const iovec* iov, int n_iov)
    ssize_t writev(int fd, const iovec* iov, int n_iov)

    uint16_t htons(uint16_t value)
    uint16_t ntohs(uint16_t value)
    uint32_t htonl(uint32_t value)
    uint32_t ntohl(uint32_t value)
