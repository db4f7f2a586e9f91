# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False
# Sinks: datagrams by sendmmsg, descriptors by write; contracts in log_sink.pxd.

from libc.errno cimport EAGAIN, EINTR, EMSGSIZE, ENOBUFS, errno
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastlb_core.program.program cimport LOG_SINK_FD, LOG_SINK_RING, LOG_SINK_UDP, log_sink_desc_t
from fastlb_core.sys.socket cimport (
    MSG_DONTWAIT, MSG_NOSIGNAL, SO_SNDBUF, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOL_SOCKET, connect, iovec, mmsghdr,
    send, sendmmsg, setsockopt, sockaddr, sockaddr_storage, socket,
)
from fastlb_core.sys.splice cimport O_CLOEXEC, O_NONBLOCK, close, write

cdef extern from *:
    """
    #include <fcntl.h>
    #include <poll.h>
    #include <stdio.h>
    #include <sys/stat.h>

    /* 1 where fd takes output now; a pipe that does takes PIPE_BUF bytes as one. */
    static int flb_is_writable(int fd)
    {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
    }
    static mode_t flb_file_type(int fd)
    {
        struct stat st;
        return fstat(fd, &st) == 0 ? (st.st_mode & S_IFMT) : 0;
    }
    static int flb_open_again(int fd, int flags)
    {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        return open(path, flags);
    }
    """
    bint is_writable "flb_is_writable" (int fd) noexcept nogil
    unsigned int file_type "flb_file_type" (int fd) noexcept nogil
    int open_again "flb_open_again" (int fd, int flags) noexcept nogil
    const unsigned int S_IFSOCK, S_IFIFO, S_IFCHR
    const int O_WRONLY, O_APPEND, PIPE_BUF "4096"

cdef enum:
    SEND_BUFFER = 1048576        # bytes asked for: several full batches of usual lines


cdef bint sink_init(sink_t* sink, const log_sink_desc_t* desc) noexcept nogil:
    memset(sink, 0, sizeof(sink_t))
    sink.desc = desc
    sink.fd = -1
    sink.area = <char*> malloc(SINK_ROOM)
    if sink.area == NULL:
        return False
    open_sink(sink)
    return True


cdef void sink_destroy(sink_t* sink) noexcept nogil:
    close_sink(sink)
    free(sink.area)
    sink.area = NULL
    sink.n_lines = sink.length = 0


cdef void close_sink(sink_t* sink) noexcept nogil:
    if sink.area != NULL and sink.fd >= 0 and not sink.is_borrowed:
        close(sink.fd)
    sink.fd = -1


cdef void open_sink(sink_t* sink) noexcept nogil:
    cdef int size = SEND_BUFFER
    cdef sockaddr_storage address
    if sink.desc.kind == LOG_SINK_FD:
        open_descriptor(sink)
        return
    if sink.desc.kind == LOG_SINK_RING:
        # Half of a pair made before the fork: there is nothing to open, and as nothing else it keeps lines apart.
        sink.fd = sink.desc.fd
        sink.is_borrowed = True
        return
    sink.is_borrowed = False
    # The program packs addresses at any offset; a sockaddr has to be aligned to be read.
    memcpy(&address, sink.desc.addr, sink.desc.addr_len)
    sink.fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if sink.fd < 0:
        return
    setsockopt(sink.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size))
    # Connected, so that the kernel looks up the route once and not for each line.
    if connect(sink.fd, <const sockaddr*> &address, sink.desc.addr_len) != 0:
        close_sink(sink)


cdef void open_descriptor(sink_t* sink) noexcept nogil:
    """O_NONBLOCK on an inherited descriptor would change it for everybody who shares it, so a second opening is tried."""
    cdef unsigned int kind = file_type(sink.desc.fd)
    sink.fd = sink.desc.fd
    sink.is_borrowed = True
    sink.wait = SINK_W_NONE
    if kind == S_IFSOCK:
        sink.wait = SINK_W_SOCKET
    elif kind == S_IFIFO or kind == S_IFCHR:
        sink.fd = open_again(sink.desc.fd, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC)
        sink.is_borrowed = False
        if sink.fd < 0:
            sink.fd = sink.desc.fd
            sink.is_borrowed = True
            sink.wait = SINK_W_POLL


