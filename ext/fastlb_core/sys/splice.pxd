# splice(2) and pipes. Externs only.

from libc.stddef cimport size_t

cdef extern from "splice.h" nogil:
    ctypedef long ssize_t
    ctypedef long long loff_t
    cdef enum:
        SPLICE_F_MOVE
        SPLICE_F_NONBLOCK
        SPLICE_F_MORE
        F_SETPIPE_SZ
        F_GETPIPE_SZ
        F_GETFL
        F_SETFL
        F_GETFD
        F_SETFD
        FD_CLOEXEC
        O_NONBLOCK
        O_CLOEXEC

    ssize_t splice(int fd_in, loff_t* off_in, int fd_out, loff_t* off_out, size_t length, unsigned int flags)
    int pipe2(int* fds, int flags)
    int fcntl(int fd, int cmd, ...)
    int close(int fd)
    ssize_t read(int fd, void* bytes, size_t count)
    ssize_t write(int fd, const void* bytes, size_t count)
