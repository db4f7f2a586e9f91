# Answers of the proxy's own: implementation.

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memchr

from fastlb_core.base.slice cimport slice_of, slice_starts_nocase, slice_t
from fastlb_core.http.message cimport HDR_CONNECTION, HDR_F_DELETED, MSG_F_HTTP10, MSG_F_RESPONSE, http_msg_t, msg_hdr_value
from fastlb_core.http.rewrite cimport is_connection_kept
from fastlb_core.http.status cimport error_page, monitor_page, rule_page
from fastlb_core.net.conn cimport conn_keep, conn_sendv, conn_t
from fastlb_core.program.program cimport err_index
from fastlb_core.proxy.stream cimport STRM_F_BAD_REQUEST, STRM_F_CLOSE_FRONT, STRM_F_OWN_PAGE, stream_t
from fastlb_core.sys.socket cimport iovec

cdef enum:
    COUNTED_START_LINE = 20      # bytes that HAProxy's own struct of a start line adds


cdef slice_t _own_page(const stream_t* strm, int status) noexcept nogil:
    """The page that the configuration has for the status, the backend's first; ptr NULL: none."""
    cdef int i = err_index(status)
    if i >= 0:
        if strm.be != NULL and strm.be.error_pages[i].ptr != NULL:
            return strm.be.error_pages[i]
        if strm.fe.error_pages[i].ptr != NULL:
            return strm.fe.error_pages[i]
    return slice_of(NULL, 0)


cdef const arg_t* reply_answer(const stream_t* strm, int status) noexcept nogil:
    cdef int i = err_index(status)
    if i < 0:
        return NULL
    if strm.be != NULL and strm.be.error_answers[i] != NULL:
        return <const arg_t*> strm.be.error_answers[i]
    return <const arg_t*> strm.fe.error_answers[i]


cdef slice_t reply_page(const stream_t* strm, int status) noexcept nogil:
    cdef slice_t page = _own_page(strm, status)
    if page.ptr != NULL:
        return page
    return monitor_page(True) if status == 200 else error_page(<uint32_t> status)


cdef slice_t reply_rule_page(stream_t* strm, int status) noexcept nogil:
    cdef slice_t page = _own_page(strm, status)
    if page.ptr != NULL:
        return page
    if status == 400 or status == 408 or status == 414 or status == 431:
        # haproxy: its page names `connection: close`, which is counted.
        strm.flags |= STRM_F_CLOSE_FRONT
        strm.bytes_out += 15
    return rule_page(<uint32_t> status)


cdef uint32_t reply_head_len(slice_t page) noexcept nogil:
    """Bytes up to and with the empty line; all of them where there is none (the file was checked when it was read)."""
    cdef uint32_t i
    for i in range(3, page.len):
        if page.ptr[i] == b'\n' and page.ptr[i - 2] == b'\n' and page.ptr[i - 1] == b'\r':
            return i + 1
        if page.ptr[i] == b'\n' and page.ptr[i - 1] == b'\n':
            return i + 1
    return page.len


cdef bint _has_header(slice_t head, const char* name, uint32_t length) noexcept nogil:
    """True when a line of the head begins with this (lower-case) name and colon."""
    cdef uint32_t i
    for i in range(1, head.len):
        if head.ptr[i - 1] == b'\n' and slice_starts_nocase(slice_of(head.ptr + i, head.len - i), name, length):
            return True
    return False


cdef bint reply_has_length(slice_t head) noexcept nogil:
    return _has_header(head, b"content-length:", 15)


cdef uint64_t _counted_lines(slice_t head) noexcept nogil:
    """As reply_counted_head, for a head's bytes."""
    cdef uint64_t counted = COUNTED_START_LINE + 1
    cdef const char* line = head.ptr
    cdef const char* end
    cdef uint32_t n
    while line < head.ptr + head.len:
        end = <const char*> memchr(line, b'\n', head.ptr + head.len - line)
        if end == NULL:
            break
        n = <uint32_t> (end - line)
        if n and line[n - 1] == b'\r':
            n -= 1
        if n > 2:
            counted += n - 2      # two blanks of the start line, or a header's colon and blank
        line = end + 1
    return counted