cdef char* sink_room(sink_t* sink) noexcept nogil:
    return sink.area + sink.length


cdef bint sink_add(sink_t* sink, uint32_t length) noexcept nogil:
    sink.starts[sink.n_lines] = sink.length
    sink.n_lines += 1
    sink.length += length
    sink.starts[sink.n_lines] = sink.length
    return sink.n_lines >= SINK_LINES or sink.length >= SINK_FULL


cdef uint32_t sink_flush(sink_t* sink, uint64_t now_ms) noexcept nogil:
    cdef uint32_t n_sent = 0, n_lines = sink.n_lines
    if n_lines == 0:
        return 0
    if sink.fd < 0 and now_ms >= sink.reopen_ms:
        open_sink(sink)
    if sink.fd >= 0:
        if sink.desc.kind == LOG_SINK_FD:
            n_sent = write_lines(sink)
        else:
            n_sent = send_lines(sink)
    if sink.fd < 0:
        sink.reopen_ms = now_ms + SINK_REOPEN_MS
    sink.n_lines = sink.length = 0
    return n_lines - n_sent


cdef inline bint is_full(int error) noexcept nogil:
    return error == EAGAIN or error == ENOBUFS


cdef uint32_t send_lines(sink_t* sink) noexcept nogil:
    """One datagram per line; returns how many the kernel took."""
    cdef mmsghdr messages[64]
    cdef iovec parts[64]
    cdef uint32_t i, at = 0, n_lost = 0
    cdef int n_taken, error, n_attempts = 0
    for i in range(sink.n_lines):
        memset(&messages[i], 0, sizeof(mmsghdr))
        parts[i].iov_base = sink.area + sink.starts[i]
        parts[i].iov_len = sink.starts[i + 1] - sink.starts[i]
        messages[i].msg_hdr.msg_iov = &parts[i]
        messages[i].msg_hdr.msg_iovlen = 1
    while at < sink.n_lines:
        n_taken = sendmmsg(sink.fd, &messages[at], sink.n_lines - at, MSG_DONTWAIT | MSG_NOSIGNAL)
        if n_taken > 0:
            at += <uint32_t> n_taken
            continue
        error = errno
        if error == EINTR:
            continue
        if error == EMSGSIZE:
            # this line will never fit, the next ones may
            at += 1
            n_lost += 1
            continue
        if is_full(error):
            break
        # The answer to an earlier datagram (ECONNREFUSED), or the peer went away: once more, on a new socket.
        n_attempts += 1
        if n_attempts > 2:
            break
        if n_attempts == 2 or sink.desc.kind != LOG_SINK_UDP:
            close_sink(sink)
            open_sink(sink)
            if sink.fd < 0:
                break
    return at - n_lost


cdef long write_some(sink_t* sink, const char* ptr, uint32_t length) noexcept nogil:
    """Bytes taken, or a negative errno."""
    cdef long n
    while True:
        if sink.wait == SINK_W_SOCKET:
            n = send(sink.fd, ptr, length, MSG_DONTWAIT | MSG_NOSIGNAL)
        elif sink.wait == SINK_W_POLL and not is_writable(sink.fd):
            return -EAGAIN
        else:
            n = write(sink.fd, ptr, length)
        if n >= 0:
            return n
        if errno != EINTR:
            return -errno


cdef uint32_t write_lines(sink_t* sink) noexcept nogil:
    """Whole lines in pieces of at most PIPE_BUF, which the kernel never mixes with another worker's; returns the lines taken."""
    cdef uint32_t first = 0, last, length
    cdef long n
    while first < sink.n_lines:
        last = first + 1
        while last < sink.n_lines and sink.starts[last + 1] - sink.starts[first] <= <uint32_t> PIPE_BUF:
            last += 1
        length = sink.starts[last] - sink.starts[first]
        n = write_some(sink, sink.area + sink.starts[first], length)
        if n < <long> length:
            # Of a piece that was cut only whole lines count as taken.
            while n > 0 and sink.starts[first + 1] - sink.starts[first] <= <uint32_t> n:
                n -= sink.starts[first + 1] - sink.starts[first]
                first += 1
            break
        first = last
    return first
