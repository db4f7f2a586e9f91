# Renders a head with its edits.
# Knows how http_msg_t marks edits; must not know sockets or why the edits were made. Both outputs are made of the same
# pieces: `emit` either notes a slice, joined to the one before when they touch, or copies.

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memcpy

from fastlb_core.http.message cimport (
    HDR_F_CANON, HDR_F_DELETED, HDR_F_EDIT, MSG_F_EDITED, MSG_F_RESPONSE, hdr_t, http_msg_t,
)
from fastlb_core.sys.socket cimport iovec

# Where the pieces go: slices, a copy, or (neither) only their sum.
ctypedef struct sink_t:
    head_out_t* out         # borrowed; NULL when not slicing
    char* dst               # borrowed; NULL when not copying
    uint32_t room           # bytes left at dst
    uint32_t len            # bytes in all
    const char* end         # borrowed: where the last piece ended, NULL at the start
    uint32_t run            # copying: bytes of the current run, which have not been copied yet


cdef void flush(sink_t* sink) noexcept nogil:
    if sink.dst != NULL and sink.run:
        memcpy(sink.dst, sink.end - sink.run, sink.run)
        sink.dst += sink.run
    sink.run = 0


# A run of neighbouring pieces is one slice, or one memcpy.
cdef void emit(sink_t* sink, const char* ptr, uint32_t length) noexcept nogil:
    cdef iovec* last
    sink.len += length
    if sink.dst != NULL:
        if ptr != sink.end:
            flush(sink)
        if sink.room < length:
            sink.dst = NULL
            return
        sink.room -= length
        sink.run += length
    elif sink.out != NULL:
        if ptr == sink.end and sink.out.n_iov and sink.out.n_iov <= HEAD_OUT_IOV:
            last = &sink.out.iov[sink.out.n_iov - 1]
            last.iov_len += length
        else:
            if sink.out.n_iov < HEAD_OUT_IOV:
                sink.out.iov[sink.out.n_iov].iov_base = <void*> ptr
                sink.out.iov[sink.out.n_iov].iov_len = length
            sink.out.n_iov += 1
    sink.end = ptr + length


# `length` bytes and the separator behind them: from where they stand, so that a canonical line is one piece, or a static one.
cdef inline void emit_with(sink_t* sink, const char* ptr, uint32_t length, const char* separator, uint32_t n) noexcept nogil:
    if memcmp(ptr + length, separator, n) == 0:
        emit(sink, ptr, length + n)
        return
    if length:
        emit(sink, ptr, length)
    emit(sink, separator, n)


# Two bytes stand behind each part: a head ends with an empty line, and edits end their parts as the line wants them.
cdef void emit_start_line(sink_t* sink, const http_msg_t* msg) noexcept nogil:
    cdef const char* area = msg.area
    if msg.flags & MSG_F_RESPONSE:
        emit_with(sink, area + msg.version_off, 8, " ", 1)
        emit_with(sink, status_digits(msg), 3, " ", 1)
        emit_with(sink, area + msg.reason_off, msg.reason_len, "\r\n", 2)
        return
    emit_with(sink, area + msg.method_off, msg.method_len, " ", 1)
    emit_with(sink, area + msg.target_off, msg.target_len, " ", 1)
    emit_with(sink, area + msg.version_off, 8, "\r\n", 2)


# The status where it stands in its line, behind any number of spaces.
cdef inline const char* status_digits(const http_msg_t* msg) noexcept nogil:
    cdef const char* at = msg.area + msg.version_off + 8
    while at[0] == 32:
        at += 1
    return at


cdef void emit_head(sink_t* sink, const http_msg_t* msg) noexcept nogil:
    cdef const char* area = msg.area
    cdef uint32_t i
    cdef const hdr_t* hdr
    if not msg.flags & MSG_F_EDITED:
        emit(sink, area + msg.start_off, msg.head_len - msg.start_off)
        flush(sink)
        return
    emit_start_line(sink, msg)
    for i in range(msg.n_hdrs):
        hdr = &msg.hdrs[i]
        if hdr.flags & HDR_F_DELETED:
            continue
        if hdr.flags & HDR_F_CANON:
            emit(sink, area + hdr.name_off, hdr.value_off + hdr.value_len + 2 - hdr.name_off)
            continue
        if area[hdr.name_off + hdr.name_len] == 58 and area[hdr.name_off + hdr.name_len + 1] == 32:
            emit(sink, area + hdr.name_off, hdr.name_len + 2)
        else:
            emit(sink, area + hdr.name_off, hdr.name_len)
            emit(sink, ": ", 2)
        if hdr.flags & HDR_F_EDIT:
            # msg_hdr_replace has put the line's end behind the value.
            emit(sink, area + hdr.value_off, hdr.value_len + 2)
            continue
        if hdr.value_len:
            emit(sink, area + hdr.value_off, hdr.value_len)
        emit(sink, "\r\n", 2)
    if sink.end == area + msg.head_len - 2 and area[msg.head_len - 2] == 13:
        emit(sink, sink.end, 2)
    else:
        emit(sink, "\r\n", 2)
    flush(sink)


cdef bint head_slices(head_out_t* out, const http_msg_t* msg) noexcept nogil:
    cdef sink_t sink
    out.n_iov = 0
    sink.out = out
    sink.dst = NULL
    sink.room = 0
    sink.len = 0
    sink.end = NULL
    sink.run = 0
    emit_head(&sink, msg)
    out.len = sink.len
    return out.n_iov <= HEAD_OUT_IOV


cdef uint32_t head_copy(const http_msg_t* msg, char* dst, uint32_t size) noexcept nogil:
    cdef sink_t sink
    sink.out = NULL
    sink.dst = dst
    sink.room = size
    sink.len = 0
    sink.end = NULL
    sink.run = 0
    emit_head(&sink, msg)
    return sink.len if sink.dst != NULL else 0


cdef bint head_is_untouched(const http_msg_t* msg) noexcept nogil:
    return msg.flags & MSG_F_EDITED == 0


cdef uint32_t head_len(const http_msg_t* msg) noexcept nogil:
    cdef sink_t sink
    sink.out = NULL
    sink.dst = NULL
    sink.room = 0
    sink.len = 0
    sink.end = NULL
    sink.run = 0
    emit_head(&sink, msg)
    return sink.len