cdef slice_t _ending(const stream_t* strm) noexcept nogil:
    """The rest of the head: the `connection` header that is needed, and the empty line."""
    cdef const char* close_line = b"connection: close\r\n\r\n"
    cdef const char* keep_line = b"connection: keep-alive\r\n\r\n"
    if strm.flags & STRM_F_CLOSE_FRONT:
        return slice_of(close_line, 21)
    if strm.req_msg.flags & MSG_F_HTTP10:
        return slice_of(keep_line, 26)
    return slice_of(close_line + 19, 2)


cdef bint reply_send(stream_t* strm, slice_t head, slice_t body) noexcept nogil:
    cdef conn_t* front = strm.front
    cdef iovec iov[3]
    cdef uint64_t total
    cdef int64_t n = 0
    cdef slice_t ending = _ending(strm)
    iov[0].iov_base = <void*> head.ptr
    iov[0].iov_len = head.len - 2
    if strm.flags & STRM_F_BAD_REQUEST or (strm.status == 400 or strm.status == 408) and not strm.flags & STRM_F_OWN_PAGE \
            or _has_header(head, b"connection:", 11):
        # haproxy: these pages and the errorfiles in their place are sent as they stand.
        iov[0].iov_len = head.len
        ending.len = 0
    elif head.len > 8 and head.ptr[7] == b'0':
        # haproxy: an HTTP/1.0 answer says close by saying nothing.
        ending = slice_of(ending.ptr + ending.len - 2, 2)
    iov[1].iov_base = <void*> ending.ptr
    iov[1].iov_len = ending.len
    iov[2].iov_base = <void*> body.ptr
    iov[2].iov_len = body.len
    if not strm.flags & STRM_F_BAD_REQUEST:
        # haproxy: what is sent before there is a request counts as nothing.
        strm.bytes_out += _counted_lines(head) + body.len
    total = iov[0].iov_len + iov[1].iov_len + iov[2].iov_len
    if not front.tx.len:
        n = conn_sendv(front, iov, 3 if body.len else 2)
    if n < 0:
        return False
    return <uint64_t> n == total or conn_keep(front, iov, 3, <uint64_t> n, total)


cdef uint64_t reply_counted_page(slice_t page) noexcept nogil:
    cdef uint32_t head = reply_head_len(page)
    return _counted_lines(slice_of(page.ptr, head)) + page.len - head


cdef uint64_t reply_counted_head(const http_msg_t* msg) noexcept nogil:
    cdef uint64_t counted = COUNTED_START_LINE + 1
    cdef uint32_t i
    if msg.flags & MSG_F_RESPONSE:
        counted += 8 + 3 + msg.reason_len
    else:
        counted += msg.method_len + msg.target_len + msg.version_len
    for i in range(msg.n_hdrs):
        # haproxy: the `connection` lines of this hop are no part of a message, nor is a length that is repeated or
        # overridden; but that of a 204 has been counted when it is dropped.
        if msg.hdrs[i].flags & HDR_F_DELETED and msg.status != 204 or \
                msg.hdrs[i].id == HDR_CONNECTION and not is_connection_kept(msg_hdr_value(msg, <int> i)):
            continue
        counted += msg.hdrs[i].name_len + msg.hdrs[i].value_len
    return counted


cdef uint64_t reply_counted_request(const http_msg_t* msg) noexcept nogil:
    cdef uint64_t counted = COUNTED_START_LINE + 1 + msg.method_len + msg.target_len + msg.version_len
    cdef uint32_t i
    for i in range(msg.n_hdrs):
        if not msg.hdrs[i].flags & HDR_F_DELETED and msg.hdrs[i].id != HDR_CONNECTION:
            counted += msg.hdrs[i].name_len + msg.hdrs[i].value_len
    return counted
