# One place that log lines go to, and the lines that wait for it.
#
# Knows datagram sockets, descriptors and the sockets of rings. Must not know what a line says. Nothing here blocks: what the
# kernel does not take at once is dropped and counted.
#
#     area   | line \n | line \n | line \n |        |
#     starts   0         1         2         3 = length

from libc.stdint cimport int32_t, uint32_t, uint64_t
from fastlb_core.program.program cimport log_sink_desc_t

cdef enum:
    SINK_LINES = 64              # lines of one batch: one sendmmsg
    SINK_ROOM = 131072           # bytes of a batch; the largest line (65535 and its end) fits behind SINK_FULL
    SINK_LINE_MAX = 65535        # bytes of a line without its end
    SINK_FULL = 65280            # with so many bytes a batch is sent
    SINK_REOPEN_MS = 1000        # pause between attempts to open a sink that is not there

cdef enum sink_wait_t:           # how a descriptor sink is kept from blocking
    SINK_W_NONE = 0              # regular file, or a descriptor of our own with O_NONBLOCK
    SINK_W_POLL = 1              # borrowed descriptor: asked before each write
    SINK_W_SOCKET = 2            # MSG_DONTWAIT

cdef struct sink_t:
    const log_sink_desc_t* desc  # borrowed (program)
    int fd                       # owned unless is_borrowed; -1: not open
    bint is_borrowed
    int wait                     # sink_wait_t
    uint64_t reopen_ms           # monotonic; not before
    uint32_t n_lines
    uint32_t length              # bytes waiting
    uint32_t starts[65]          # inline: where each line begins, and the end
    char* area                   # owned: SINK_ROOM bytes

# Prepares the sink and tries to open it; False when memory is short. A sink that cannot be opened is tried again later.
cdef bint sink_init(sink_t* sink, const log_sink_desc_t* desc) noexcept nogil
# Closes and frees. Idempotent.
cdef void sink_destroy(sink_t* sink) noexcept nogil
# Where the next line may be written: room for 65536 bytes at least.
cdef char* sink_room(sink_t* sink) noexcept nogil
# Notes that a line of `length` bytes (with its end) was written there. True when the batch is full and must be flushed.
cdef bint sink_add(sink_t* sink, uint32_t length) noexcept nogil
# Sends what waits; returns the number of lines that were dropped.
cdef uint32_t sink_flush(sink_t* sink, uint64_t now_ms) noexcept nogil
